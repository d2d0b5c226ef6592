//! A bucket under each policy that it has alone: versions in the bucket, and a stream out of it.

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};

use crate::support::{Ran, cycle_keeping};

const UPLOADS: &str = "bookstack-uploads";
const SEED: &str = "seed: { canaries: 8, pairs: 4, overwritten: 2, deleted: 2, direct: 2 }";

fn steps(steps: &[&str]) -> String {
    let mut text = "scenario: buckets\nsteps:\n".to_owned();
    for step in steps {
        text.push_str(&format!("  - {step}\n"));
    }
    text
}

fn detail<'a>(ran: &'a Ran, title: &str) -> &'a str {
    let step = ran
        .view
        .steps
        .iter()
        .find(|step| step.step.title.starts_with(title));
    step.map_or("", |step| step.detail.as_str())
}

#[test]
fn a_destroyed_bucket_takes_its_versions_and_the_recovery_points_with_it() {
    let scenario = steps(&[
        SEED,
        "backup: all",
        "destroy: all",
        "rebuild: all",
        "restore: all",
        "check: [health, login, survival, fingerprint]",
    ]);
    let ran = cycle_keeping(&scenario, UPLOADS, "versioned");
    assert_eq!(ran.view.recovery(), "not-recovered");
    assert!(ran.failed("recovery-points-gone"));
    assert!(ran.says("bookstack-uploads: 1 before the destroy, none after it"));
    assert_eq!(ran.count(UPLOADS, "survived"), 0);
    assert!(ran.count(UPLOADS, "lost") > 0 && ran.count(UPLOADS, "dangling") > 0);
    assert!(ran.count("bookstack-db", "survived") > 0);
}

/// The bucket is emptied and stays where it is, while the database beside it burns.
fn emptied(brought_back: bool) -> Ran {
    let mut all = vec![
        SEED,
        "backup: all",
        "inject: { wipe: bookstack-uploads }",
        "destroy: [bookstack-db]",
        "rebuild: [bookstack-db]",
        "restore: [bookstack-db, bookstack-uploads]",
    ];
    if brought_back {
        all.push("restore: [bookstack-uploads]");
    }
    all.push("check: [survival, fingerprint]");
    let ran = cycle_keeping(&steps(&all), UPLOADS, "versioned");
    let (fault, bitten, proof) = &ran.view.faults[0];
    assert_eq!(*bitten, Some(true), "{fault}: {proof}");
    ran
}

#[test]
fn an_emptied_bucket_that_keeps_versions_comes_back_through_them() {
    let ran = emptied(true);
    assert_eq!(
        ran.count(UPLOADS, "lost") + ran.count(UPLOADS, "dangling"),
        0
    );
    assert!(ran.count(UPLOADS, "retained") > 0, "it was never destroyed");
    let fingerprints: Vec<Outcome> = ran
        .view
        .results
        .iter()
        .filter(|result| result.check == CheckKind::Fingerprint)
        .filter(|result| result.subject == Subject::Store(UPLOADS.to_owned()))
        .map(|result| result.outcome)
        .collect();
    assert_eq!(
        fingerprints,
        [Outcome::Fail, Outcome::Pass],
        "emptied, and then what it was, version by version"
    );
    assert!(ran.count("bookstack-db", "survived") > 0);
}

#[test]
fn an_emptied_bucket_that_nobody_brings_back_has_lost_its_objects() {
    let ran = emptied(false);
    assert_eq!(ran.view.recovery(), "not-recovered");
    assert!(ran.count(UPLOADS, "dangling") > 0);
    assert!(ran.count(UPLOADS, "lost") > 0);
}

/// What is written in the last second has no backup; the stream alone may have carried it.
fn streamed(lag: &str) -> Ran {
    let scenario = steps(&[
        SEED,
        "backup: all",
        "write: { for: 1s, writers: 4 }",
        "seed: { canaries: 4, pairs: 2, encrypted: 0, direct: 3 }",
        "destroy: all",
        "rebuild: all",
        "restore: all",
        "check: [health, login, survival, fingerprint]",
    ]);
    let policy = format!("{{ replicated: {{ lag: {lag} }} }}");
    let ran = cycle_keeping(&scenario, UPLOADS, &policy);
    assert_eq!(
        ran.total("unverifiable"),
        0,
        "the tombstone is not in the stream"
    );
    assert!(!ran.failed("fingerprint-differs"));
    assert!(detail(&ran, "back up").contains("2 stores replicated"));
    ran
}

#[test]
fn a_stream_without_a_lag_carries_the_last_second_away() {
    let ran = streamed("0s");
    assert_eq!(ran.view.recovery(), "recovered", "{}", ran.view.sentence());
    assert_eq!(ran.exit(), 0);
    // Two before the backup, one or more of the writers', three after it.
    assert!(ran.count(UPLOADS, "survived") >= 5);
    assert_eq!(ran.count(UPLOADS, "lost-in-window"), 0);
    assert_eq!(ran.count(UPLOADS, "lost"), 0);
    assert!(
        ran.count("zitadel-db", "lost-in-window") >= 3,
        "in a store with a backup alone the same writes are gone"
    );
}

#[test]
fn a_stream_that_lags_an_hour_has_carried_nothing_yet() {
    let ran = streamed("1h");
    assert_eq!(ran.count(UPLOADS, "survived"), 0);
    assert!(ran.count(UPLOADS, "lost-in-window") >= 5);
    assert_eq!(
        ran.count(UPLOADS, "lost"),
        0,
        "all of it is younger than the stream's end"
    );
    assert!(!ran.failed("no-recovery-point"));
}
