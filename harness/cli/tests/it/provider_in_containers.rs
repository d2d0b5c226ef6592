//! The example of a provider that is not ours: what its document says, and what nobody admitted.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::killed_in_containers::are_there;

const IMAGES: [&str; 4] = [
    "phoenix.local/glewlwyd:current",
    "phoenix.local/postgres:current",
    "phoenix.local/socat:current",
    "phoenix.local/helper:current",
];

fn phoenix(runs: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_phoenix"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("PHOENIX_RUNS_DIR", runs)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/glewlwyd"))
        .output()
        .expect("it runs")
}

/// Runs a scenario of the example under a profile; the exit code, and its only cycle.
fn cycle(scenario: &str, profile: &str) -> (Option<i32>, Value) {
    let runs = tempfile::tempdir().expect("a folder");
    let scenario = format!("scenarios/{scenario}.yaml");
    let run = ["run", scenario.as_str(), "--env", "environment.yaml"];
    let said = phoenix(runs.path(), &[&run[..], &["--profile", profile]].concat());
    let told = phoenix(runs.path(), &["gaps", "--format", "json"]);
    let talk = String::from_utf8_lossy(&said.stderr);
    let mut gaps: Value = serde_json::from_slice(&told.stdout)
        .unwrap_or_else(|why| panic!("no register: {why}; {talk}"));
    (said.status.code(), gaps["cycles"][0].take())
}

/// The status of a line of the register.
fn status<'c>(cycle: &'c Value, title: &str) -> &'c str {
    let lines = cycle["register"]["lines"].as_array().expect("a register");
    lines
        .iter()
        .find(|line| line["title"] == title)
        .and_then(|line| line["status"].as_str())
        .unwrap_or_else(|| panic!("no line {title}: {cycle}"))
}

#[test]
fn without_a_backup_nobody_logs_in_again_and_the_document_says_so() {
    if !are_there(&IMAGES) {
        return;
    }
    let (code, today) = cycle("provider-lost", "today");
    assert_eq!(code, Some(0), "{today}");
    assert_eq!(today["recovery"], "not-recovered");
    let people = status(&today, "People and signing key (PostgreSQL)");
    assert_eq!(people, "confirmed");
}

#[test]
fn everybody_logs_in_again_after_a_restore() {
    if !are_there(&IMAGES) {
        return;
    }
    let (code, target) = cycle("provider-lost", "target");
    assert_eq!(code, Some(0), "{target}");
    assert_eq!(target["recovery"], "recovered");
    // Every program here is the real one.
    assert_eq!(target["register"]["level"], "mirror-airgapped");
}

#[test]
fn the_key_is_the_same_after_a_restore_and_another_one_is_red() {
    if !are_there(&IMAGES) {
        return;
    }
    let (code, target) = cycle("same-key", "target");
    assert_eq!(code, Some(0), "{target}");
    let (code, today) = cycle("same-key", "today");
    assert_eq!(code, Some(1), "{today}");
    let key = status(&today, "expectation of the stack");
    assert_eq!(key, "undocumented");
}
