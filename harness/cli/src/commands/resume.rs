//! `run --resume`: a run that was killed is taken up again.
//!
//! What it rests on. A cycle that has ended stays as it is. The cycle that was broken off is made anew
//! from its beginning, in a folder of its own, with the same scenario, profile and seed, after what the
//! broken attempt left was removed. Cycles that were not begun are run. So a resumed run gives the
//! verdict of an unbroken one because each of its cycles *is* an unbroken one.
//!
//! A finer grain, going on from the last finished step, was weighed and left out:
//!
//! - A step that was cut off may have half happened. Half a destroy has no proof, half a restore no
//!   point that it stands for: the honest verdict of such a cycle is *unknown*, and whoever resumes
//!   wants to know.
//! - The recovery time is measured from the disaster to the last first write. Over a break it would be
//!   the operator's coffee that is measured, or a sum of two clocks that nobody watched.
//! - What lives in a process dies with it. The embedded stack is gone after a kill, caches and all:
//!   going on would judge a loss that the drill did not do.
//! - The writers of a `write` step are gone at a moment that no scenario asked for, so that a window of
//!   loss would be counted against the stack that is the harness's own.
//!
//! It costs the time of the steps that are made again: at most one cycle.
//!
//! A run is refused whose lock is held, by its own process or by a `reap`; that has ended, in order or
//! by an interrupt; whose files are not what they were; and one of another version of phoenix. What the
//! broken attempt left has to go first: if it cannot, nothing is begun.

use std::path::{Path, PathBuf};

use phoenix_engine::plan::Plan;
use phoenix_evidence::journal::event::{BrokenAttempt, CycleFinished};
use phoenix_evidence::journal::run::{PlannedCycle, RunEvent, RunStarted};
use phoenix_language::Source;

use super::prepare::{Prepared, prepare};
use super::run::{Run, runtime, tell_loose_ties};
use crate::alive::{Held, Taken};
use crate::arguments::{Chosen, Require, RunArguments};
use crate::attempts::{self, Attempts, Came};
use crate::error::Error;
use crate::project::{Project, run_folder};
use crate::record::{self, Record};
use crate::{judge, leavings, terminal};

/// Takes a run up again.
pub(super) fn resume(run: &str, arguments: &RunArguments) -> Result<u8, Error> {
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let folder = run_folder(&runs, run)?;
    let run = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut held = match Held::take(&folder) {
        Taken::Held(held) => held,
        Taken::Lives => {
            return Err(Error::usage(
                format!("the run {run} is at work: its lock is held by a process that lives"),
                "wait for its end, or for the end of the `phoenix reap` that removes what it left",
            ));
        }
        Taken::Unknown(why) => {
            return Err(Error::usage(
                format!("whether the run {run} still lives cannot be told: {why}"),
                "look at the permissions of its folder",
            ));
        }
    };
    let (mut record, started) = Record::take_up(&folder)?;
    // From here on paths mean what they meant when the run was started.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    std::env::set_current_dir(&started.here).map_err(|why| {
        Error::usage(
            format!(
                "the folder that the run was started in cannot be entered: {}: {why}",
                started.here.display()
            ),
            "its files are needed as they were; otherwise start a new run",
        )
    })?;
    let arguments = as_started(&started, arguments);
    let (environment, prepared) = prepare(&arguments.chosen)?;
    same(
        &started,
        &asked(&run, started.seed, &environment, &prepared, &arguments)?,
    )?;
    held.say_who().map_err(|why| Error::Internal {
        why: format!("{} cannot be locked: {why}", folder.display()),
        journal: None,
    })?;
    tell_loose_ties(&environment, &prepared, &arguments)?;
    let runtime = runtime()?;
    let troubles = leavings::remove(&runtime, &folder, &held, &mut |line| {
        terminal::talk(&format!("{line}\n"));
    });
    if !troubles.is_empty() {
        return Err(Error::Environment(format!(
            "what the run {run} left is still there: {}",
            troubles.join("; ")
        )));
    }
    let (kept, broken) = found(&folder, &started)?;
    record.tell(&RunEvent::Resumed { broken, kept })?;
    Run {
        run,
        folder,
        seed: started.seed,
        environment,
        prepared,
        arguments,
        record,
        _held: held,
    }
    .go(&runtime)
}

/// The arguments that a run was started with, and the form of output that is wanted now.
fn as_started(started: &RunStarted, now: &RunArguments) -> RunArguments {
    RunArguments {
        chosen: Chosen {
            scenarios: started.scenarios.clone(),
            env: Some(started.env.clone()),
            profile: started.profile.clone(),
        },
        seed: Some(started.seed),
        document: started.documents.clone(),
        require: started.require_recovery.then_some(Require::Recovery),
        ..now.clone()
    }
}

