//! Every form of the report, drawn from the journals of a real run that are kept beside this file.

use std::collections::BTreeSet;
use std::path::Path;

use phoenix_evidence::finding::{CheckKind, FailureKind, Outcome, Subject};
use phoenix_evidence::journal::event::Event;
use phoenix_evidence::journal::{self, Line};
use phoenix_reports::View;

fn lines(name: &str) -> Vec<Line<Event>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/fixtures")
        .join(name);
    journal::read(&path).expect("a journal").lines
}

fn view() -> View {
    View::new(&[lines("today.jsonl"), lines("target.jsonl")])
}

#[test]
fn markdown() {
    let text = phoenix_reports::markdown(&view());
    let first = text.lines().find(|line| line.starts_with("**"));
    assert!(
        first.is_some_and(|line| line.contains("did not recover") && line.contains("agrees")),
        "both answers stand first: {first:?}"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn junit() {
    insta::assert_snapshot!(phoenix_reports::junit(&view()).expect("XML"));
}

#[test]
fn json_has_a_version_and_both_cycles() {
    let text = phoenix_reports::json(&view());
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["schema"], 1);
    let recoveries: Vec<_> = value["cycles"]
        .as_array()
        .expect("cycles")
        .iter()
        .map(|cycle| cycle["finished"]["recovery"].clone())
        .collect();
    assert_eq!(recoveries, ["not-recovered", "recovered"]);
    let keys: BTreeSet<&String> = value["cycles"][0]
        .as_object()
        .expect("a cycle")
        .keys()
        .collect();
    insta::assert_debug_snapshot!(keys);
}

/// The words of a page, without its markup.
fn words(html: &str) -> String {
    let body = html.split_once("</style>").expect("a style").1;
    let mut out = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => {
                inside = true;
                out.push('\n');
            }
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    let lines: Vec<&str> = out
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

/// The values of an attribute.
fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    html.split(&format!(" {attribute}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn html_is_one_file_whose_links_lead_somewhere() {
    let html = phoenix_reports::html(&view()).expect("HTML");
    assert!(!html.contains("<script"), "usable without a script");
    assert!(values(&html, "src").is_empty(), "nothing is loaded");
    assert!(!html.contains("@import") && !html.contains("url("));
    let ids: BTreeSet<&str> = values(&html, "id").into_iter().collect();
    let links = values(&html, "href");
    assert!(links.iter().any(|link| link.starts_with("#PHOENIX-md-")));
    for link in links {
        let target = link.strip_prefix('#').expect("a link inside the page");
        assert!(ids.contains(target), "{link} leads nowhere");
    }
    insta::assert_snapshot!(words(&html));
}

#[test]
fn what_a_run_wrote_is_never_markup() {
    let mut evil = lines("today.jsonl");
    for line in &mut evil {
        match &mut line.event {
            Event::CycleStarted(started) => {
                started.scenario.title = "<script>alert(1)</script>".to_owned();
            }
            Event::StepFinished { detail, .. } => *detail = "<img src=x onerror=y>".to_owned(),
            _ => {}
        }
    }
    let html = phoenix_reports::html(&View::new(&[evil])).expect("HTML");
    assert!(!html.contains("<script>") && !html.contains("<img"));
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn a_journal_that_breaks_off_is_told_as_such_in_every_form() {
    let mut cut = lines("today.jsonl");
    let half = cut.len() / 2;
    cut.truncate(half);
    let view = View::new(&[cut]);
    let html = phoenix_reports::html(&view).expect("HTML");
    let junit = phoenix_reports::junit(&view).expect("XML");
    assert!(phoenix_reports::markdown(&view).contains("broke off"));
    assert!(html.contains("broke off"));
    assert!(
        junit.contains("<error") || junit.contains("<failure"),
        "a CI that reads only this must not be green: {junit}"
    );
}

#[test]
fn logs_that_were_kept_are_linked_at_their_step() {
    let mut journal = lines("today.jsonl");
    let step = journal.iter().find_map(|line| match &line.event {
        Event::StepFinished { step, .. } => Some(step.clone()),
        _ => None,
    });
    let step = step.expect("a step ended");
    let mut line = journal[1].clone();
    line.event = Event::Attached {
        file: format!("logs/{step}/zitadel-db.log"),
        blake3: String::new(),
        bytes: 7,
    };
    let at = journal
        .iter()
        .position(|line| matches!(&line.event, Event::StepFinished { .. }));
    journal.insert(at.expect("a step ended"), line);
    let mut view = View::new(&[journal]);
    let html = |view: &View| phoenix_reports::html(view).expect("HTML");
    assert!(
        !html(&view).contains("zitadel-db.log"),
        "where it lies is not known"
    );
    view.cycles[0].folder = Some("01-full-phoenix-today".to_owned());
    let link =
        format!("<a href=\"01-full-phoenix-today/logs/{step}/zitadel-db.log\">zitadel-db</a>");
    assert!(html(&view).replace("&#x2f;", "/").contains(&link));
}

#[test]
fn a_service_with_nothing_to_restore_has_not_missed_it() {
    let mut view = View::new(&[lines("target.jsonl")]);
    let html = |view: &View| phoenix_reports::html(view).expect("HTML");
    let count = |view: &View, cell: &str| html(view).matches(cell).count();
    let (passed, missing) = (
        "<td class=\"n\">–</td>",
        "<span class=\"bad\">not reached</span>",
    );
    let (passed_before, missing_before) = (count(&view, passed), count(&view, missing));
    let row = &mut view.cycles[0].phases[0].at_s;
    row.remove("restored").expect("it was restored");
    assert_eq!(count(&view, passed), passed_before + 1, "nothing of it was");
    assert_eq!(count(&view, missing), missing_before);
    let row = &mut view.cycles[0].phases[0].at_s;
    row.remove("first-login").expect("somebody logged in");
    assert_eq!(count(&view, missing), missing_before + 1, "later or not");
    let row = &mut view.cycles[0].phases[0].at_s;
    row.remove("first-write").expect("it was written to");
    assert_eq!(count(&view, missing), missing_before + 2);
}

#[test]
fn a_password_that_is_refused_is_the_reason_and_a_new_key_by_itself_is_none() {
    let mut view = View::new(&[lines("target.jsonl")]);
    let cycle = &mut view.cycles[0];
    let finished = cycle.finished.as_mut().expect("it ended");
    finished.recovery = "not-recovered".to_owned();
    let mut result = cycle.results[0].clone();
    result.check = CheckKind::SecretPreserved;
    result.subject = Subject::Secret("wiki/secret".to_owned());
    result.outcome = Outcome::Fail;
    result.consequence_of = None;
    for (kind, reason) in [
        ("password-refused", "wiki/secret (password-refused)"),
        ("key-changed", "a check failed"),
    ] {
        result.failures = vec![(FailureKind(kind.to_owned()), 1)];
        cycle.results = vec![result.clone()];
        let sentence = cycle.sentence();
        assert!(sentence.contains(reason), "{sentence}");
    }
}
