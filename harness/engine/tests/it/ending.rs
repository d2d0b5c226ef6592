//! How a cycle ends: cut short, with a fault that never bit, with work left for people.

use phoenix_engine::plan::{Act, Fault};
use phoenix_engine::stack::{Automation, ManualStep};
use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::StepEnd;

use crate::support::{Lies, Ran, STORE, Scene, failures};

/// Whatever the checks said: neither recovered nor agreeing.
fn claims_nothing(ran: &Ran) {
    assert_eq!(ran.finished.recovery, "unknown");
    assert_eq!(ran.finished.agreement, "cannot-tell");
    assert_eq!(ran.finished.checks, Outcome::Unknown);
    assert_eq!(ran.finished.exit, 3);
}

fn one_more_backup() -> Act {
    Act::Backup {
        stores: vec![STORE.to_owned()],
        label: None,
    }
}

#[tokio::test]
async fn a_cycle_that_is_interrupted_after_its_last_check_claims_nothing() {
    let mut scene = Scene::new().then(one_more_backup());
    scene.cancel_at = Some(10);
    let ran = scene.run().await;
    assert_eq!(ran.ended(9), StepEnd::Done);
    assert_eq!(ran.finished.system, Outcome::Pass, "{:?}", ran.results());
    assert!(ran.finished.interrupted);
    claims_nothing(&ran);
}

#[tokio::test]
async fn a_cycle_that_is_interrupted_before_anything_was_checked_claims_nothing() {
    let mut scene = Scene::new();
    scene.cancel_at = Some(4);
    let ran = scene.run().await;
    assert_eq!(ran.ended(9), StepEnd::NotRun);
    claims_nothing(&ran);
}

#[tokio::test]
async fn a_cycle_that_broke_off_claims_nothing() {
    let ran = Scene::new().then(Act::Sql {
        store: STORE.to_owned(),
        query: "SELECT 1".to_owned(),
        value: None,
        rows: None,
        save: None,
    });
    let ran = ran.run().await;
    assert_eq!(
        (ran.ended(9), ran.ended(10)),
        (StepEnd::Done, StepEnd::Failed)
    );
    assert_eq!(ran.finished.system, Outcome::Pass, "{:?}", ran.results());
    assert!(!ran.finished.interrupted);
    claims_nothing(&ran);
}

#[tokio::test]
async fn a_fault_that_was_not_seen_to_bite_leaves_recovery_unknown() {
    for (bites, has_bitten, outcome, recovery) in [
        (None, None, Outcome::Unknown, "unknown"),
        (Some(false), None, Outcome::Unknown, "unknown"),
        (None, Some(false), Outcome::Unknown, "unknown"),
        (None, Some(true), Outcome::Pass, "recovered"),
        (Some(true), None, Outcome::Pass, "recovered"),
    ] {
        let scene = Scene::lying(Lies {
            bites,
            has_bitten,
            ..Lies::default()
        });
        let fault = Fault::ResetCounters(STORE.to_owned());
        let ran = scene.with_fault(fault).run().await;
        let found = ran.one(CheckKind::Bitten, &Subject::Stack);
        assert_eq!(found.outcome, outcome, "{bites:?} {has_bitten:?}");
        assert_eq!(ran.finished.recovery, recovery, "{bites:?} {has_bitten:?}");
    }
}

/// A cycle with one manual step at its end.
async fn with_manual(automation: Option<Automation>, allowed: u32, fails: bool) -> Ran {
    let mut scene = Scene::lying(Lies {
        automation_fails: fails,
        ..Lies::default()
    })
    .then(Act::Manual {
        step: "dns".to_owned(),
    });
    scene.stack.objectives.manual_steps = Some(allowed);
    scene.stack.manual_steps = vec![ManualStep {
        name: "dns".to_owned(),
        title: "Point the name at the new address".to_owned(),
        minutes: 5.0,
        automation,
    }];
    scene.run().await
}

#[tokio::test]
async fn manual_steps_that_nobody_automated_are_counted() {
    let script = || Some(Automation::Command(vec!["true".to_owned()]));
    for (automation, allowed, fails, counted, outcome) in [
        (None, 0, false, 1, Outcome::Fail),
        (None, 1, false, 1, Outcome::Pass),
        (script(), 0, false, 0, Outcome::Pass),
        (script(), 0, true, 1, Outcome::Fail),
    ] {
        let ran = with_manual(automation, allowed, fails).await;
        assert_eq!(ran.finished.manual_steps, counted);
        let found = ran.one(CheckKind::ManualSteps, &Subject::Stack);
        assert_eq!(found.outcome, outcome, "{}", found.summary);
        assert_eq!(found.measured, Some(f64::from(counted)));
        if outcome == Outcome::Fail {
            assert_eq!(failures(&found), ["manual-steps-over-objective"]);
        }
    }
}

#[tokio::test]
async fn a_step_that_is_declared_as_automated_proves_nothing() {
    let ran = with_manual(Some(Automation::Declared), 0, false).await;
    assert_eq!(ran.finished.manual_steps, 0);
    assert!(ran.of(CheckKind::ManualStep).is_empty());
    assert!(ran.of(CheckKind::ManualSteps).is_empty());
}
