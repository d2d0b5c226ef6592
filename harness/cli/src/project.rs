//! Where things are: the project that the command is run in, its scenarios, environments and runs.

use std::path::{Path, PathBuf};

use phoenix_engine::words::count;
use phoenix_evidence::journal::event::Event;
use phoenix_evidence::journal::{self, JournalError, Line};
use phoenix_language::diagnostic::did_you_mean;
use phoenix_reports::View;

use crate::attempts::{self, Attempts};
use crate::error::Error;
use crate::record;
use crate::terminal;

/// The environment that runs in the harness's own process.
const EMBEDDED: &str = "embedded";

/// The project.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// The nearest folder, from here upwards, that has `scenarios` and `environments`; here
    /// otherwise.
    pub(crate) fn find() -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let root = here
            .ancestors()
            .find(|folder| {
                folder.join("scenarios").is_dir() && folder.join("environments").is_dir()
            })
            .unwrap_or(&here)
            .to_owned();
        Self {
            root: shorter(&root, &here),
        }
    }

    fn named(&self, folder: &str, given: &str, what: &str) -> Result<PathBuf, Error> {
        let path = PathBuf::from(given);
        let is_path = given.contains('/') || path.extension().is_some_and(|ext| ext == "yaml");
        if is_path {
            if path.exists() {
                return Ok(path);
            }
            return Err(Error::usage(
                format!("there is no file {given}"),
                self.known(folder, file_stem(&path).as_deref().unwrap_or(given)),
            ));
        }
        let found = self.root.join(folder).join(format!("{given}.yaml"));
        if found.exists() {
            return Ok(found);
        }
        if path.is_dir() {
            return Err(Error::usage(
                no_file(&path).unwrap_or_default(),
                format!("name the {what} file in it: {given}/NAME.yaml"),
            ));
        }
        Err(Error::usage(
            format!("no {what} is called `{given}`"),
            self.known(folder, given),
        ))
    }

    /// The names of a folder's files that may have been meant.
    fn known(&self, folder: &str, given: &str) -> String {
        let names = self.names(folder);
        let path = self.root.join(folder);
        did_you_mean(given, names.iter().map(String::as_str)).unwrap_or_else(|| {
            if path.is_dir() {
                format!("{} holds no .yaml file", path.display())
            } else {
                format!(
                    "there is no folder `{folder}` here or above; go to the project, or name a file"
                )
            }
        })
    }

    fn names(&self, folder: &str) -> Vec<String> {
        yaml_files(&self.root.join(folder))
            .iter()
            .filter_map(|path| file_stem(path))
            .collect()
    }

    /// The files of a scenario argument: one by its name or path, or all of a folder.
    pub(crate) fn scenario(&self, given: &str) -> Result<Vec<PathBuf>, Error> {
        let path = Path::new(given);
        let named = self.root.join("scenarios").join(format!("{given}.yaml"));
        if !path.is_dir() || named.exists() {
            return Ok(vec![self.named("scenarios", given, "scenario")?]);
        }
        let files = yaml_files(path);
        if files.is_empty() {
            return Err(Error::usage(
                format!("the folder {given} holds no scenario"),
                "scenarios are files that end in .yaml",
            ));
        }
        Ok(files)
    }

    /// The scenarios of the project, by the names of their files.
    pub(crate) fn scenarios(&self) -> Vec<String> {
        self.names("scenarios")
    }

    /// The environments of the project, by the names of their files.
    pub(crate) fn environments(&self) -> Vec<String> {
        self.names("environments")
    }

    /// Where a file of this name belongs.
    pub(crate) fn file(&self, folder: &str, name: &str) -> PathBuf {
        self.root.join(folder).join(format!("{name}.yaml"))
    }

    /// Whether there is a folder of scenarios.
    pub(crate) fn is_here(&self) -> bool {
        self.root.join("scenarios").is_dir()
    }

    /// The file of an environment, by its name or path. Where none is given it is the only one, or
    /// the one that needs nothing else on the machine.
    pub(crate) fn environment(&self, given: Option<&str>) -> Result<PathBuf, Error> {
        if let Some(given) = given {
            return self.named("environments", given, "environment");
        }
        let all = self.environments();
        let usual = match all.as_slice() {
            [only] => only,
            _ if all.iter().any(|name| name == EMBEDDED) => EMBEDDED,
            [] => {
                return Err(Error::usage(
                    "no environment was named, and there is none in a folder `environments` here \
                     or above",
                    "go to the project, name a file with --env, or write one with `phoenix init`",
                ));
            }
            several => {
                return Err(Error::usage(
                    "no environment was named",
                    format!("name one of `{}` with --env", several.join("`, `")),
                ));
            }
        };
        self.named("environments", usual, "environment")
    }

    /// Where runs are kept.
    pub(crate) fn runs(&self, given: Option<&Path>) -> PathBuf {
        match given {
            Some(given) => given.to_owned(),
            None if self.root.join("reports").is_dir() => self.root.join("reports").join("runs"),
            None => PathBuf::from("phoenix-runs"),
        }
    }
}

/// Why a path names no file that can be read; nothing where it does.
pub(crate) fn no_file(path: &Path) -> Option<String> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(is) if is.is_file() => None,
        Ok(is) if is.is_dir() => Some(format!("{shown} is a folder, not a file")),
        Ok(_) => Some(format!("{shown} is a pipe or a device, not a file")),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("there is no file {shown}"))
        }
        Err(why) => Some(format!("{shown} cannot be read: {why}")),
    }
}

