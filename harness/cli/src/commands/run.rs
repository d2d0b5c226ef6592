//! `run`: cycles, one after another, and the report over all of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use phoenix_evidence::journal::event::CycleFinished;
use phoenix_evidence::journal::run::RunEvent;
use phoenix_language::Source;
use phoenix_reports::View;
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use super::cycle::One;
use super::prepare::{Prepared, prepare};
use super::report::draw;
use super::resume::{self, Stands};
use crate::alive::Held;
use crate::arguments::{Format, ReportFormat, Require, RunArguments};
use crate::error::Error;
use crate::progress::{Shown, Voice};
use crate::project::{Project, view};
use crate::record::Record;
use crate::{defect, exit, judge, terminal};

/// The signal that a file has reached the limit of its size, on Linux.
const SIGXFSZ: i32 = 25;

pub(crate) fn run(arguments: &RunArguments) -> Result<u8, Error> {
    if let Some(run) = &arguments.resume {
        return resume::resume(run, arguments);
    }
    let (environment, prepared) = prepare(&arguments.chosen)?;
    tell_loose_ties(&environment, &prepared, arguments)?;
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let (run, folder) = new_run(&runs)?;
    let held = Held::begin(&folder).map_err(|why| Error::Internal {
        why: format!("{} cannot be locked: {why}", folder.display()),
        journal: None,
    })?;
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let started = resume::asked(&run, seed, &environment, &prepared, arguments)?;
    Run {
        record: Record::begin(&folder, started)?,
        run,
        folder,
        seed,
        environment,
        prepared,
        arguments: arguments.clone(),
        _held: held,
    }
    .go(&runtime()?)
}

/// Says what is tied to no claim, before anything burns.
pub(super) fn tell_loose_ties(
    environment: &Source,
    prepared: &[Prepared],
    arguments: &RunArguments,
) -> Result<(), Error> {
    if let Some(ready) = prepared.first() {
        let loose = judge::loose_ties(environment, &ready.stack, &arguments.document)?;
        terminal::talk(&loose.render(terminal::colour(&std::io::stderr())));
    }
    Ok(())
}

/// Threads.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Runtime::new().map_err(|why| Error::Internal {
        why: format!("threads cannot be had: {why}"),
        journal: None,
    })
}

/// A run, begun or taken up again: its lock is held and its record is open.
pub(super) struct Run {
    pub(super) run: String,
    pub(super) folder: PathBuf,
    pub(super) seed: u64,
    pub(super) environment: Source,
    pub(super) prepared: Vec<Prepared>,
    pub(super) arguments: RunArguments,
    pub(super) record: Record,
    pub(super) _held: Held,
}

impl Run {
    /// Runs every cycle that has not ended, one after another, and concludes over all.
    pub(super) fn go(mut self, runtime: &tokio::runtime::Runtime) -> Result<u8, Error> {
        let shown = Shown::new();
        let cancel = interruptible(runtime, &shown.voice());
        let of = self.prepared.iter().map(|ready| ready.plans.len()).sum();
        let mut finished = Vec::new();
        let mut number = 0;
        for ready in &self.prepared {
            for plan in &ready.plans {
                if cancel.is_cancelled() {
                    break;
                }
                number += 1;
                let (name, broken) = match resume::stands(&self.folder, number, plan, ready)? {
                    Stands::Ended(before) => {
                        finished.push(*before);
                        continue;
                    }
                    Stands::Open { next, broken } => (next, broken),
                };
                let one = One {
                    run: &self.run,
                    folder: self.folder.join(name),
                    number,
                    of,
                    seed: self.seed,
                    environment: &self.environment,
                    ready,
                    plan,
                    arguments: &self.arguments,
                    shown: &shown,
                    cancel: cancel.clone(),
                    broken,
                };
                let journal = one.folder.join("journal.jsonl");
                let cycle = defect::caught(Some(&journal), || runtime.block_on(one.cycle()));
                finished.push(cycle.and_then(|cycle| cycle)?);
            }
        }
        drop(shown);
        let mut codes = codes(&finished, self.arguments.require);
        if finished.len() < of {
            // What was not begun is not known.
            codes.push(3);
        }
        let exit = exit::worst(codes);
        write_reports(&self.folder, &self.arguments)?;
        self.record.tell(&RunEvent::Ended {
            exit,
            interrupted: cancel.is_cancelled(),
        })?;
        Ok(exit)
    }
}

/// A token that is cancelled by Ctrl-C, and by whoever ends a job of a CI.
fn interruptible(runtime: &tokio::runtime::Runtime, voice: &Voice) -> CancellationToken {
    // A file that may not grow is an error to be told, and not the end of the process.
    let _limit = {
        let _within = runtime.enter();
        tokio::signal::unix::signal(SignalKind::from_raw(SIGXFSZ))
    };
    let cancel = CancellationToken::new();
    for ask in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (token, voice, within) = (cancel.clone(), voice.clone(), runtime.enter());
        // Where a signal cannot be listened to, it ends the process as it always did.
        let Ok(mut heard) = tokio::signal::unix::signal(ask) else {
            continue;
        };
        drop(within);
        runtime.spawn(async move {
            if heard.recv().await.is_some() && !token.is_cancelled() {
                voice.says("interrupted: stopping in order; what was done is in the journal");
                token.cancel();
            }
        });
    }
    cancel
}

/// A folder for a run, by its moment and a few letters that nothing else has.
fn new_run(runs: &Path) -> Result<(String, PathBuf), Error> {
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let run = format!("{now}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    let folder = runs.join(&run);
    std::fs::create_dir_all(&folder).map_err(|why| {
        Error::usage(
            format!("a run cannot be kept in {}: {why}", runs.display()),
            "choose a folder that can be written with --runs-dir",
        )
    })?;
    Ok((run, folder))
}

/// Writes the reports and prints the answers.
fn write_reports(folder: &Path, arguments: &RunArguments) -> Result<(), Error> {
    let view = view(folder)?;
    for (name, format) in [
        ("report.html", ReportFormat::Html),
        ("report.md", ReportFormat::Markdown),
        ("report.json", ReportFormat::Json),
        ("report.xml", ReportFormat::Junit),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, draw(&view, format)?).map_err(|why| Error::Internal {
            why: format!("{} cannot be written: {why}", path.display()),
            journal: None,
        })?;
    }
    match arguments.format {
        Format::Json => terminal::data(&draw(&view, ReportFormat::Json)?),
        Format::Text => terminal::data(&summary(folder, &view)),
    }
}

/// The exit codes of all cycles; that of the whole run is the worst of them.
fn codes(finished: &[CycleFinished], require: Option<Require>) -> Vec<u8> {
    let codes = finished.iter().map(|cycle| {
        let recovery = match cycle.recovery.as_str() {
            _ if require != Some(Require::Recovery) => 0,
            "recovered" => 0,
            "not-recovered" => 1,
            _ => 3,
        };
        [cycle.exit, recovery]
    });
    codes.flatten().collect()
}

/// The two answers of each cycle, and where to read more.
fn summary(folder: &Path, view: &View) -> String {
    let mut out = String::new();
    for cycle in &view.cycles {
        let _infallible = writeln!(
            out,
            "{} under {}\n  did the stack recover?       {}\n  does the document agree?     {}\n  {}\n",
            cycle.started.scenario.name,
            cycle.started.profile,
            cycle.recovery().replace('-', " "),
            cycle.agreement().replace('-', " "),
            cycle.sentence()
        );
    }
    let _infallible = writeln!(
        out,
        "report: {}\nclaims: phoenix gaps {}",
        folder.join("report.html").display(),
        view.run
    );
    out
}
