//! What evidence of a backup can carry that the harness did not make, and what it cannot.

use phoenix_claims::register::NotRun;
use phoenix_claims::{
    Entry, Mapping, Recovery, Register, RunFacts, Selector, Status, Tie, TiedCheck, judge,
    recovery_answer,
};
use phoenix_evidence::finding::{CheckKind, CheckResult, Level, Subject};

use crate::support::{fail, parse, pass, store};

const WHY: &str = "db was restored from a backup that phoenix did not make";

/// A claim that says this, tied to these checks of the store, by a run that restored such a backup.
fn judged(says: &str, checks: &[CheckKind], results: &[CheckResult], level: Level) -> Register {
    let document = parse(&format!(
        "| Thing | Status |\n| --- | --- |\n| Books <!-- phoenix: it --> | {says} |\n"
    ));
    let tied = checks.iter().map(|check| TiedCheck {
        check: *check,
        on: Selector::Subject(store("db")),
    });
    let mapping = Mapping {
        source: None,
        entries: vec![Entry {
            claim: "it".to_owned(),
            document: None,
            line: None,
            ties: vec![Tie {
                checks: tied.collect(),
                ..Tie::default()
            }],
        }],
    };
    let mut facts = RunFacts::new("r-1", "compose", "today", level, "2026-11-24T08:00:00Z");
    facts.not_run = [
        CheckKind::Survival,
        CheckKind::Fingerprint,
        CheckKind::RecoveryPoints,
        CheckKind::Rpo,
    ]
    .map(|check| NotRun {
        check,
        subject: Some(store("db")),
        reason: WHY.to_owned(),
    })
    .to_vec();
    judge(&[document], &mapping, results, &facts)
}

/// All that such a run can show, and all of it well.
fn well() -> Vec<CheckResult> {
    let web = || Subject::Service("web".to_owned());
    vec![
        pass(CheckKind::Loads, store("db")),
        pass(CheckKind::Freshness, store("db")),
        pass(CheckKind::Content, store("db")),
        pass(CheckKind::Destruction, store("db")),
        pass(CheckKind::Rebuild, Subject::Stack),
        pass(CheckKind::Health, web()),
        pass(CheckKind::Login, web()),
        pass(CheckKind::Write, web()),
    ]
}

#[test]
fn what_needs_a_ledger_is_unproven_with_its_reason_at_every_level() {
    for level in [Level::MirrorUnderstudies, Level::RealAccount] {
        for check in [
            CheckKind::Survival,
            CheckKind::Fingerprint,
            CheckKind::RecoveryPoints,
            CheckKind::Rpo,
        ] {
            for says in ["✅", "❌", "⚠️"] {
                let register = judged(says, &[check], &well(), level);
                let line = register.line_of("it").unwrap();
                assert_eq!(line.status, Status::Unproven, "{check:?} {says}");
                assert_eq!(line.why, WHY);
                // Neither does it help that something else of the claim is proven.
                let both = judged(says, &[CheckKind::Loads, check], &well(), level);
                let line = both.line_of("it").unwrap();
                assert_eq!(line.status, Status::Unproven, "{check:?} {says}");
                assert_eq!(line.why, WHY);
            }
        }
    }
}

#[test]
fn what_it_can_carry_holds_or_is_broken() {
    let checks = [CheckKind::Loads, CheckKind::Freshness, CheckKind::Content];
    let register = judged("✅", &checks, &well(), Level::RealAccount);
    assert_eq!(register.line_of("it").unwrap().status, Status::Holds);
    assert_eq!(register.exit_code(), 0);
    for (at, check) in checks.into_iter().enumerate() {
        let mut results = well();
        results[at] = fail(check, store("db"), &[("too-old", 1)]);
        let register = judged("✅", &checks, &results, Level::RealAccount);
        assert_eq!(register.line_of("it").unwrap().status, Status::Broken);
        assert_eq!(register.exit_code(), 1);
    }
}

#[test]
fn that_it_loads_is_no_recovery_and_that_it_does_not_is_none() {
    assert_eq!(recovery_answer(&well()), Recovery::Unknown);
    for (at, check) in [CheckKind::Loads, CheckKind::Freshness, CheckKind::Content]
        .into_iter()
        .enumerate()
    {
        let mut results = well();
        results[at] = fail(check, store("db"), &[("empty", 1)]);
        assert_eq!(
            recovery_answer(&results),
            Recovery::NotRecovered,
            "{check:?}"
        );
    }
}

#[test]
fn a_failure_that_no_document_admits_is_news() {
    let mut results = well();
    results[1] = fail(CheckKind::Freshness, store("db"), &[("too-old", 1)]);
    let register = judged(
        "✅",
        &[CheckKind::Loads],
        &results,
        Level::MirrorUnderstudies,
    );
    assert_eq!(register.exit_code(), 1);
}
