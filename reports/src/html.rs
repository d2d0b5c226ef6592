//! One self-contained HTML file: light and dark, printable, no script.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, Value, context};
use phoenix_claims::{Line, Status};
use phoenix_evidence::finding::Outcome;
use phoenix_evidence::verdict::Verdict;
use serde::Serialize;

use crate::view::{CycleView, NEVER_BEGUN, View};

/// Why the page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTML report could not be made: {0:#}")]
pub struct HtmlError(#[from] minijinja::Error);

const TEMPLATES: [(&str, &str); 9] = [
    ("report.html", include_str!("templates/report.html")),
    ("macros.html", include_str!("templates/macros.html")),
    ("style.css", include_str!("templates/style.css")),
    ("verdict.html", include_str!("templates/verdict.html")),
    ("beside.html", include_str!("templates/beside.html")),
    ("cycle.html", include_str!("templates/cycle.html")),
    ("survival.html", include_str!("templates/survival.html")),
    ("register.html", include_str!("templates/register.html")),
    ("documents.html", include_str!("templates/documents.html")),
];

/// Moments of a service's recovery, in the order in which they come.
const PHASES: [&str; 6] = [
    "restored",
    "started",
    "listening",
    "healthy",
    "first-login",
    "first-write",
];

/// The report as HTML.
///
/// # Errors
/// When the template fails: a defect of phoenix.
pub fn html(view: &View) -> Result<String, HtmlError> {
    let mut environment = Environment::new();
    // Everything from a run is escaped, whatever the template is called.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("seconds", seconds);
    environment.add_filter("anchor", anchor);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    let cycles: Vec<Value> = view.cycles.iter().map(cycle).collect();
    let template = environment.get_template("report.html")?;
    Ok(template.render(context! {
        run => view.run,
        cycles => cycles,
        missing => view.missing,
        never_begun => NEVER_BEGUN,
        beside => beside(view),
        documents => documents(view),
    })?)
}

/// Seconds as people say them: from hundredths to days.
fn seconds(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2} s"),
        _ if value < 120.0 => format!("{value:.0} s"),
        _ if value < 7200.0 => format!("{:.0} min", value / 60.0),
        _ => format!("{:.0} h", value / 3600.0),
    }
}

