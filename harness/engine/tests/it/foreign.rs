//! Backups that phoenix did not make: what a run may say of them, and what it may not.

use std::path::Path;
use std::time::Duration;

use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::plan::{Act, Check, Evident};
use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{Event, StepEnd};

use crate::support::{Foreign, Lies, Ran, STORE, Scene, failures, the_service, the_store};

/// What a store of the kind `sqlite` takes, as far as anybody looks at it here.
const POINT: &str = "SQLite format 3\0\none\ntwo\n";

fn restore(path: &Path, label: Option<&str>) -> Act {
    Act::RestoreForeign {
        points: vec![ForeignPoint {
            store: STORE.to_owned(),
            path: path.to_owned(),
            shown: "theirs.db".to_owned(),
            prefix: String::new(),
        }],
        label: label.map(str::to_owned),
    }
}

fn prove(expected: Vec<Evident>) -> Act {
    Act::Prove {
        expected: vec![(STORE.to_owned(), expected)],
    }
}

fn newest() -> Evident {
    Evident::Newest {
        table: "pages".to_owned(),
        column: "at".to_owned(),
        unit: None,
        within: Duration::from_secs(3600),
        of: None,
    }
}

/// Destroy, rebuild, restore what lies at the path, prove, start, check.
fn scene(path: &Path, expected: Vec<Evident>, lies: Lies) -> Scene {
    let mut scene = Scene::lying(lies);
    "sqlite".clone_into(&mut scene.store().engine);
    scene.acts.retain(|act| {
        !matches!(
            act,
            Act::Seed(_) | Act::Backup { .. } | Act::Restore { .. } | Act::Check { .. }
        )
    });
    let at = scene.acts.len() - 1;
    scene.acts.insert(at, prove(expected));
    scene.acts.insert(at, restore(path, None));
    scene.then(Act::Check {
        checks: vec![Check::Health, Check::Login, Check::Write],
    })
}

async fn ran(expected: Vec<Evident>, lies: Lies) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("theirs.db");
    std::fs::write(&path, POINT).expect("written");
    scene(&path, expected, lies).run().await
}

fn lies(foreign: Foreign) -> Lies {
    Lies {
        foreign,
        ..Lies::default()
    }
}

#[tokio::test]
async fn a_backup_that_loads_proves_that_and_nothing_of_what_was_lost() {
    let ran = ran(vec![newest()], Lies::default()).await;
    let loads = ran.one(CheckKind::Loads, &the_store());
    assert_eq!((loads.outcome, loads.examined), (Outcome::Pass, 2));
    let fresh = ran.one(CheckKind::Freshness, &the_store());
    assert_eq!(fresh.outcome, Outcome::Pass, "{}", fresh.summary);
    for check in [
        CheckKind::Survival,
        CheckKind::Fingerprint,
        CheckKind::RecoveryPoints,
        CheckKind::Rpo,
    ] {
        assert_eq!(ran.of(check), [], "{check:?}");
        let why = ran.not_made(check, &the_store()).expect("a reason");
        assert!(why.contains("restored from theirs.db"), "{why}");
    }
    let loss = ran.not_made(CheckKind::DataLoss, &Subject::Stack);
    assert!(loss.is_some_and(|why| why.contains("without a ledger")));
    let point = ran.events.iter().find_map(|event| match event {
        Event::ForeignPoint(point) => Some(point.clone()),
        _ => None,
    });
    let point = point.expect("the point in the journal");
    assert_eq!(
        point.blake3,
        blake3::hash(POINT.as_bytes()).to_hex().as_str()
    );
    assert_eq!(point.kind, "a SQLite file");
}

#[tokio::test]
async fn somebody_else_s_account_is_no_twin() {
    let ran = ran(vec![newest()], Lies::default()).await;
    let login = ran.one(CheckKind::Login, &the_service());
    assert_eq!(login.outcome, Outcome::Pass, "{}", login.summary);
    assert!(login.summary.contains("nobody knows"), "{}", login.summary);
}

#[tokio::test]
async fn what_is_wrong_with_a_backup_is_found() {
    for (lies, failure) in [
        (
            Lies {
                restore_fails: true,
                ..Lies::default()
            },
            "load-failed",
        ),
        (
            lies(Foreign {
                changes: true,
                ..Foreign::default()
            }),
            "changed-under-the-run",
        ),
        (
            lies(Foreign {
                is_empty: true,
                ..Foreign::default()
            }),
            "empty",
        ),
    ] {
        let ran = ran(vec![newest()], lies).await;
        let loads = ran.one(CheckKind::Loads, &the_store());
        assert_eq!(loads.outcome, Outcome::Fail);
        assert_eq!(failures(&loads), [failure]);
        // Nothing is said of what was not restored.
        let fresh = ran.one(CheckKind::Freshness, &the_store());
        assert_eq!(
            fresh.outcome,
            Outcome::Unknown,
            "{failure}: {}",
            fresh.summary
        );
        assert!(fresh.consequence_of.is_some());
    }
}

