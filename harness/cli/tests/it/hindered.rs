//! The engine goes away in the middle, the disk fills up under a backup: a clear end, and nothing is
//! claimed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::drill::{Drill, name};
use crate::host::files;
use crate::killed_in_containers::{RUN, of, possible};
use crate::proxy::Proxy;

/// Ends a run whose way to the engine is closed when a step begins; how it ended.
fn without_an_engine(step: &str, close: impl Fn(&Proxy)) {
    let mut drill = Drill::in_containers();
    let proxy = Proxy::at(&drill.path("engine.sock"));
    drill.set("DOCKER_HOST", &proxy.host());
    let mut live = drill.start(&RUN);
    live.wait_for(&format!("{{\"step-started\":{{\"step\":\"{step}\"}}}}"));
    close(&proxy);
    let status = live.child.wait().expect("its end");
    let run = name(&live.folder);
    let talk = fs::read_to_string(drill.path("talk")).expect("what it said");
    assert_eq!(status.code(), Some(3), "{talk}");
    let report = fs::read_to_string(live.folder.join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let end = &report["cycles"][0]["finished"];
    assert_eq!(end["recovery"], json!("unknown"), "{talk}");
    assert_eq!(end["agreement"], json!("cannot-tell"), "{talk}");
    assert!(talk.contains("FAIL"), "the step is named: {talk}");
    // By the engine's own way, whatever was left goes.
    drill.set("DOCKER_HOST", "unix:///var/run/docker.sock");
    let said = drill.phoenix(&["reap", &run]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert_eq!(of(&run), [""; 0], "{}", said.out);
}

#[test]
fn the_engine_that_lets_nobody_in_any_more_ends_the_run_without_a_verdict() {
    if possible() {
        without_an_engine("06-destroy", Proxy::refuse);
    }
}

#[test]
fn the_engine_that_hangs_up_in_a_backup_ends_the_run_without_a_verdict() {
    if possible() {
        without_an_engine("04-backup", |proxy| {
            // The step has many calls; the one under way is cut off until one is hit.
            for _ in 0..20 {
                proxy.drop_all();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
    }
}

#[test]
fn the_engine_that_is_not_there_is_told_and_nothing_is_burnt() {
    let mut drill = Drill::in_containers();
    drill.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    let said = drill.phoenix(&RUN);
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains("reach the Docker engine"), "{}", said.err);
}

/// A disk of a few megabytes, mounted; gone with the value.
struct Disk(PathBuf);

impl Disk {
    /// `None`, and why, where this user may not mount.
    fn at(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("a folder");
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .output()
            .expect("mount runs");
        if mounted.status.success() {
            return Some(Self(path.to_owned()));
        }
        let why = String::from_utf8_lossy(&mounted.stderr);
        eprintln!("skipped: no disk can be mounted here: {why}");
        None
    }

    /// Fills it up to the last bytes; the file to be removed again.
    fn fill(&self, but: usize) -> PathBuf {
        let path = self.0.join("full");
        let mut file = fs::File::create(&path).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
        let len = file.metadata().expect("its length").len();
        file.set_len(len - but as u64).expect("a little room");
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_under_a_backup_is_told_and_the_run_can_be_taken_up_when_there_is_room() {
    let drill = Drill::new();
    let Some(disk) = Disk::at(&drill.path("runs"), "32m") else {
        return;
    };
    let scenario = drill.path("scenarios/waiting.yaml");
    let text = fs::read_to_string(&scenario).expect("a scenario");
    // Waits before the backup instead of after it.
    let (backup, run) = ("  - backup: all\n", text.find("  - run:").expect("a step"));
    let end = run + text[run..].find('\n').expect("a line") + 1;
    let waits = text[run..end].to_owned();
    let text = text
        .replace(&waits, "")
        .replace(backup, &format!("{waits}{backup}"));
    fs::write(&scenario, text).expect("written");

    let run = ["run", "waiting", "--env", "small", "--profile", "whole"];
    let mut live = drill.start(&run);
    live.wait_for("{\"step-started\":{\"step\":\"04-run\"}}");
    // Room for lines of the journal, and for no database.
    let full = disk.fill(64 * 1024);
    fs::write(drill.path("go"), "").expect("a file");
    let code = live.child.wait().expect("its end").code();
    let talk = fs::read_to_string(drill.path("talk")).expect("what it said");
    assert!(matches!(code, Some(3 | 70)), "{code:?}: {talk}");
    assert!(
        talk.contains("No space left on device") || talk.contains("disk is full"),
        "{talk}"
    );
    for path in files(&live.folder) {
        if path.extension().is_some_and(|end| end == "jsonl") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                !text.contains("\"recovery\":\"recovered\""),
                "{}",
                path.display()
            );
        }
    }
    assert!(
        !live.folder.join("01-waiting-whole/stack").exists(),
        "it cleans up: {talk}"
    );

    fs::remove_file(full).expect("room");
    let said = drill.phoenix(&["run", "--resume", "latest", "--format", "json"]);
    if code == Some(70) {
        let verdict = Drill::verdict(&said);
        assert_eq!(
            verdict["cycles"][0]["answers"][0], "recovered",
            "{}",
            said.err
        );
    } else {
        // It came to the end of its cycle without a verdict, and wrote that down.
        assert_eq!(said.code, Some(2), "{}", said.err);
    }
}