/// A path as the name of an anchor.
fn anchor(path: &str) -> String {
    path.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

fn cycle(cycle: &CycleView) -> Value {
    let rise_s = cycle
        .phases
        .iter()
        .flat_map(|row| row.at_s.values().copied())
        .fold(0.01, f64::max);
    context! {
        view => cycle,
        sentence => cycle.sentence(),
        recovery => cycle.recovery(),
        agreement => cycle.agreement(),
        total_s => total(cycle),
        verdicts => verdicts(cycle),
        samples => samples(cycle),
        sampled => sampled(cycle),
        phases => PHASES,
        rise_s => rise_s,
        rises => rises(cycle, rise_s),
        rpa => rpa(cycle),
        unbounded => unbounded(cycle),
        unproven => cycle
            .register
            .as_ref()
            .map_or(0, |register| register.lines_of(Status::Unproven).count()),
    }
}

fn total(cycle: &CycleView) -> f64 {
    cycle
        .steps
        .iter()
        .map(|step| step.from_s + step.took_s)
        .fold(0.1, f64::max)
}

/// Whether a store lost what it had and has nothing to come back from: no age bounds that.
fn unbounded(cycle: &CycleView) -> bool {
    cycle.results.iter().any(|result| {
        let gone = |(kind, _): &(phoenix_evidence::finding::FailureKind, u64)| {
            matches!(
                kind.0.as_str(),
                "no-backup" | "no-recovery-point" | "recovery-points-gone"
            )
        };
        result.outcome == Outcome::Fail && result.failures.iter().any(gone)
    })
}

/// The worst recovery point actual of all stores, in seconds.
fn rpa(cycle: &CycleView) -> Option<f64> {
    let survival = cycle.survival.as_ref()?;
    survival
        .rpa
        .iter()
        .filter_map(|store| store.seconds_min)
        .reduce(f64::max)
}

/// A verdict and how it is to be coloured.
#[derive(Serialize)]
struct Shade {
    name: &'static str,
    tone: &'static str,
}

fn shade(verdict: Verdict) -> Shade {
    let tone = match verdict.counts_as() {
        Some(Outcome::Pass) => "good",
        Some(Outcome::Fail) => "bad",
        Some(_) => "dunno",
        None => "calm",
    };
    Shade {
        name: verdict.name(),
        tone,
    }
}

/// The verdicts that occur, in the order in which people look for them.
fn verdicts(cycle: &CycleView) -> Vec<Shade> {
    let Some(survival) = &cycle.survival else {
        return Vec::new();
    };
    Verdict::ALL
        .into_iter()
        .map(shade)
        .filter(|shade| {
            survival
                .by_store
                .values()
                .any(|counts| counts.contains_key(shade.name))
        })
        .collect()
}

/// The samples, by store and verdict.
fn samples(cycle: &CycleView) -> Vec<Value> {
    let Some(survival) = &cycle.survival else {
        return Vec::new();
    };
    let mut groups = Vec::new();
    for shade in Verdict::ALL.into_iter().map(shade) {
        for (store, counts) in &survival.by_store {
            let shown: Vec<_> = survival
                .samples
                .iter()
                .filter(|sample| sample.store == *store && sample.verdict == shade.name)
                .collect();
            if !shown.is_empty() {
                groups.push(context! {
                    store => store,
                    verdict => shade.name,
                    tone => shade.tone,
                    count => counts.get(shade.name).copied().unwrap_or(0),
                    shown => shown,
                });
            }
        }
    }
    groups
}

/// `store verdict` of every group of canaries that is shown one by one.
fn sampled(cycle: &CycleView) -> BTreeSet<String> {
    cycle
        .survival
        .iter()
        .flat_map(|survival| &survival.samples)
        .map(|sample| format!("{} {}", sample.store, sample.verdict))
        .collect()
}

/// Each service's way from the disaster to its first write, as parts of a bar.
fn rises(cycle: &CycleView, rise_s: f64) -> Vec<Value> {
    let rise = |row: &crate::view::PhaseRow| {
        let mut parts: Vec<BTreeMap<&str, Value>> = Vec::new();
        let mut from = 0.0;
        for phase in PHASES {
            let Some(at) = row.at_s.get(phase).copied() else {
                continue;
            };
            parts.push(BTreeMap::from([
                ("phase", Value::from(phase)),
                ("left", Value::from(format!("{:.2}", 100.0 * from / rise_s))),
                (
                    "width",
                    Value::from(format!("{:.2}", 100.0 * (at - from).max(0.0) / rise_s)),
                ),
            ]));
            from = at.max(from);
        }
        // A service that came further without it had nothing that was to be restored.
        let nothing_to_restore = row.at_s.contains_key("started");
        context! { service => row.service, at_s => row.at_s, parts => parts, nothing_to_restore }
    };
    cycle.phases.iter().map(rise).collect()
}

/// Every claim that some cycle judged, and how it stands in each: worst first, as in the registers.
fn beside(view: &View) -> Vec<Value> {
    let key = |line: &Line| match &line.claim {
        Some(claim) => format!("{}#{}", claim.document, claim.id),
        None => line.title.clone(),
    };
    let lines = |cycle: &CycleView| -> BTreeMap<String, Line> {
        cycle
            .register
            .iter()
            .flat_map(|register| &register.lines)
            .map(|line| (key(line), line.clone()))
            .collect()
    };
    let columns: Vec<_> = view.cycles.iter().map(lines).collect();
    // The worst first, and then as the document has them.
    let mut rows: BTreeMap<(Status, u32, String), Vec<Option<&Line>>> = BTreeMap::new();
    for name in columns.iter().flat_map(BTreeMap::keys) {
        let cells: Vec<_> = columns.iter().map(|column| column.get(name)).collect();
        let worst = cells.iter().flatten().map(|line| line.status).min();
        if let Some(worst) = worst.filter(|_| {
            cells
                .iter()
                .flatten()
                .any(|line| line.status != Status::Unproven)
        }) {
            let at = cells
                .iter()
                .flatten()
                .find_map(|line| line.claim.as_ref())
                .map_or(0, |claim| claim.line);
            rows.insert((worst, at, name.clone()), cells);
        }
    }
    rows.into_values()
        .map(|cells| {
            let first = cells.iter().flatten().next();
            context! {
                title => first.map(|line| line.title.clone()),
                claim => first.and_then(|line| line.claim.clone()),
                cells => cells,
            }
        })
        .collect()
}

/// The documents that were judged, line by line, each once.
fn documents(view: &View) -> Vec<Value> {
    let mut all = BTreeMap::new();
    for document in view
        .cycles
        .iter()
        .flat_map(|cycle| &cycle.started.documents)
    {
        all.entry(&document.path).or_insert(&document.text);
    }
    all.into_iter()
        .map(|(path, text)| {
            context! { path => path, lines => text.lines().collect::<Vec<_>>() }
        })
        .collect()
}
