//! A run that is killed at any moment, what `reap` leaves of it, and the verdict of the run that is
//! taken up again: that of one which nobody killed.

use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::drill::{Drill, Killed, Said, name};

/// The steps of `fixtures/killed/scenario.yaml`, as they are planned.
const STEPS: [&str; 11] = [
    "01-build",
    "02-steady-state",
    "03-seed",
    "04-backup",
    "05-seed",
    "06-run",
    "07-destroy",
    "08-rebuild",
    "09-restore",
    "10-start",
    "11-check",
];
const RUN: [&str; 6] = ["run", "short", "--env", "small", "--seed", "7"];

fn under<'a>(profile: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&RUN, &["--profile", profile][..], more].concat()
}

/// The verdict of a run that nobody kills.
fn unbroken(drill: &Drill, profile: &str) -> Value {
    let verdict = Drill::verdict(&drill.phoenix(&under(profile, &["--format", "json"])));
    let answers = &verdict["cycles"][0]["answers"];
    let wanted = match profile {
        "whole" => serde_json::json!(["recovered", "agrees", 0]),
        _ => serde_json::json!(["not-recovered", "disagrees", 1]),
    };
    assert_eq!(*answers, wanted, "{verdict:#}");
    verdict
}

/// Takes a run up again to its end.
fn resumed(drill: &Drill, killed: &Killed) -> Said {
    let run = name(&killed.folder);
    drill.phoenix(&["run", "--resume", &run, "--format", "json"])
}

/// Reaps, takes up again, compares. `reap_first` is not needed: who takes a run up again does it too.
fn comes_to(drill: &Drill, killed: &Killed, wanted: &Value, reap_first: bool, when: &str) {
    if reap_first {
        drill.reap(killed);
    }
    let said = resumed(drill, killed);
    let verdict = Drill::verdict(&said);
    assert_eq!(verdict, *wanted, "{when}: {}", said.err);
    drill.nothing_is_left(killed);
    killed.evidence_is_as_it_was();
    let report: Value = serde_json::from_str(&said.out).expect("a report");
    let told: Vec<&str> = report["cycles"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|cycle| cycle["started"]["broken"].as_array().into_iter().flatten())
        .filter_map(|attempt| attempt["folder"].as_str())
        .collect();
    for attempt in killed.attempts() {
        assert!(
            told.contains(&attempt.as_str()),
            "{when}: {attempt} in {told:?}"
        );
    }
}

/// Kills a run when its journal has each of these texts.
fn killed_at(profile: &str, texts: impl IntoIterator<Item = String>) {
    let drill = Drill::new();
    let wanted = unbroken(&drill, profile);
    for (at, text) in texts.into_iter().enumerate() {
        let mut live = drill.start(&under(profile, &[])).held();
        live.wait_for(&text);
        let killed = live.kill();
        comes_to(&drill, &killed, &wanted, at % 2 == 0, &text);
    }
}

fn starts(steps: &[&str]) -> Vec<String> {
    let text = |step: &&str| format!("{{\"step-started\":{{\"step\":\"{step}\"}}}}");
    steps.iter().map(text).collect()
}

fn ends(steps: &[&str]) -> Vec<String> {
    let text = |step: &&str| format!("{{\"step-finished\":{{\"step\":\"{step}\"");
    steps.iter().map(text).collect()
}

#[test]
fn killed_when_one_of_the_first_steps_begins() {
    killed_at("whole", starts(&STEPS[..4]));
}

#[test]
fn killed_when_one_of_the_middle_steps_begins() {
    killed_at("lossy", starts(&STEPS[4..8]));
}

#[test]
fn killed_when_one_of_the_last_steps_begins() {
    killed_at("whole", starts(&STEPS[8..]));
}

#[test]
fn killed_when_one_of_the_first_steps_ends() {
    killed_at("lossy", ends(&STEPS[..4]));
}

#[test]
fn killed_when_one_of_the_middle_steps_ends() {
    killed_at("whole", ends(&STEPS[4..8]));
}

