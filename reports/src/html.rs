//! One self-contained HTML file: light and dark, printable, no script.

use minijinja::{AutoEscape, Environment, context};

use crate::view::{CycleView, View};

/// Why the page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTML report could not be made: {0:#}")]
pub struct HtmlError(#[from] minijinja::Error);

/// The report as HTML.
///
/// # Errors
/// When the template fails: a defect of phoenix.
pub fn html(view: &View) -> Result<String, HtmlError> {
    let mut environment = Environment::new();
    // Everything from a run is escaped, whatever the template is called.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("seconds", |value: f64| {
        if value < 10.0 {
            format!("{value:.2} s")
        } else {
            format!("{value:.0} s")
        }
    });
    environment.add_template("report.html", include_str!("templates/report.html"))?;
    let cycles: Vec<_> = view
        .cycles
        .iter()
        .map(|cycle| {
            context! {
                view => cycle,
                sentence => cycle.sentence(),
                recovery => cycle.recovery(),
                agreement => cycle.agreement(),
                total_s => total(cycle),
                verdicts => verdicts(cycle),
            }
        })
        .collect();
    let template = environment.get_template("report.html")?;
    Ok(template.render(context! { run => view.run, cycles => cycles })?)
}

fn total(cycle: &CycleView) -> f64 {
    cycle
        .steps
        .iter()
        .map(|step| step.from_s + step.took_s)
        .fold(0.1, f64::max)
}

/// The verdicts that occur, in the order in which people look for them.
fn verdicts(cycle: &CycleView) -> Vec<&'static str> {
    let Some(survival) = &cycle.survival else {
        return Vec::new();
    };
    phoenix_evidence::verdict::Verdict::ALL
        .iter()
        .map(|verdict| verdict.name())
        .filter(|name| {
            survival
                .by_store
                .values()
                .any(|counts| counts.contains_key(*name))
        })
        .collect()
}
