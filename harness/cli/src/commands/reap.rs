//! `reap`: what killed runs left behind is removed, and nothing of a run that lives.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::arguments::ReapArguments;
use crate::error::Error;
use crate::project::Project;
use crate::terminal;

/// File in a run's folder that its process holds locked while it lives.
const LOCK: &str = "lock";
/// Something could not be removed.
const NOT_REMOVED: u8 = 3;

/// Held by a run for as long as it lives: the engine of the operating system lets go of it however
/// the process ends.
pub(crate) struct Alive {
    _locked: File,
}

impl Alive {
    /// Says that a run lives, by its folder.
    ///
    /// # Errors
    /// When the lock cannot be had.
    pub(crate) fn say(folder: &Path) -> std::io::Result<Self> {
        let file = File::create(folder.join(LOCK))?;
        file.lock()?;
        Ok(Self { _locked: file })
    }
}

/// Whether the run of a folder lives. A run of an older phoenix has no lock; none of these makes
/// anything outside its folder.
fn lives(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

pub(crate) fn reap(arguments: &ReapArguments) -> Result<u8, Error> {
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let known = folders(&runs);
    let chosen: Vec<&PathBuf> = match &arguments.run {
        Some(run) => {
            let folder = known.iter().find(|folder| name(folder) == *run);
            vec![folder.ok_or_else(|| {
                Error::usage(
                    format!("there is no run {run} in {}", runs.display()),
                    "`phoenix reap` without a name looks at all of them; --runs-dir names another \
                     folder",
                )
            })?]
        }
        None => known.iter().collect(),
    };
    let mut code = 0;
    let mut dead: BTreeSet<String> = BTreeSet::new();
    for folder in &chosen {
        if lives(folder) {
            terminal::data(&format!("{}: it lives; left alone\n", name(folder)))?;
        } else {
            dead.insert(name(folder));
        }
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|why| Error::Internal {
        why: format!("threads cannot be had: {why}"),
        journal: None,
    })?;
    let found = match runtime.block_on(phoenix_compose::reap::leftovers()) {
        Ok(found) => found,
        // Where nothing ever ran in containers, nobody needs an engine.
        Err(_) if !chosen.iter().any(|folder| ran_in_containers(folder)) => Default::default(),
        Err(why) => return Err(Error::Environment(why.to_string())),
    };
    for (stack, left) in found {
        // A stack is called after its run and the nonce of its cycle.
        let run = stack.rsplit_once('-').map_or("", |(run, _)| run);
        if !dead.contains(run) {
            if arguments.run.is_none() && !known.iter().any(|folder| name(folder) == run) {
                terminal::data(&format!(
                    "{stack}: {left}; no run of {} made it; left alone\n",
                    runs.display()
                ))?;
            }
            continue;
        }
        match runtime.block_on(phoenix_compose::reap::reap(&stack)) {
            Ok(()) => terminal::data(&format!("{stack}: {left}; removed\n"))?,
            Err(why) => {
                terminal::talk(&format!("{stack}: {why}\n"));
                code = NOT_REMOVED;
            }
        }
    }
    for folder in chosen.iter().filter(|folder| dead.contains(&name(folder))) {
        for stack in stacks(folder) {
            match fs::remove_dir_all(&stack) {
                Ok(()) => terminal::data(&format!("{}: removed\n", stack.display()))?,
                Err(why) => {
                    terminal::talk(&format!("{}: {why}\n", stack.display()));
                    code = NOT_REMOVED;
                }
            }
            // Secrets that were kept for a rebuild are no evidence.
            let beside = stack.parent().unwrap_or(&stack);
            let _none = fs::remove_dir_all(beside.join("vault/secrets"));
        }
    }
    Ok(code)
}

fn name(folder: &Path) -> String {
    folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Folders of runs, oldest first.
fn folders(runs: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

/// Folders of stacks that a run's cycles left.
fn stacks(run: &Path) -> Vec<PathBuf> {
    folders(run)
        .into_iter()
        .map(|cycle| cycle.join("stack"))
        .filter(|stack| stack.is_dir())
        .collect()
}

fn ran_in_containers(run: &Path) -> bool {
    stacks(run)
        .iter()
        .any(|stack| stack.join("compose.yaml").exists() || stack.join("docker").exists())
}
