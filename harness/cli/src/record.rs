//! The record of a run, `run.jsonl`: written by `run`, and read by whoever has to know whether a run
//! has all of its cycles.

use std::path::{Path, PathBuf};

use phoenix_engine::measure::measure;
use phoenix_engine::plan::{Act, Plan};
use phoenix_engine::stack::Stack;
use phoenix_evidence::journal::run::{FILE, PlannedCycle, RunEvent, RunStarted};
use phoenix_evidence::journal::{self, JournalWriter};

use crate::attempts::{self, Came};
use crate::error::Error;
use crate::project::unreadable;

/// A run's record, open for writing.
pub(crate) struct Record {
    writer: JournalWriter,
}

impl Record {
    /// Begins a record. It is durable before anything of the run is made.
    pub(crate) fn begin(folder: &Path, started: RunStarted) -> Result<Self, Error> {
        let writer = JournalWriter::create(&folder.join(FILE)).map_err(|why| unwritten(&why))?;
        let mut record = Self { writer };
        record.tell(&RunEvent::Started(Box::new(started)))?;
        Ok(record)
    }

    /// Takes up the record of a run that was broken off.
    ///
    /// # Errors
    /// When there is none, or the run has ended.
    pub(crate) fn take_up(folder: &Path) -> Result<(Self, RunStarted), Error> {
        let path = folder.join(FILE);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if !path.is_file() {
            return Err(Error::usage(
                format!("the run {name} has no record of what it was asked for"),
                "it broke off before its first cycle, or an older phoenix made it: start a new run",
            ));
        }
        let (writer, read) =
            JournalWriter::reopen::<RunEvent>(&path).map_err(|why| unreadable(&why))?;
        let (mut started, mut ended) = (None, None);
        for line in read.lines {
            match line.event {
                RunEvent::Started(one) => started = Some(*one),
                RunEvent::Ended { exit, interrupted } => ended = Some((exit, interrupted)),
                RunEvent::Resumed { .. } => {}
            }
        }
        if let Some((exit, interrupted)) = ended {
            let how = if interrupted {
                "was interrupted and ended in order"
            } else {
                "has ended"
            };
            return Err(Error::usage(
                format!("the run {name} {how}, with exit code {exit}: nothing of it is open"),
                "start a new one; only a run that was broken off can be taken up again",
            ));
        }
        let started = started.ok_or_else(|| {
            Error::usage(
                format!("the run {name} broke off before it wrote down what it was asked for"),
                "nothing was made or burnt: start a new run",
            )
        })?;
        Ok((Self { writer }, started))
    }

    /// Appends an event, durable on return.
    pub(crate) fn tell(&mut self, event: &RunEvent) -> Result<(), Error> {
        self.writer
            .append(event)
            .and_then(|()| self.writer.sync())
            .map_err(|why| unwritten(&why))
    }
}

fn unwritten(why: &journal::JournalError) -> Error {
    Error::Internal {
        why: why.to_string(),
        journal: None,
    }
}

/// Whether a run has ended in order. Of a run without a record, which an older phoenix made, or whose
/// record cannot be read, nobody knows: it counts as one that has not.
pub(crate) fn has_ended(folder: &Path) -> bool {
    journal::read::<RunEvent>(&folder.join(FILE)).is_ok_and(|read| {
        read.lines
            .iter()
            .any(|line| matches!(line.event, RunEvent::Ended { .. }))
    })
}

/// A cycle of a run's plan that has no end.
pub(crate) struct Open {
    pub(crate) cycle: PlannedCycle,
    /// Whether its newest journal tells of its beginning. A process that was killed as soon as it had
    /// made the file has left one that tells nothing.
    pub(crate) begun: bool,
}

/// The cycles of a run's plan that have no end. None is known of a run without a record.
///
/// # Errors
/// When the record or a journal was changed.
pub(crate) fn missing(folder: &Path) -> Result<Vec<Open>, Error> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let read = journal::read::<RunEvent>(&path).map_err(|why| unreadable(&why))?;
    let started = read.lines.into_iter().find_map(|line| match line.event {
        RunEvent::Started(started) => Some(started),
        _ => None,
    });
    let found = attempts::of(folder).unwrap_or_default();
    let mut open = Vec::new();
    for planned in started.map(|started| started.cycles).unwrap_or_default() {
        let attempts = found.iter().find(|one| one.cycle == planned.folder);
        let came = match attempts {
            Some(attempts) => attempts.came()?,
            None => Vec::new(),
        };
        if !matches!(came.last(), Some(Came::Ended(_))) {
            open.push(Open {
                begun: match attempts.and_then(attempts::Attempts::journal) {
                    Some(journal) => attempts::tells(&journal)?,
                    None => false,
                },
                cycle: planned,
            });
        }
    }
    Ok(open)
}

/// Digests of files and folders, by their paths: what a run is planned and judged by.
pub(crate) fn digests(paths: impl IntoIterator<Item = PathBuf>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = paths
        .into_iter()
        .map(|path| {
            let digest =
                measure(&path).map_or_else(|why| why.to_string(), |measured| measured.blake3);
            (path.display().to_string(), digest)
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The backups that plans restore and phoenix did not make: files, which may be large, and folders.
pub(crate) fn foreign<'a>(plans: impl IntoIterator<Item = &'a Plan>) -> Vec<PathBuf> {
    let points = plans.into_iter().flat_map(|plan| &plan.steps);
    let points = points.filter_map(|step| match &step.act {
        Act::RestoreForeign { points, .. } => Some(points),
        _ => None,
    });
    points.flatten().map(|point| point.path.clone()).collect()
}

/// The files that a driver's settings name, but those that hold values of the user's own.
pub(crate) fn files_of_driver(stack: &Stack) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (name, value) in stack.driver.settings.as_object().into_iter().flatten() {
        if name == "env_file" {
            continue;
        }
        let words = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        let paths = words.iter().filter_map(serde_json::Value::as_str);
        found.extend(
            paths
                .map(|word| stack.driver.folder.join(word))
                .filter(|path| path.is_file()),
        );
    }
    found
}
