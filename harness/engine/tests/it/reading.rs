//! Reading back: logins, keys, late answers, strangers, copies.

use std::time::Duration;

use phoenix_engine::environment::DirectCopy;
use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{Event, Phase};

use crate::support::{Content, Lies, Ran, Row, Scene, failures, the_service, the_store};

/// A marker that another run wrote.
const STRANGER: &str = "phx-deadbeef-000001";

async fn lying(lies: Lies) -> Ran {
    Scene::lying(lies).run().await
}

#[tokio::test]
async fn a_login_that_works_and_ends_in_another_account_is_a_twin() {
    let ran = lying(Lies {
        on_restore: Some(|content| content.account = Some("8")),
        ..Lies::default()
    })
    .await;
    let found = ran.one(CheckKind::Login, &the_service());
    assert_eq!(found.outcome, Outcome::Fail, "{}", found.summary);
    assert_eq!(failures(&found), ["twin-account"]);
    let logged_in =
        |event: &Event| matches!(event, Event::Phase { phase, .. } if *phase == Phase::FirstLogin);
    assert!(!ran.events.iter().any(logged_in), "nobody came back in");
}

#[tokio::test]
async fn a_login_of_somebody_unknown_before_is_no_pass() {
    let mut scene = Scene::new();
    scene.acts.remove(1);
    let ran = scene.run().await;
    let found = ran.one(CheckKind::Login, &the_service());
    assert_eq!(found.outcome, Outcome::Unknown, "{}", found.summary);
}

/// What the step that checks says at its end.
async fn checked(no_login: bool) -> String {
    let lies = Lies {
        no_login,
        ..Lies::default()
    };
    let ran = lying(lies).await;
    let logins = ran.of(CheckKind::Login);
    assert_eq!(logins.is_empty(), no_login);
    let mut ends = ran.events.iter().rev().filter_map(|event| match event {
        Event::StepFinished { detail, .. } => Some(detail.clone()),
        _ => None,
    });
    ends.next().expect("the check is the last step")
}

#[tokio::test]
async fn people_log_in_as_before_only_where_that_was_tried() {
    let tried = checked(false).await;
    assert!(tried.contains("everybody logs in as before"), "{tried}");
    let nothing = checked(true).await;
    assert!(nothing.contains("no login is described"), "{nothing}");
    assert!(!nothing.contains("everybody"), "{nothing}");
}

#[tokio::test]
async fn a_first_write_that_is_not_given_back_fails() {
    let ran = lying(Lies {
        no_first_write: true,
        ..Lies::default()
    })
    .await;
    let found = ran.one(CheckKind::Write, &the_service());
    assert_eq!(found.outcome, Outcome::Fail);
    assert_eq!(failures(&found), ["no-write"]);
    let rto = ran.one(CheckKind::Rto, &Subject::Stack);
    assert_eq!(failures(&rto), ["rto-not-reached"]);
    assert_eq!(ran.finished.rta_s, None);
}

/// How the one sealed canary was judged: undecryptable, unreachable, lost.
fn sealed(ran: &Ran) -> (u64, u64, u64) {
    let of = |verdict| ran.verdicts(verdict);
    (of("undecryptable"), of("unreachable"), of("lost"))
}

#[tokio::test]
async fn a_changed_key_with_both_proofs_is_undecryptable() {
    let ran = lying(Lies {
        new_key: true,
        ..Lies::default()
    })
    .await;
    assert_eq!(sealed(&ran), (1, 0, 0));
    let found = ran.one(CheckKind::Survival, &Subject::Secret("key".to_owned()));
    assert_eq!(failures(&found), ["undecryptable"]);
}

#[tokio::test]
async fn a_key_that_did_not_change_is_not_to_blame() {
    let ran = lying(Lies {
        key_error: true,
        ..Lies::default()
    })
    .await;
    assert_eq!(sealed(&ran), (0, 1, 0), "who says key may mean anything");
}

