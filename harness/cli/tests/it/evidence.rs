//! What is left when a run is hindered: a folder that cannot be written, a disk that is full, a
//! kill at any moment. Evidence stays, and what was not proven is not claimed.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Project;

#[test]
fn a_runs_folder_that_cannot_be_made_is_refused_before_anything_burns() {
    let project = Project::shipped();
    project.write("occupied", "a file");
    let said = project.phoenix(&["run", "--runs-dir", "occupied/runs"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("a run cannot be kept in occupied/runs"),
        "{}",
        said.err
    );
    assert!(said.err.contains("--runs-dir"), "{}", said.err);
}

/// The only journal below the runs of a project, once there is one.
fn journal(runs: &Path) -> Option<PathBuf> {
    let run = std::fs::read_dir(runs).ok()?.flatten().next()?.path();
    std::fs::read_dir(run)
        .ok()?
        .flatten()
        .map(|cycle| cycle.path().join("journal.jsonl"))
        .find(|path| path.is_file())
}

/// Starts a run and waits until its journal has so many lines.
fn run_until(project: &Project, lines: usize) -> (Child, PathBuf) {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("phoenix"))
        .args(["run", "--profile", "today", "--runs-dir", "runs"])
        .current_dir(project.path(""))
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let path = journal(&project.path("runs"));
        let written = path
            .as_ref()
            .and_then(|path| std::fs::read(path).ok())
            .map_or(0, |bytes| {
                bytes.iter().filter(|byte| **byte == b'\n').count()
            });
        if let Some(path) = path
            && written >= lines
        {
            return (child, path);
        }
        assert!(
            child.try_wait().expect("a child").is_none(),
            "it ended before its journal had {lines} lines"
        );
        assert!(Instant::now() < deadline, "{written} of {lines} lines");
        std::thread::yield_now();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_journal_that_is_told_as_broken_off() {
    for lines in [1, 12, 30, 50] {
        let project = Project::shipped();
        let (mut child, path) = run_until(&project, lines);
        child.kill().expect("killed");
        let status = child.wait().expect("a child");
        assert_eq!(status.signal(), Some(9));
        // As a crash in the middle of a write would leave it.
        let mut bytes = std::fs::read(&path).expect("a journal");
        bytes.extend(b"{\"seq\":9999,\"at");
        std::fs::write(&path, bytes).expect("a torn end");
        let report = project.phoenix(&["report", "--runs-dir", "runs", "--format", "markdown"]);
        assert_eq!(report.code, 0, "after {lines} lines: {}", report.err);
        assert!(report.err.contains("torn last line"), "{}", report.err);
        assert!(
            report.out.contains("broke off"),
            "after {lines} lines: {}",
            report.out
        );
        let gaps = project.phoenix(&["gaps", "--runs-dir", "runs"]);
        assert_eq!(gaps.code, 3, "after {lines} lines: {}", gaps.out);
    }
}

#[test]
fn an_interrupt_stops_in_order_and_leaves_nothing_but_evidence() {
    for signal in ["-INT", "-TERM"] {
        stops_in_order(signal);
    }
}

fn stops_in_order(signal: &str) {
    let project = Project::shipped();
    let (mut child, path) = run_until(&project, 20);
    let interrupted = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(interrupted.success());
    let status = child.wait().expect("a child");
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("stderr")
        .read_to_string(&mut said)
        .expect("text");
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("stopping in order"), "{said}");
    let cycle = path.parent().expect("a folder");
    assert!(!cycle.join("stack").exists(), "the stack was reaped");
    let text = std::fs::read_to_string(&path).expect("a journal");
    assert!(text.contains("cycle-finished"), "its end is in the journal");
}

#[test]
fn a_disk_that_is_full_never_ends_in_a_verdict() {
    // No file may grow beyond this: what a full disk does, without anybody's disk.
    for kib in [16, 40, 400] {
        let project = Project::shipped();
        let binary = assert_cmd::cargo::cargo_bin("phoenix");
        let output = Command::new("bash")
            .args([
                "-c",
                &format!(
                    "ulimit -f {kib}; exec '{}' run --profile today --runs-dir runs",
                    binary.display()
                ),
            ])
            .current_dir(project.path(""))
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        assert!(
            code == Some(3) || code == Some(70),
            "{kib} KiB: {code:?} {said}"
        );
        if code == Some(70) {
            assert!(said.contains("cannot be written"), "{said}");
            assert!(said.contains("journal.jsonl"), "{said}");
        }
    }
}

#[test]
fn a_journal_of_a_newer_phoenix_is_refused_and_kept() {
    let project = Project::shipped();
    let said = project.phoenix(&["run", "--profile", "today", "--runs-dir", "runs"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let path = journal(&project.path("runs")).expect("a journal");
    let text = std::fs::read_to_string(&path).expect("a journal");
    let newer = text.replacen("\"schema\":1", "\"schema\":99", 1);
    assert_ne!(text, newer, "the first line tells the schema");
    std::fs::write(&path, &newer).expect("a journal");
    let said = project.phoenix(&["report", "--runs-dir", "runs"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("newer phoenix"), "{}", said.err);
    assert!(said.err.contains("journal.jsonl"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(&path).expect("a journal"), newer);
}

#[test]
fn a_torn_end_is_known_to_every_command_and_changed_evidence_is_told() {
    let project = Project::shipped();
    let said = project.phoenix(&["run", "--profile", "target", "--runs-dir", "runs"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let path = journal(&project.path("runs")).expect("a journal");
    let whole = std::fs::read(&path).expect("a journal");
    std::fs::write(&path, &whole[..whole.len() - 30]).expect("a torn end");
    for command in ["gaps", "report"] {
        let said = project.phoenix(&[command, "--runs-dir", "runs"]);
        assert!(said.out.contains("broke off"), "{command}: {}", said.out);
        assert!(
            !said.out.contains("**recovered**"),
            "{command}: {}",
            said.out
        );
    }
    assert_eq!(project.phoenix(&["gaps", "--runs-dir", "runs"]).code, 3);
    std::fs::write(&path, &whole).expect("a whole journal");
    let ledger = path.with_file_name("ledger.jsonl");
    let mut bytes = std::fs::read(&ledger).expect("a ledger");
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&ledger, bytes).expect("half a ledger");
    let said = project.phoenix(&["gaps", "--runs-dir", "runs"]);
    assert!(
        said.err.contains("ledger.jsonl was changed after the run"),
        "{}",
        said.err
    );
}