/// A path relative to here where that is possible: what people can read.
fn shorter(path: &Path, here: &Path) -> PathBuf {
    match path.strip_prefix(here) {
        Ok(inside) => inside.to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// The `.yaml` files of a folder, by name.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

fn file_stem(path: &Path) -> Option<String> {
    path.file_stem()?.to_str().map(str::to_owned)
}

/// The folder of a run, by its id or `latest`.
pub(crate) fn run_folder(runs: &Path, run: &str) -> Result<PathBuf, Error> {
    let mut names: Vec<String> = std::fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let Some(newest) = names.last() else {
        return Err(Error::usage(
            format!("there are no runs in {}", runs.display()),
            "make one with `phoenix run`, or name their folder with --runs-dir",
        ));
    };
    if run == "latest" {
        return Ok(runs.join(newest));
    }
    if names.iter().any(|name| name == run) {
        return Ok(runs.join(run));
    }
    Err(Error::usage(
        format!("no run `{run}` in {}", runs.display()),
        format!("the newest there is `{newest}`; another folder is named with --runs-dir"),
    ))
}

/// All lines of one journal.
type JournalLines = Vec<Line<Event>>;

/// The journals of a run, in the order of its cycles: of each the newest attempt. What was torn is told.
fn journals(folder: &Path) -> Result<Vec<(String, JournalLines)>, Error> {
    let cycles = attempts::of(folder).map_err(|why| {
        Error::usage(
            format!("the run {} cannot be read: {why}", folder.display()),
            "look at its permissions, or name another run",
        )
    })?;
    let mut all = Vec::new();
    for path in cycles.iter().filter_map(Attempts::journal) {
        let read = journal::read::<Event>(&path).map_err(|why| unreadable(&why))?;
        if read.torn_bytes > 0 {
            terminal::talk(&format!(
                "note: {}: a torn last line was left out\n",
                path.display()
            ));
        }
        for words in changed(&path, &read.lines) {
            terminal::talk(&format!("warning: {words}\n"));
        }
        let cycle = path.parent().and_then(Path::file_name).unwrap_or_default();
        all.push((cycle.to_string_lossy().into_owned(), read.lines));
    }
    if all.is_empty() {
        return Err(Error::usage(
            format!("{} holds no journal", folder.display()),
            "a cycle keeps its own in NUMBER-SCENARIO-PROFILE/journal.jsonl; is this a run?",
        ));
    }
    Ok(all)
}

/// A run as reports show it. Where it did not come to its end, that is told.
pub(crate) fn view_and_note(folder: &Path) -> Result<View, Error> {
    let missing = record::missing(folder)?;
    if !missing.is_empty() && !record::has_ended(folder) {
        let run = folder.file_name().unwrap_or_default().to_string_lossy();
        terminal::talk(&format!(
            "note: {} of the run {run} have no end: `phoenix run --resume {run}` goes on, unless it \
             still runs\n",
            count(missing.len() as u64, "cycle", "cycles")
        ));
    }
    view_with(folder, &missing)
}

/// A run as reports show it. Cycles that it has not come to are in it as such.
pub(crate) fn view(folder: &Path) -> Result<View, Error> {
    view_with(folder, &record::missing(folder)?)
}

fn view_with(folder: &Path, missing: &[record::Open]) -> Result<View, Error> {
    let (folders, journals): (Vec<String>, Vec<JournalLines>) =
        journals(folder)?.into_iter().unzip();
    let mut view = View::new(&journals);
    // One that has no first event has no view.
    let told = folders.into_iter().zip(&journals).filter(|(_, lines)| {
        matches!(
            lines.first().map(|line| &line.event),
            Some(Event::CycleStarted(_))
        )
    });
    for (cycle, (name, _)) in view.cycles.iter_mut().zip(told) {
        cycle.folder = Some(name);
    }
    // One that was begun is shown as broken off by its own journal.
    let unbegun = missing.iter().filter(|open| !open.begun);
    view.missing.extend(unbegun.map(|open| open.cycle.clone()));
    Ok(view)
}

/// The files beside a journal that are not what it says of them: its verdicts rest on them.
fn changed(journal: &Path, lines: &[Line<Event>]) -> Vec<String> {
    let mut all = Vec::new();
    for line in lines {
        let Event::Attached { file, blake3, .. } = &line.event else {
            continue;
        };
        let path = journal.with_file_name(file);
        // One that is gone proves nothing either way: the verdicts are in the journal.
        if std::fs::read(&path).is_ok_and(|bytes| blake3::hash(&bytes).to_hex().as_str() != blake3)
        {
            all.push(format!(
                "{} was changed after the run: trust no verdict that rests on it",
                path.display()
            ));
        }
    }
    all
}

pub(crate) fn unreadable(why: &JournalError) -> Error {
    let help = match why {
        JournalError::Newer { .. } => "it is left as it is; the phoenix that wrote it reads it",
        JournalError::Corrupt { .. } => {
            "nothing is concluded from a journal that was changed: run again, and keep this one"
        }
        _ => "look at its permissions",
    };
    Error::usage(why.to_string(), help)
}
