//! Recovery points and the stream that makes one.

use std::time::Duration;

use phoenix_engine::stack::Policy;
use phoenix_evidence::finding::{CheckKind, Outcome};
use phoenix_evidence::journal::event::{DestructionProof, Event, Moment};

use crate::support::{Lies, Ran, Scene, failures, the_store};

/// How many points the journal lists at a moment.
fn listed(ran: &Ran, at: Moment) -> usize {
    let listed = ran.events.iter().find_map(|event| match event {
        Event::RecoveryPointsListed { moment, points, .. } if *moment == at => Some(points.len()),
        _ => None,
    });
    listed.expect("a listing")
}

#[tokio::test]
async fn points_are_listed_before_and_after_the_destroy() {
    let ran = Scene::new().run().await;
    assert_eq!(listed(&ran, Moment::Before), 1);
    assert_eq!(listed(&ran, Moment::AfterDestroy), 1);
    let found = ran.one(CheckKind::RecoveryPoints, &the_store());
    assert_eq!(found.outcome, Outcome::Pass);
}

#[tokio::test]
async fn points_that_die_with_what_they_protect_are_none() {
    let ran = Scene::lying(Lies {
        points_die: true,
        ..Lies::default()
    });
    let ran = ran.run().await;
    assert_eq!(listed(&ran, Moment::Before), 1);
    assert_eq!(listed(&ran, Moment::AfterDestroy), 0);
    let found = ran.one(CheckKind::RecoveryPoints, &the_store());
    assert_eq!(found.outcome, Outcome::Fail);
    assert_eq!(failures(&found), ["recovery-points-gone"]);
}

#[tokio::test]
async fn a_backup_that_left_no_point_is_found_before_the_destroy() {
    let ran = Scene::lying(Lies {
        points_hidden: true,
        ..Lies::default()
    });
    let ran = ran.run().await;
    assert_eq!(listed(&ran, Moment::Before), 0);
    let found = ran.one(CheckKind::RecoveryPoints, &the_store());
    assert_eq!(found.outcome, Outcome::Fail);
    assert_eq!(failures(&found), ["no-recovery-point"]);
}

#[tokio::test]
async fn a_store_without_a_backup_is_told_of() {
    let mut scene = Scene::new();
    scene.store().policy = Policy::None;
    let ran = scene.run().await;
    let found = ran.one(CheckKind::RecoveryPoints, &the_store());
    assert_eq!(failures(&found), ["no-backup"]);
    assert_eq!(ran.verdicts("lost"), 4);
}

fn replicated(lies: Lies) -> Scene {
    let mut scene = Scene::lying(lies);
    scene.store().policy = Policy::Replicated {
        lag: Duration::from_secs(1),
    };
    scene
}

#[tokio::test]
async fn the_stream_is_cut_before_the_tombstone_is_planted() {
    let ran = replicated(Lies::default()).run().await;
    let (proof, why) = ran.destruction();
    assert_eq!(proof, DestructionProof::Proven, "{why}");
    assert_eq!(ran.verdicts("survived"), 4);
}

#[tokio::test]
async fn what_a_stream_has_certainly_carried_must_come_back() {
    let lies = || Lies {
        on_restore: Some(|content| content.rows.clear()),
        ..Lies::default()
    };
    let ran = replicated(lies()).run().await;
    assert_eq!((ran.verdicts("lost"), ran.verdicts("survived")), (3, 1));
    // A stream that may not have carried any of it: then it lies in the window.
    let ran = replicated(Lies {
        carries_nothing: true,
        ..lies()
    });
    let ran = ran.run().await;
    assert_eq!(
        (ran.verdicts("lost"), ran.verdicts("lost-in-window")),
        (0, 3)
    );
}