/// What a run is asked for, as its record has it.
pub(super) fn asked(
    run: &str,
    seed: u64,
    environment: &Source,
    prepared: &[Prepared],
    arguments: &RunArguments,
) -> Result<RunStarted, Error> {
    let mut files = vec![PathBuf::from(&environment.file)];
    files.extend(
        prepared
            .iter()
            .map(|ready| PathBuf::from(&ready.scenario.file)),
    );
    for document in judge::documents(environment, &arguments.document)? {
        files.push(PathBuf::from(document.path));
    }
    for ready in prepared {
        files.extend(record::files_of_driver(&ready.stack));
    }
    files.extend(record::foreign(
        prepared.iter().flat_map(|ready| &ready.plans),
    ));
    let plans = prepared
        .iter()
        .flat_map(|ready| ready.plans.iter().map(move |plan| (ready, plan)));
    let cycles = plans
        .enumerate()
        .map(|(before, (ready, plan))| PlannedCycle {
            folder: cycle_folder(before + 1, plan, ready),
            scenario: plan.scenario.clone(),
            profile: ready.stack.profile.clone(),
        })
        .collect();
    Ok(RunStarted {
        run: run.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        here: std::env::current_dir().unwrap_or_default(),
        seed,
        scenarios: arguments.chosen.scenarios.clone(),
        env: match &arguments.chosen.env {
            Some(given) => given.clone(),
            None => environment.file.clone(),
        },
        profile: arguments.chosen.profile.clone(),
        documents: arguments.document.clone(),
        require_recovery: arguments.require == Some(Require::Recovery),
        cycles,
        files: record::digests(files),
    })
}

/// Whether the run would be the same: its other half must not be judged by other files.
fn same(then: &RunStarted, now: &RunStarted) -> Result<(), Error> {
    let refused = |what: String| {
        Err(Error::usage(
            format!("the run {} cannot be taken up again: {what}", then.run),
            "put it back as it was, or start a new run",
        ))
    };
    if then.version != now.version {
        return refused(format!(
            "phoenix {} began it, and this is {}",
            then.version, now.version
        ));
    }
    let changed: Vec<&str> = then
        .files
        .iter()
        .filter(|file| !now.files.contains(file))
        .map(|(path, _)| path.as_str())
        .collect();
    if !changed.is_empty() {
        return refused(format!("changed since: {}", changed.join(", ")));
    }
    if then.cycles != now.cycles || then.files != now.files {
        return refused("its files or arguments plan other cycles now".to_owned());
    }
    Ok(())
}

/// Folders of what is kept, and of what is made anew.
fn found(folder: &Path, started: &RunStarted) -> Result<(Vec<String>, Vec<String>), Error> {
    let (mut kept, mut broken) = (Vec::new(), Vec::new());
    for cycle in &started.cycles {
        match stood(folder, &cycle.folder)? {
            Stands::Ended(_) => kept.push(cycle.folder.clone()),
            Stands::Open { broken: before, .. } => {
                broken.extend(before.into_iter().map(|attempt| attempt.folder));
            }
        }
    }
    Ok((kept, broken))
}

/// How a cycle of a run stands.
pub(super) enum Stands {
    /// It has ended, like this.
    Ended(Box<CycleFinished>),
    /// It is to be made, in the folder of this name, after these attempts.
    Open {
        next: String,
        broken: Vec<BrokenAttempt>,
    },
}

/// How a cycle stands, by its number.
pub(super) fn stands(
    run: &Path,
    number: usize,
    plan: &Plan,
    ready: &Prepared,
) -> Result<Stands, Error> {
    stood(run, &cycle_folder(number, plan, ready))
}

fn stood(run: &Path, cycle: &str) -> Result<Stands, Error> {
    let all = attempts::of(run).map_err(|why| {
        Error::usage(
            format!("the run {} cannot be read: {why}", run.display()),
            "look at its permissions",
        )
    })?;
    let attempts = all
        .into_iter()
        .find(|one| one.cycle == cycle)
        .unwrap_or_else(|| Attempts::none(cycle));
    let mut broken = Vec::new();
    for came in attempts.came()? {
        match came {
            Came::Ended(finished) => return Ok(Stands::Ended(finished)),
            Came::Broken(attempt) => broken.push(attempt),
        }
    }
    Ok(Stands::Open {
        next: attempts.next(),
        broken,
    })
}

/// Name of the folder of a cycle's first attempt.
fn cycle_folder(number: usize, plan: &Plan, ready: &Prepared) -> String {
    format!("{number:02}-{}-{}", plan.scenario, ready.stack.profile)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect()
}