#[test]
fn killed_when_one_of_the_last_steps_ends() {
    killed_at("lossy", ends(&STEPS[8..]));
}

#[test]
fn killed_between_the_last_step_and_the_end() {
    let events = [
        "{\"results\":",
        "{\"register\":",
        "{\"attached\":{\"file\":\"ledger",
    ];
    killed_at("whole", events.map(str::to_owned));
}

/// Kills runs at random moments, some of them twice, and takes each up again.
fn killed_at_random(profile: &str, seed: u64, kills: usize) {
    let drill = Drill::new();
    let began = Instant::now();
    let wanted = unbroken(&drill, profile);
    let took = began.elapsed();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut done = 0;
    while done < kills {
        let after = took.mul_f64(random.gen_range(0.0..0.8));
        let when = format!("seed {seed}, kill {done}, {after:?} after the start");
        let live = drill.start(&under(profile, &[])).held();
        // The moment itself is what is tried here: no event tells it.
        std::thread::sleep(after);
        let mut killed = live.kill();
        done += 1;
        if !killed.has_a_record() {
            // It was killed before it made anything: there is nothing to take up, and it is said.
            let said = resumed(&drill, &killed);
            assert_eq!(said.code, Some(2), "{when}: {}", said.err);
            assert!(said.err.contains("start a new run"), "{when}: {}", said.err);
            drill.nothing_is_left(&killed);
            continue;
        }
        if random.gen_bool(0.4) {
            let again = drill.start_again(&killed).held();
            std::thread::sleep(after.min(Duration::from_secs(1)));
            killed = again.kill();
            done += 1;
        }
        comes_to(&drill, &killed, &wanted, random.gen_bool(0.5), &when);
    }
}

#[test]
fn killed_at_random_moments_1() {
    killed_at_random("whole", 1, 5);
}

#[test]
fn killed_at_random_moments_2() {
    killed_at_random("lossy", 2, 5);
}

#[test]
fn killed_at_random_moments_3() {
    killed_at_random("whole", 3, 5);
}

#[test]
fn killed_at_random_moments_4() {
    killed_at_random("lossy", 4, 5);
}

#[test]
fn a_cycle_that_had_ended_is_kept_and_one_not_begun_is_run() {
    let drill = Drill::new();
    let wanted = Drill::verdict(&drill.phoenix(&[&RUN[..], &["--format", "json"]].concat()));
    assert_eq!(wanted["cycles"].as_array().map(Vec::len), Some(2));
    let mut live = drill.start(&RUN);
    live.wait_for("cycle-finished");
    let killed = live.kill();
    let first = killed.folder.join("01-short-whole/journal.jsonl");
    let before = std::fs::read(&first).expect("a journal");
    // Half of a run is no run: what it has was well, and nothing is green. It may have been killed
    // at any moment of the second's beginning.
    let second = killed.folder.join("02-short-lossy");
    let aside = drill.path("aside");
    let has_begun = std::fs::rename(&second, &aside).is_ok();
    for left in [None, Some(None), Some(Some("")), Some(Some("{\"seq\":0,"))] {
        if let Some(journal) = left {
            std::fs::create_dir_all(&second).expect("a folder");
            if let Some(text) = journal {
                std::fs::write(second.join("journal.jsonl"), text).expect("a journal");
            }
        }
        for command in ["gaps", "report"] {
            let said = drill.phoenix(&[command, &name(&killed.folder)]);
            assert!(said.err.contains("--resume"), "{command}: {}", said.err);
            if command == "gaps" {
                assert_eq!(said.code, Some(3), "{left:?}: {}", said.out);
            }
        }
    }
    std::fs::remove_dir_all(&second).expect("removed");
    if has_begun {
        std::fs::rename(&aside, &second).expect("put back");
    }
    comes_to(&drill, &killed, &wanted, false, "after the first cycle");
    assert_eq!(std::fs::read(&first).expect("a journal"), before);
    assert!(!killed.folder.join("01-short-whole~2").exists());
}
