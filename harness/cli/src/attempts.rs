//! The cycles of a run on disk. The first attempt at a cycle lies in `NUMBER-SCENARIO-PROFILE`; one
//! that was broken off stays where it is, and the next lies beside it, with `~2` and so on behind its
//! name. The newest that has a journal is the cycle.

use std::path::{Path, PathBuf};

use phoenix_evidence::journal::event::{BrokenAttempt, CycleFinished, Event, StepEnd};
use phoenix_evidence::journal::{self, Line};
use phoenix_evidence::ledger;

use crate::error::Error;
use crate::project::unreadable;

/// Between the name of a cycle and the number of an attempt.
const MARK: char = '~';

/// Attempts at one cycle, oldest first: their folders, with or without a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// Name of the first one's folder.
    pub(crate) cycle: String,
    folders: Vec<(u32, PathBuf)>,
}

/// How far an attempt came.
pub(crate) enum Came {
    /// To its end.
    Ended(Box<CycleFinished>),
    /// Not to its end, or to one that a person brought about.
    Broken(BrokenAttempt),
}

/// All cycles of a run, in the order of their numbers.
pub(crate) fn of(run: &Path) -> std::io::Result<Vec<Attempts>> {
    let mut all: Vec<Attempts> = Vec::new();
    for entry in std::fs::read_dir(run)? {
        let entry = entry?;
        // A link leads out of the run.
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let (cycle, number) = match name.rsplit_once(MARK) {
            Some((cycle, number)) => match number.parse() {
                Ok(number) => (cycle.to_owned(), number),
                Err(_) => continue,
            },
            None => (name, 1),
        };
        let one = (number, entry.path());
        match all.iter_mut().find(|known| known.cycle == cycle) {
            Some(known) => known.folders.push(one),
            None => all.push(Attempts {
                cycle,
                folders: vec![one],
            }),
        }
    }
    for one in &mut all {
        one.folders.sort();
    }
    all.sort_by_key(|one| (number(&one.cycle), one.cycle.clone()));
    Ok(all)
}

/// The number that a cycle's name begins with.
fn number(cycle: &str) -> u64 {
    let digits = cycle.split('-').next().unwrap_or_default();
    digits.parse().unwrap_or(u64::MAX)
}

impl Attempts {
    /// Those at a cycle that has none yet.
    pub(crate) fn none(cycle: &str) -> Self {
        Self {
            cycle: cycle.to_owned(),
            folders: Vec::new(),
        }
    }

    /// Their folders.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|(_, folder)| folder.as_path())
    }

    /// Name of the folder of the next one.
    pub(crate) fn next(&self) -> String {
        match self.folders.last() {
            None => self.cycle.clone(),
            Some((last, _)) => format!("{}{MARK}{}", self.cycle, last + 1),
        }
    }

    /// The journal of the newest one that has one.
    pub(crate) fn journal(&self) -> Option<PathBuf> {
        self.folders()
            .map(|folder| folder.join("journal.jsonl"))
            .filter(|path| path.is_file())
            .last()
    }

    /// How far each came.
    ///
    /// # Errors
    /// When evidence was changed or cannot be read: nothing is concluded over it then.
    pub(crate) fn came(&self) -> Result<Vec<Came>, Error> {
        self.folders().map(came).collect()
    }
}

/// Whether a journal tells of a cycle: reports show no other.
pub(crate) fn tells(journal: &Path) -> Result<bool, Error> {
    let read = journal::read::<Event>(journal).map_err(|why| unreadable(&why))?;
    let first = read.lines.first().map(|line| &line.event);
    Ok(matches!(first, Some(Event::CycleStarted(_))))
}

fn came(folder: &Path) -> Result<Came, Error> {
    let name = folder.file_name().unwrap_or_default();
    let mut broken = BrokenAttempt {
        folder: name.to_string_lossy().into_owned(),
        during: Vec::new(),
        last: None,
        torn_bytes: 0,
    };
    let path = folder.join("journal.jsonl");
    if !path.is_file() {
        return Ok(Came::Broken(broken));
    }
    let read = journal::read::<Event>(&path).map_err(|why| unreadable(&why))?;
    if let Some(Event::CycleFinished(finished)) = read.lines.last().map(|line| &line.event)
        && !finished.interrupted
    {
        return Ok(Came::Ended(Box::new(finished.clone())));
    }
    broken.during = during(&read.lines);
    broken.last = read.lines.last().map(|line| line.at);
    broken.torn_bytes = read.torn_bytes as u64 + torn_of_ledger(&folder.join("ledger.jsonl"))?;
    Ok(Came::Broken(broken))
}

/// Steps that had begun and have no end, by their titles.
fn during(lines: &[Line<Event>]) -> Vec<String> {
    let mut titles = std::collections::BTreeMap::new();
    let mut open: Vec<&String> = Vec::new();
    for line in lines {
        match &line.event {
            Event::Planned { steps } => {
                titles.extend(steps.iter().map(|step| (&step.id, &step.title)));
            }
            Event::StepStarted { step } => open.push(step),
            Event::StepFinished { step, ended, .. } if *ended != StepEnd::NotRun => {
                open.retain(|one| *one != step);
            }
            _ => {}
        }
    }
    open.into_iter()
        .map(|step| titles.get(step).map_or(step, |title| *title).clone())
        .collect()
}

/// Bytes of a torn last line of a ledger. One without a whole first line is all torn: the kill came
/// while it was made.
fn torn_of_ledger(path: &Path) -> Result<u64, Error> {
    let Ok(bytes) = std::fs::read(path) else {
        return Ok(0);
    };
    if !bytes.contains(&b'\n') {
        return Ok(bytes.len() as u64);
    }
    let read = ledger::read(path).map_err(|why| {
        Error::usage(
            why.to_string(),
            "nothing is concluded from a ledger that was changed: run again, and keep this one",
        )
    })?;
    Ok(read.torn_bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::{Attempts, of};

    #[test]
    fn attempts_are_told_apart_and_cycles_go_by_number() {
        let run = tempfile::tempdir().expect("a folder");
        for name in [
            "100-c-today",
            "02-b-today",
            "02-b-today~2",
            "02-b-today~10",
            "01-a-today",
        ] {
            std::fs::create_dir(run.path().join(name)).expect("a folder");
        }
        std::fs::write(run.path().join("run.jsonl"), "").expect("a file");
        std::os::unix::fs::symlink("/", run.path().join("03-link-today")).expect("a link");
        let all = of(run.path()).expect("cycles");
        let next: Vec<String> = all.iter().map(Attempts::next).collect();
        assert_eq!(next, ["01-a-today~2", "02-b-today~11", "100-c-today~2"]);
    }
}
