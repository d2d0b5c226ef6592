//! Two runs at once never meet.

use std::process::{Command, Stdio};

use crate::support::Project;

#[test]
fn two_runs_at_once_in_one_folder_end_as_each_would_alone() {
    let project = Project::shipped();
    let start = || {
        Command::new(assert_cmd::cargo::cargo_bin("phoenix"))
            .args(["run", "--profile", "target", "--runs-dir", "runs"])
            .current_dir(project.path(""))
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    };
    let (first, second) = (start(), start());
    for child in [first, second] {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(
            said.contains(" survived, ") && !said.contains(" unexpected"),
            "each reads its own canaries and nobody else's: {said}"
        );
    }
    let runs = std::fs::read_dir(project.path("runs"))
        .expect("the runs")
        .count();
    // `latest` is a name, where there is one.
    assert!(runs >= 2, "{runs} runs");
}
