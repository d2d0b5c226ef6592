//! What may be reaped and taken up again, and what may not.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use crate::drill::{Drill, name, wait_for};
use crate::host::processes_of;

const WAITING: [&str; 8] = [
    "run",
    "waiting",
    "--env",
    "small",
    "--profile",
    "whole",
    "--seed",
    "7",
];
const AT_THE_COMMAND: &str = "{\"step-started\":{\"step\":\"05-run\"}}";

#[test]
fn a_run_that_lives_is_neither_reaped_nor_taken_up() {
    let drill = Drill::new();
    let mut beside = drill.start(&WAITING);
    let mut broken = drill.start(&WAITING);
    for live in [&mut beside, &mut broken] {
        live.wait_for(AT_THE_COMMAND);
        let run = name(&live.folder);
        let own = live.child.id();
        wait_for("its command", || {
            processes_of(&run)
                .into_iter()
                .find(|process| *process != own)
        });
    }
    let killed = broken.kill();
    let (alive, dead) = (name(&beside.folder), name(&killed.folder));
    assert_ne!(processes_of(&dead), [0; 0], "its command outlives it");
    // The shell's `sleep` comes and goes by itself.
    let lasting = |run: &str| -> Vec<u32> {
        let name = |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let all = processes_of(run).into_iter();
        all.filter(|id| !["", "sleep"].contains(&name(id).trim()))
            .collect()
    };
    let before = lasting(&alive);

    let said = drill.phoenix(&["reap"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told = format!("{alive}: it lives; left alone");
    assert!(said.out.contains(&told), "{}", said.out);
    // A shell, and perhaps what it waits with at that moment.
    let ended = |line: &str| line.starts_with(&format!("{dead}: ")) && line.contains("process");
    assert!(said.out.lines().any(ended), "{}", said.out);
    drill.nothing_is_left(&killed);
    assert_eq!(lasting(&alive), before, "nothing of the other was ended");
    assert!(beside.folder.join("01-waiting-whole/stack").is_dir());

    let by_name = drill.phoenix(&["reap", &alive]);
    assert_eq!(by_name.code, Some(0), "{}", by_name.err);
    assert!(by_name.out.contains("left alone"), "{}", by_name.out);
    let said = drill.phoenix(&["run", "--resume", &alive]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("is at work"), "{}", said.err);

    fs::write(drill.path("go"), "").expect("a file");
    let status = beside.child.wait().expect("its end");
    assert_eq!(
        status.code(),
        Some(0),
        "it came to its end as if nobody had been there"
    );
    let said = drill.phoenix(&["run", "--resume", &dead, "--format", "json"]);
    let again = Drill::verdict(&said);
    assert_eq!(
        again["cycles"][0]["answers"][0], "recovered",
        "{}",
        said.err
    );
    assert_eq!(said.code, Some(0));
}

#[test]
fn a_run_that_has_ended_is_not_taken_up() {
    let drill = Drill::new();
    fs::write(drill.path("go"), "").expect("a file");
    let said = drill.phoenix(&WAITING);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let said = drill.phoenix(&["run", "--resume", "latest"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(
        said.err.contains("has ended, with exit code 0"),
        "{}",
        said.err
    );
}

#[test]
fn a_run_that_was_interrupted_in_order_has_ended() {
    let drill = Drill::new();
    let mut live = drill.start(&WAITING);
    live.wait_for(AT_THE_COMMAND);
    let interrupted = Command::new("kill")
        .args(["-INT", &live.child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(interrupted.success());
    assert_eq!(live.child.wait().expect("its end").code(), Some(3));
    let said = drill.phoenix(&["run", "--resume", "latest"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("was interrupted"), "{}", said.err);
}

#[test]
fn what_cannot_be_taken_up_is_refused_before_anything_is_touched() {
    let drill = Drill::new();
    let mut live = drill.start(&WAITING);
    live.wait_for(AT_THE_COMMAND);
    let killed = live.kill();
    let run = name(&killed.folder);
    let stack = killed.folder.join("01-waiting-whole/stack");
    let refused = |words: &str| {
        let said = drill.phoenix(&["run", "--resume", &run]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains(words), "{words}: {}", said.err);
        assert!(stack.is_dir(), "{words}");
        killed.evidence_is_as_it_was();
    };

    let scenario = drill.path("scenarios/waiting.yaml");
    let text = fs::read_to_string(&scenario).expect("a scenario");
    fs::write(&scenario, text.replace("canaries: 2", "canaries: 3")).expect("written");
    refused("changed since: scenarios/waiting.yaml");
    fs::write(&scenario, &text).expect("written");

    let document = drill.path("PHOENIX.md");
    let claims = fs::read_to_string(&document).expect("a document");
    fs::write(&document, claims.replace("every hour", "each hour")).expect("written");
    refused("changed since: PHOENIX.md");
    fs::write(&document, &claims).expect("written");

    let said = drill.phoenix(&["run", "--resume", &run, "--seed", "8"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("cannot be used with"), "{}", said.err);
    let said = drill.phoenix(&["run", "--resume", "20200101T000000Z-000000"]);
    assert_eq!(said.code, Some(2), "{}", said.err);

    fs::write(drill.path("go"), "").expect("a file");
    let said = drill.phoenix(&["run", "--resume", &run]);
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[test]
fn torn_ends_are_told_and_changed_evidence_is_refused() {
    let drill = Drill::new();
    let mut live = drill.start(&WAITING);
    live.wait_for(AT_THE_COMMAND);
    let killed = live.kill();
    let run = name(&killed.folder);
    let cycle = killed.folder.join("01-waiting-whole");
    let torn = [
        killed.folder.join("run.jsonl"),
        cycle.join("journal.jsonl"),
        cycle.join("ledger.jsonl"),
    ];
    for path in &torn {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(path)
            .expect("a file");
        file.write_all(b"{\"seq\":9").expect("a torn end");
    }
    let whole = fs::read(&torn[2]).expect("a ledger");
    let changed = String::from_utf8_lossy(&whole).replacen("\"seq\":2,", "\"seq\":5,", 1);
    fs::write(&torn[2], changed).expect("written");
    let said = drill.phoenix(&["run", "--resume", &run]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("ledger.jsonl:"), "{}", said.err);

    fs::write(&torn[2], &whole).expect("written");
    fs::write(drill.path("go"), "").expect("a file");
    let said = drill.phoenix(&["run", "--resume", &run]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let report = fs::read_to_string(killed.folder.join("report.md")).expect("a report");
    assert!(report.contains("16 bytes of torn last lines"), "{report}");
    assert!(
        report.contains("evidence is in 01-waiting-whole."),
        "{report}"
    );
    let html = fs::read_to_string(killed.folder.join("report.html")).expect("a report");
    assert!(html.contains("broken off during"), "the page tells it too");
}
