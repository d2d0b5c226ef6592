//! Where things are: the project that the command is run in, its scenarios, environments and runs.

use std::path::{Path, PathBuf};

use phoenix_evidence::journal::event::Event;
use phoenix_evidence::journal::{self, Line};
use phoenix_language::diagnostic::did_you_mean;

use crate::error::Error;

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
            return Ok(path);
        }
        let found = self.root.join(folder).join(format!("{given}.yaml"));
        if found.exists() {
            return Ok(found);
        }
        let names = self.names(folder);
        let help = did_you_mean(given, names.iter().map(String::as_str))
            .unwrap_or_else(|| format!("there is no folder `{folder}` here"));
        Err(Error::Usage(format!(
            "no {what} is called `{given}`: {help}"
        )))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                (path.extension()? == "yaml")
                    .then(|| path.file_stem()?.to_str().map(str::to_owned))?
            })
            .collect();
        names.sort();
        names
    }

    pub(crate) fn scenario(&self, given: &str) -> Result<PathBuf, Error> {
        self.named("scenarios", given, "scenario")
    }

    pub(crate) fn scenarios(&self) -> Vec<String> {
        self.names("scenarios")
    }

    pub(crate) fn environment(&self, given: &str) -> Result<PathBuf, Error> {
        self.named("environments", given, "environment")
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

/// A path relative to here where that is possible: what people can read.
fn shorter(path: &Path, here: &Path) -> PathBuf {
    match path.strip_prefix(here) {
        Ok(inside) if inside.as_os_str().is_empty() => PathBuf::from("."),
        Ok(inside) => inside.to_owned(),
        Err(_) => path.to_owned(),
    }
}

/// The folder of a run, by its id or `latest`.
pub(crate) fn run_folder(runs: &Path, run: &str) -> Result<PathBuf, Error> {
    let missing = |why: String| {
        Error::Usage(format!(
            "{why}: run `phoenix run` first, or name its --runs-dir"
        ))
    };
    if run != "latest" {
        let folder = runs.join(run);
        return if folder.is_dir() {
            Ok(folder)
        } else {
            Err(missing(format!("no run `{run}` in {}", runs.display())))
        };
    }
    let entries = std::fs::read_dir(runs)
        .map_err(|why| missing(format!("no runs in {} ({why})", runs.display())))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
        .pop()
        .ok_or_else(|| missing(format!("no runs in {}", runs.display())))
}

/// All lines of one journal.
pub(crate) type JournalLines = Vec<Line<Event>>;

/// The journals of a run, in the order of its cycles, and words on those that were torn.
pub(crate) fn journals(folder: &Path) -> Result<(Vec<JournalLines>, Vec<String>), Error> {
    let mut cycles: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|why| Error::Usage(format!("{} cannot be read: {why}", folder.display())))?
        .flatten()
        .map(|entry| entry.path().join("journal.jsonl"))
        .filter(|path| path.is_file())
        .collect();
    cycles.sort();
    let (mut all, mut torn) = (Vec::new(), Vec::new());
    for path in cycles {
        let read = journal::read::<Event>(&path).map_err(|why| Error::Usage(why.to_string()))?;
        if read.torn_bytes > 0 {
            torn.push(format!("{}: a torn last line was left out", path.display()));
        }
        all.push(read.lines);
    }
    if all.is_empty() {
        return Err(Error::Usage(format!(
            "{} holds no journal",
            folder.display()
        )));
    }
    Ok((all, torn))
}
