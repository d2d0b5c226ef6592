//! Each shipped scenario, on each environment that runs here, under each of its profiles, is one
//! test: it passes when the document agrees, or the scenario expects that this cannot be told, the
//! scenario's own expectations are met, and nothing but evidence is left. A file that is added is a test by that alone.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use phoenix_engine::lower;
use phoenix_evidence::finding::Outcome;
use phoenix_language::vocabulary;

use support::{Ran, embedded, root, run, shipped_document};

/// Environments that need nothing but this process.
const ENVIRONMENT: &str = "embedded";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for path in scenarios() {
        trials.extend(of_file(&path));
    }
    assert!(!trials.is_empty(), "no scenario was found");
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The scenario files, in the order of their names.
fn scenarios() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("scenarios"))
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    paths.sort();
    paths
}

/// The tests of one file: profile by profile, and for each value of its matrix.
fn of_file(path: &Path) -> Vec<Trial> {
    let source = vocabulary::read_scenario(path).expect("a shipped scenario is valid");
    let profiles = lower::info(&source).profiles;
    let mut trials = Vec::new();
    for profile in profiles {
        let (_, stack) = embedded(&profile);
        for plan in lower::plans(&source, &stack).expect("a shipped scenario can be planned") {
            let name = format!("{}::{ENVIRONMENT}::{profile}", plan.scenario);
            let profile = profile.clone();
            trials.push(Trial::test(name, move || {
                let (environment, stack) = embedded(&profile);
                passes(&run(&environment, &stack, &plan, &shipped_document()))
            }));
        }
    }
    trials
}

fn passes(ran: &Ran) -> Result<(), Failed> {
    let end = ran.view.finished.as_ref().ok_or("the cycle has no end")?;
    let unmet: Vec<String> = ran
        .view
        .expectations
        .iter()
        .filter(|(_, met, _)| !met)
        .map(|(expected, _, saw)| format!("expected {expected}, saw {saw}"))
        .collect();
    let sentence = ran.view.sentence();
    if !unmet.is_empty() {
        return Err(format!("{}; {sentence}", unmet.join("; ")).into());
    }
    let expected = |word: &str| {
        ran.view
            .expectations
            .iter()
            .any(|(text, _, _)| text.starts_with(word))
    };
    if end.exit != 0 && !expected("document") {
        return Err(format!("exit {}: {sentence}", end.exit).into());
    }
    if end.cleanup != Outcome::Pass || ran.left {
        return Err("the stack was not cleaned up".into());
    }
    Ok(())
}
