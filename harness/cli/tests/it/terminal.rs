//! A run on a terminal, and one without.

use std::fs::File;
use std::io::Read as _;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::Project;

const SCENARIO: &str = "scenario: short
profile: target
steps:
  - seed: { canaries: 2 }
  - backup: all
  - write: { for: 1s, writers: 1 }
  - destroy: all
  - rebuild: all
  - restore: all
  - check: [survival]
";

/// Runs a short scenario on a terminal of its own; all that it showed.
fn on_a_terminal(environment: &[(&str, &str)]) -> String {
    let project = Project::shipped();
    project.write("short.yaml", SCENARIO);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("granted");
    unlockpt(&terminal).expect("unlocked");
    let name = ptsname(&terminal, Vec::new()).expect("its name");
    let side = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().expect("a path"))
        .expect("its other side");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("phoenix"));
    command
        .args(["run", "short.yaml", "--runs-dir", "runs"])
        .current_dir(project.path(""))
        .env_remove("CI")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(environment.iter().copied())
        .stdout(side.try_clone().expect("a second handle"))
        .stderr(side);
    let mut child = command.spawn().expect("it starts");
    // The child alone holds the other side now: reading ends when it does.
    drop(command);
    let mut seen = Vec::new();
    let mut terminal = File::from(terminal);
    let mut part = [0; 4096];
    while let Ok(read) = terminal.read(&mut part) {
        if read == 0 {
            break;
        }
        seen.extend_from_slice(&part[..read]);
    }
    let status = child.wait().expect("it ends");
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert_eq!(status.code(), Some(0), "{seen}");
    seen
}

const ERASE: &str = "\u{1b}[2K";
const RED_OR_GREEN: [&str; 2] = ["\u{1b}[31m", "\u{1b}[32m"];

#[test]
fn on_a_terminal_a_line_ticks_and_answers_have_colours() {
    let seen = on_a_terminal(&[]);
    let drawn: Vec<&str> = seen
        .split(ERASE)
        .filter(|part| part.contains("go on writing") && !part.contains('\n'))
        .collect();
    assert!(drawn.len() > 5, "a second of writing ticks: {drawn:?}");
    assert!(drawn.iter().any(|part| part.contains("0.5s")), "{drawn:?}");
    assert!(RED_OR_GREEN.iter().any(|ink| seen.contains(ink)), "{seen}");
    assert!(seen.contains("did the stack recover?"), "{seen}");
}

#[test]
fn no_color_leaves_the_line_and_takes_the_colours() {
    let seen = on_a_terminal(&[("NO_COLOR", "1")]);
    assert!(seen.contains(ERASE), "{seen}");
    let inks = seen.matches("\u{1b}[").count() - seen.matches(ERASE).count();
    assert_eq!(inks, 0, "{seen:?}");
}

#[test]
fn ci_and_a_dumb_terminal_get_plain_lines() {
    for environment in [("CI", "true"), ("TERM", "dumb")] {
        let seen = on_a_terminal(&[environment, ("NO_COLOR", "1")]);
        assert!(!seen.contains('\u{1b}'), "{environment:?}: {seen:?}");
        assert!(seen.contains("ok"), "{seen}");
    }
}
