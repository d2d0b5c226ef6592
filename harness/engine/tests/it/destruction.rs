//! The proof of destruction, layer by layer.

use phoenix_engine::stack::Policy;
use phoenix_evidence::finding::{CheckKind, Outcome};
use phoenix_evidence::journal::event::{DestructionProof, StepEnd};

use crate::support::{Lies, Ran, Scene, failures, the_store};

/// Not proven, for this reason; no canary of the store passes, and nobody says recovered.
fn is_not_proven(ran: &Ran, because: &str) {
    let (proof, why) = ran.destruction();
    assert_eq!(proof, DestructionProof::NotProven, "{why}");
    assert!(why.contains(because), "{why}");
    let found = ran.one(CheckKind::Destruction, &the_store());
    assert_eq!(found.outcome, Outcome::Unknown);
    assert_eq!(failures(&found), ["not-proven-destroyed"]);
    assert_eq!(ran.verdicts("survived"), 0);
    assert_ne!(ran.finished.recovery, "recovered");
}

#[tokio::test]
async fn an_honest_stack_is_proven_destroyed_and_recovers() {
    let ran = Scene::new().run().await;
    let (proof, why) = ran.destruction();
    assert_eq!(proof, DestructionProof::Proven, "{why}");
    assert_eq!(ran.verdicts("survived"), 4);
    assert_eq!(ran.finished.recovery, "recovered", "{:?}", ran.results());
    assert_eq!(
        (ran.finished.agreement.as_str(), ran.finished.exit),
        ("agrees", 0)
    );
}

#[tokio::test]
async fn a_vessel_left_over_in_the_inventory_proves_nothing() {
    let ran = Scene::lying(Lies {
        left_over: true,
        ..Lies::default()
    });
    is_not_proven(&ran.run().await, "is still there after the destroy");
}

#[tokio::test]
async fn a_vessel_that_is_the_old_one_after_the_rebuild_proves_nothing() {
    let ran = Scene::lying(Lies {
        same_vessel: true,
        ..Lies::default()
    });
    is_not_proven(&ran.run().await, "after the rebuild is the old one");
}

#[tokio::test]
async fn a_vessel_that_was_moved_aside_proves_nothing() {
    let ran = Scene::lying(Lies {
        moved_aside: true,
        ..Lies::default()
    });
    is_not_proven(&ran.run().await, "lies on as memory attic");
}

#[tokio::test]
async fn something_that_still_answers_proves_nothing() {
    let ran = Scene::lying(Lies {
        answers: vec!["wiki answers at its port".to_owned()],
        ..Lies::default()
    });
    is_not_proven(&ran.run().await, "wiki answers at its port");
}

#[tokio::test]
async fn a_tombstone_after_the_restore_is_the_old_data() {
    let ran = Scene::lying(Lies {
        keeps_data: true,
        ..Lies::default()
    });
    is_not_proven(&ran.run().await, "the tombstone");
}

#[tokio::test]
async fn a_tombstone_is_looked_for_where_the_restore_failed() {
    let ran = Scene::lying(Lies {
        keeps_data: true,
        restore_fails: true,
        ..Lies::default()
    });
    let ran = ran.run().await;
    assert_eq!(ran.ended(7), StepEnd::Done);
    is_not_proven(&ran, "the tombstone");
}

#[tokio::test]
async fn a_tombstone_is_looked_for_where_there_was_nothing_to_restore_from() {
    let mut scene = Scene::lying(Lies {
        keeps_data: true,
        ..Lies::default()
    });
    scene.store().policy = Policy::None;
    is_not_proven(&scene.run().await, "the tombstone");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_after_a_failed_restore_hides_its_tombstone() {
    let ran = Scene::lying(Lies {
        restore_fails: true,
        unreadable: true,
        ..Lies::default()
    });
    let ran = ran.run().await;
    assert_eq!(ran.ended(7), StepEnd::Done, "the cycle goes on");
    is_not_proven(&ran, "could not be looked for");
}

#[tokio::test]
async fn a_vessel_that_never_was_cannot_be_proven_destroyed() {
    let mut scene = Scene::new();
    // Nothing was built, and nobody looked: the inventory is empty before and after.
    scene.acts.drain(..2);
    let ran = scene.run().await;
    let (proof, why) = ran.destruction();
    assert_eq!(proof, DestructionProof::NotProven, "{why}");
    assert!(why.contains("no vessel of it before"), "{why}");
}

#[tokio::test]
async fn what_is_kept_out_of_the_destroy_is_neither_proven_nor_blamed() {
    let mut scene = Scene::new();
    scene.store().policy = Policy::Retained;
    let ran = scene.run().await;
    assert_eq!(ran.destruction().0, DestructionProof::Retained);
    assert!(ran.of(CheckKind::Destruction).is_empty());
    assert_eq!(ran.verdicts("survived"), 0);
}