#[tokio::test]
async fn a_backup_that_is_none_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("theirs.db");
    let gone = scene(&path, vec![newest()], Lies::default()).run().await;
    let loads = gone.one(CheckKind::Loads, &the_store());
    assert_eq!(failures(&loads), ["no-recovery-point"]);
    std::fs::write(&path, "PGDMP").expect("written");
    let other = scene(&path, vec![newest()], Lies::default()).run().await;
    let loads = other.one(CheckKind::Loads, &the_store());
    assert_eq!(failures(&loads), ["wrong-kind"]);
}

#[tokio::test]
async fn the_age_of_the_newest_row_decides() {
    let aged = |age_s| {
        lies(Foreign {
            age_s,
            ..Foreign::default()
        })
    };
    for (age_s, failure) in [
        (3000.0, None),
        (-60.0, None),
        (4000.0, Some("too-old")),
        (-4000.0, Some("in-the-future")),
        (f64::INFINITY, Some("too-old")),
        (f64::NEG_INFINITY, Some("in-the-future")),
    ] {
        let ran = ran(vec![newest()], aged(age_s)).await;
        let fresh = ran.one(CheckKind::Freshness, &the_store());
        assert_eq!(failures(&fresh), Vec::from_iter(failure), "{age_s}");
    }
}

#[tokio::test]
async fn what_is_expected_is_in_it_or_is_not() {
    let rows = |at_least, at_most| Evident::Rows {
        table: "pages".to_owned(),
        at_least,
        at_most,
    };
    let value = |value: &str| Evident::Value {
        query: "SELECT".to_owned(),
        value: value.to_owned(),
    };
    let file = Evident::File {
        path: "none".to_owned(),
        is: phoenix_engine::plan::FileIs::Text(String::new()),
    };
    for (expected, failure) in [
        (rows(2, Some(2)), None),
        (rows(1, None), None),
        (rows(3, None), Some("wrong-count")),
        (rows(0, Some(1)), Some("wrong-count")),
        // Two rows are no value.
        (value("one"), Some("wrong-value")),
        (file, Some("not-there")),
    ] {
        let ran = ran(vec![expected.clone()], Lies::default()).await;
        let content = ran.one(CheckKind::Content, &the_store());
        assert_eq!(failures(&content), Vec::from_iter(failure), "{expected:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("theirs.db");
    std::fs::write(&path, "SQLite format 3\0\nonly a secret\n").expect("written");
    for (text, outcome) in [
        ("only a secret", Outcome::Pass),
        ("only a secret ", Outcome::Fail),
        ("Only a secret", Outcome::Fail),
    ] {
        let ran = scene(&path, vec![value(text)], Lies::default()).run().await;
        let content = ran.one(CheckKind::Content, &the_store());
        assert_eq!(content.outcome, outcome, "{text}");
        let told = serde_json::to_string(&content).expect("JSON");
        assert!(
            !told.contains("a secret"),
            "rows of others are digests: {told}"
        );
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_fails_and_a_server_that_is_not_there_is_unknown() {
    let without = lies(Foreign {
        without_table: true,
        ..Foreign::default()
    });
    let failed = ran(vec![newest()], without).await;
    let fresh = failed.one(CheckKind::Freshness, &the_store());
    assert_eq!(failures(&fresh), ["not-there"]);
    let mut gone = lies(Foreign {
        without_table: true,
        ..Foreign::default()
    });
    gone.unreadable = true;
    let unknown = ran(vec![newest()], gone).await;
    let fresh = unknown.one(CheckKind::Freshness, &the_store());
    assert_eq!(fresh.outcome, Outcome::Unknown, "{}", fresh.summary);
    let loads = unknown.one(CheckKind::Loads, &the_store());
    assert_eq!(loads.outcome, Outcome::Unknown, "{}", loads.summary);
}

#[tokio::test]
async fn two_backups_are_the_same_by_their_whole_fingerprint() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    std::fs::write(&one, POINT).expect("written");
    for (text, failure) in [
        (POINT, None),
        ("SQLite format 3\0\none\n", Some("another-fingerprint")),
    ] {
        std::fs::write(&two, text).expect("written");
        let same = vec![Evident::SameAs("first".to_owned())];
        let mut scene = scene(&two, same, Lies::default());
        let at = scene.acts.len() - 4;
        scene.acts.insert(at, restore(&one, Some("first")));
        let ran = scene.run().await;
        let content = ran.one(CheckKind::Content, &the_store());
        assert_eq!(
            failures(&content),
            Vec::from_iter(failure),
            "{}",
            content.summary
        );
    }
}

#[tokio::test]
async fn survival_is_never_judged_on_data_without_a_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("theirs.db");
    std::fs::write(&path, POINT).expect("written");
    let mut scene = Scene::new();
    "sqlite".clone_into(&mut scene.store().engine);
    for act in &mut scene.acts {
        if matches!(act, Act::Restore { .. }) {
            *act = restore(&path, None);
        }
    }
    let last = scene.acts.len();
    let ran = scene.run().await;
    assert_eq!(ran.ended(last), StepEnd::Failed);
    assert_eq!(ran.of(CheckKind::Survival), []);
    assert_ne!(ran.finished.recovery, "recovered");
}
