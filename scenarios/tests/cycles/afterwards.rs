//! What is touched after it was checked has no verdict; neither has what nobody checked.

use crate::support::{Ran, cycle, cycle_on, shipped_document, shipped_text};

fn ran(rest: &str) -> Ran {
    let scenario = format!(
        "scenario: afterwards\nsteps:\n  - seed: {{ canaries: 6, pairs: 4 }}\n  - backup: all\n{rest}"
    );
    cycle(&scenario, "target", &shipped_document())
}

const BURN: &str = "  - destroy: all\n  - rebuild: all\n  - restore: all\n";

fn not_green(rest: &str) {
    let ran = ran(rest);
    assert_eq!(
        ran.view.recovery(),
        "unknown",
        "{rest}{}",
        ran.view.sentence()
    );
    assert_ne!(ran.exit(), 0, "{rest}");
    let register = ran.view.register.as_ref().expect("a register");
    for id in ["crit-data-loss", "risk-environment", "cap-db-backups"] {
        let line = register.line_of(id).expect("the claim");
        assert!(
            !matches!(
                line.status,
                phoenix_claims::Status::Holds | phoenix_claims::Status::Closed
            ),
            "{rest}{id}: {}",
            line.wording
        );
    }
}

#[test]
fn a_stack_that_is_burnt_again_after_the_check_has_not_recovered() {
    not_green(&format!(
        "{BURN}  - check: [health, login, survival]\n  - destroy: all\n"
    ));
    not_green(&format!(
        "{BURN}  - check: [survival]\n  - destroy: mattermost-db\n  - rebuild: mattermost-db\n  - check: health\n"
    ));
}

#[test]
fn health_alone_says_nothing_of_the_data_and_data_nothing_of_the_services() {
    not_green(&format!("{BURN}  - check: health\n"));
    let ran = ran(&format!("{BURN}  - check: fingerprint\n"));
    assert_eq!(ran.view.recovery(), "unknown", "{}", ran.view.sentence());
}

#[test]
fn what_was_well_before_the_disaster_is_no_evidence_of_what_came_after() {
    not_green("  - check: [health, login, survival]\n  - destroy: all\n  - rebuild: all\n");
}

#[test]
fn a_second_cycle_that_is_checked_again_counts() {
    let ran = ran(&format!(
        "{BURN}  - check: [health, login, survival]\n  - backup: all\n{BURN}  - check: [health, login, survival, restart]\n"
    ));
    assert_eq!(ran.view.recovery(), "recovered", "{}", ran.view.sentence());
}

#[test]
fn more_lost_than_the_objective_allows_is_no_recovery() {
    let scenario = "scenario: strict
steps:
  - seed: { canaries: 6 }
  - backup: all
  - write: { for: 1s }
  - destroy: all
  - rebuild: all
  - restore: all
  - check: [health, login, survival]
";
    let environment = shipped_text().replace("rpo: 24h", "rpo: 0s");
    let ran = cycle_on(&environment, scenario, "target");
    assert_eq!(
        ran.view.recovery(),
        "not-recovered",
        "{}",
        ran.view.sentence()
    );
    assert!(ran.failed("rpa-over-objective"));
}
