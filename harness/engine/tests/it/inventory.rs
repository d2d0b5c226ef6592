//! Vessels that no store declares: whenever they appear, each is told once.

use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::journal::event::DestructionProof;

use crate::support::{Lies, Ran, Scene, Since, Stray, failures};

async fn with_stray(since: Since, dies: bool) -> Ran {
    let stray = Stray {
        name: "cellar",
        since,
        dies,
    };
    let lies = Lies {
        strays: vec![stray],
        ..Lies::default()
    };
    Scene::lying(lies).run().await
}

/// The one result on the inventory: a failure that tells of one vessel.
fn tells_of_it_once(ran: &Ran) -> CheckResult {
    let found = ran.one(CheckKind::Inventory, &Subject::Stack);
    assert_eq!(found.outcome, Outcome::Fail, "{}", found.summary);
    assert_eq!(failures(&found), ["undeclared"]);
    assert_eq!(found.failures[0].1, 1, "{}", found.summary);
    assert_eq!(
        found.summary.matches("cellar").count(),
        1,
        "{}",
        found.summary
    );
    assert_ne!(ran.finished.recovery, "recovered");
    found
}

#[tokio::test]
async fn a_vessel_that_is_there_before_anything_is_written_is_told_once() {
    let ran = with_stray(Since::Built, true).await;
    let found = tells_of_it_once(&ran);
    assert_eq!(found.proofs[0].step, "steady-state");
    assert!(!ran.destruction().1.contains("cellar"), "it is gone");
}

#[tokio::test]
async fn a_vessel_that_grows_while_applications_write_is_found_at_the_destroy() {
    let ran = with_stray(Since::Written, true).await;
    let found = tells_of_it_once(&ran);
    assert_eq!(found.proofs[0].step, "destroy");
    assert!(!ran.destruction().1.contains("cellar"), "it is gone");
}

#[tokio::test]
async fn a_vessel_that_outlives_the_destroy_is_part_of_the_reason() {
    for (since, word) in [
        (Since::Built, "outlived the destroy"),
        (Since::Destroyed, "appeared in the destroy"),
    ] {
        let ran = with_stray(since, false).await;
        tells_of_it_once(&ran);
        let (proof, why) = ran.destruction();
        // It is nobody's vessel, so it takes no store's proof away.
        assert_eq!(proof, DestructionProof::Proven);
        assert!(why.contains("cellar") && why.contains(word), "{why}");
        assert!(
            ran.notes().iter().any(|note| note.contains(word)),
            "{:?}",
            ran.notes()
        );
    }
}

#[tokio::test]
async fn the_inventory_is_judged_where_no_step_asked_whether_the_stack_is_well() {
    let stray = Stray {
        name: "cellar",
        since: Since::Built,
        dies: true,
    };
    let mut scene = Scene::lying(Lies {
        strays: vec![stray],
        ..Lies::default()
    });
    scene.acts.remove(1);
    tells_of_it_once(&scene.run().await);
}

#[tokio::test]
async fn a_document_that_knows_of_it_does_not_make_it_counted() {
    let stray = Stray {
        name: "cellar",
        since: Since::Written,
        dies: true,
    };
    let mut scene = Scene::lying(Lies {
        strays: vec![stray],
        ..Lies::default()
    });
    scene.forgiven = true;
    let ran = scene.run().await;
    assert_eq!(ran.finished.recovery, "unknown");
}

#[tokio::test]
async fn two_vessels_are_two() {
    let stray = |name, since| Stray {
        name,
        since,
        dies: true,
    };
    let ran = Scene::lying(Lies {
        strays: vec![stray("cellar", Since::Built), stray("shed", Since::Written)],
        ..Lies::default()
    });
    let found = ran.run().await.one(CheckKind::Inventory, &Subject::Stack);
    assert_eq!(found.failures[0].1, 2, "{}", found.summary);
    let steps: Vec<&str> = found
        .proofs
        .iter()
        .map(|proof| proof.step.as_str())
        .collect();
    assert_eq!(
        steps,
        ["steady-state", "destroy"],
        "each with its own proof"
    );
}

#[tokio::test]
async fn what_no_inventory_shows_is_looked_for_before_anything_burns() {
    let ran = Scene::lying(Lies {
        grows: true,
        ..Lies::default()
    });
    let found = tells_of_it_once(&ran.run().await);
    assert_eq!(found.proofs[0].step, "destroy");
}

#[tokio::test]
async fn what_no_inventory_shows_is_looked_for_where_nothing_burns() {
    let mut scene = Scene::lying(Lies {
        grows: true,
        ..Lies::default()
    });
    scene.acts.truncate(3);
    let found = tells_of_it_once(&scene.run().await);
    assert_eq!(found.proofs[0].step, "steady-state");
}
