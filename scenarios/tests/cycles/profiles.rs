//! The shipped scenario under the three profiles.

use phoenix_evidence::finding::{Outcome, Subject};

use crate::support::{cycle, shipped_document};

const FULL: &str = include_str!("../../full-phoenix.yaml");

#[test]
fn today_loses_what_the_document_says_and_agrees() {
    let ran = cycle(FULL, "today", &shipped_document());
    assert_eq!(ran.view.recovery(), "not-recovered");
    assert_eq!(ran.view.agreement(), "agrees", "{:#?}", ran.view.sentence());
    assert_eq!(ran.exit(), 0);
    assert!(ran.count("bookstack-uploads", "lost") > 0);
    assert!(ran.count("bookstack-uploads", "dangling") > 0);
    assert!(ran.count("zitadel-db", "undecryptable") > 0);
    assert_eq!(ran.count("bookstack-db", "lost"), 0);
    // Both keys are new. Nobody logs in, so nobody is asked for a code: that follows from the
    // provider's key, and is neither a second finding nor a doubt about the wiki's database.
    let second_factors = ran.verdicts_of("wiki/second-factor");
    assert_eq!(second_factors.keys().collect::<Vec<_>>(), ["unreachable"]);
    assert_eq!(ran.survival_of("bookstack/app-key"), [Outcome::Unknown]);
    assert_eq!(ran.survival_of("bookstack-db"), [Outcome::Pass]);
    assert_eq!(
        ran.root_of("bookstack/app-key"),
        Some(Subject::Secret("zitadel/masterkey".to_owned()))
    );
    assert_eq!(
        ran.view.finished.as_ref().map(|end| end.manual_steps),
        Some(2)
    );
    assert!(!ran.left, "the stack is still there");
}

#[test]
fn target_loses_nothing_and_needs_nobody() {
    let ran = cycle(FULL, "target", &shipped_document());
    assert_eq!(ran.view.recovery(), "recovered", "{}", ran.view.sentence());
    assert_eq!(ran.exit(), 0);
    for verdict in [
        "lost",
        "stale",
        "corrupted",
        "dangling",
        "duplicated",
        "undecryptable",
        "unverifiable",
        "unreachable",
        "unexpected",
        "resurrected",
        "phantom",
    ] {
        assert_eq!(ran.total(verdict), 0, "{verdict}");
    }
    assert!(ran.total("survived") > 50);
    assert!(
        ran.total("lost-in-window") > 0,
        "the window was empty: nothing was at stake"
    );
    assert_eq!(
        ran.view.finished.as_ref().map(|end| end.manual_steps),
        Some(0)
    );
    assert!(ran.view.logins.iter().all(|login| login.hops.len() > 3));
}

#[test]
fn dev_is_red_because_its_database_backups_die_with_their_instance() {
    let ran = cycle(FULL, "dev", &shipped_document());
    assert_eq!(ran.exit(), 1);
    assert!(ran.failed("recovery-points-gone"));
    let register = ran.view.register.as_ref().expect("a register");
    let line = register.line_of("cap-db-backups").expect("the claim");
    assert_eq!(line.status, phoenix_claims::Status::Broken);
}