#[tokio::test]
async fn a_store_whose_keyless_canaries_read_badly_does_not_blame_the_key() {
    let ran = lying(Lies {
        new_key: true,
        on_restore: Some(|content| {
            for copy in &mut content.direct {
                copy.text.push('?');
            }
        }),
        ..Lies::default()
    })
    .await;
    assert_eq!(sealed(&ran), (0, 1, 0));
}

#[tokio::test]
async fn a_sealed_canary_is_absent_only_if_a_keyless_one_reads_well() {
    let error = || Lies {
        key_error: true,
        new_key: true,
        ..Lies::default()
    };
    let ran = lying(Lies {
        on_restore: Some(|content| content.rows.retain(|row| row.sealed_by.is_none())),
        ..error()
    })
    .await;
    assert_eq!(sealed(&ran), (0, 0, 1), "the store answers that it is gone");
    let ran = lying(Lies {
        on_restore: Some(|content| {
            content.rows.retain(|row| row.sealed_by.is_none());
            content.direct.clear();
        }),
        ..error()
    })
    .await;
    // The lost one is the canary that was written straight into the store.
    assert_eq!(
        sealed(&ran),
        (0, 1, 1),
        "a store that reads badly answers nothing"
    );
}

#[tokio::test]
async fn late_is_not_lost_within_the_time_that_the_store_declares() {
    let late = |reads, catch_up| {
        let mut scene = Scene::lying(Lies {
            late_by_reads: reads,
            ..Lies::default()
        });
        scene.store().catch_up = catch_up;
        scene.run()
    };
    let ran = late(3, Duration::from_secs(30)).await;
    assert_eq!((ran.verdicts("survived"), ran.verdicts("lost")), (4, 0));
    let ran = late(3, Duration::ZERO).await;
    assert_eq!((ran.verdicts("survived"), ran.verdicts("lost")), (1, 3));
    let ran = late(u32::MAX, Duration::from_millis(120)).await;
    assert_eq!((ran.verdicts("survived"), ran.verdicts("lost")), (1, 3));
}

#[tokio::test]
async fn a_stranger_in_a_listing_or_a_direct_read_is_unexpected() {
    let listed: fn(&mut Content) = |content| {
        content.rows.push(Row {
            kind: "page".to_owned(),
            marker: STRANGER.to_owned(),
            text: String::new(),
            sealed_by: None,
        });
    };
    let direct: fn(&mut Content) = |content| {
        content.direct.push(DirectCopy {
            marker: STRANGER.to_owned(),
            text: String::new(),
        });
    };
    for change in [listed, direct] {
        let ran = lying(Lies {
            on_restore: Some(change),
            ..Lies::default()
        })
        .await;
        assert_eq!(ran.verdicts("unexpected"), 1);
        assert_eq!(ran.verdicts("survived"), 4);
        let found = ran.one(CheckKind::Survival, &the_store());
        assert_eq!(found.outcome, Outcome::Fail);
        assert_eq!(failures(&found), ["unexpected"]);
    }
}

#[tokio::test]
async fn a_stranger_from_a_point_that_is_older_than_this_run_is_noted() {
    let ran = lying(Lies {
        older_point: true,
        ..Lies::default()
    })
    .await;
    assert_eq!(ran.verdicts("unexpected"), 0);
    assert_eq!(ran.verdicts("note"), 1);
    assert_eq!(ran.verdicts("lost-in-window"), 4, "all was written later");
}

#[tokio::test]
async fn a_canary_that_is_listed_twice_is_duplicated() {
    let ran = lying(Lies {
        lists_twice: true,
        ..Lies::default()
    })
    .await;
    assert_eq!(
        ran.verdicts("duplicated"),
        2,
        "the pages; nothing else is listed"
    );
    let found = ran.one(CheckKind::Survival, &the_store());
    assert_eq!(failures(&found), ["duplicated"]);
}
