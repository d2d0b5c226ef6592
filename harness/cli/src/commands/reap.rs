//! `reap`: what killed runs left behind is removed, and nothing of a run that lives.
//!
//! Whether a run lives is told by its lock alone, and the lock is held while its remains are removed: a
//! run cannot begin, or be taken up again, between the look and the act.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::alive::{Held, Taken};
use crate::arguments::ReapArguments;
use crate::error::Error;
use crate::leavings;
use crate::project::Project;
use crate::record;
use crate::terminal;

/// Something could not be removed.
const NOT_REMOVED: u8 = 3;

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
    let runtime = super::run::runtime()?;
    let stacks: BTreeSet<String> = match runtime.block_on(phoenix_compose::reap::leftovers()) {
        Ok(found) => found.into_keys().collect(),
        // Who needs an engine is found out below.
        Err(_) => BTreeSet::new(),
    };
    let mut code = 0;
    for folder in chosen {
        if !one(&runtime, folder, &stacks)? {
            code = NOT_REMOVED;
        }
    }
    if arguments.run.is_none() {
        for stack in stacks {
            if !known.iter().any(|folder| of(&stack, folder)) {
                terminal::data(&format!(
                    "{stack}: no run of {} made it; left alone\n",
                    runs.display()
                ))?;
            }
        }
    }
    Ok(code)
}

/// Removes what one run left, unless it lives; whether nothing is left that should not be.
fn one(
    runtime: &tokio::runtime::Runtime,
    folder: &Path,
    stacks: &BTreeSet<String>,
) -> Result<bool, Error> {
    let nothing = leavings::on_disk(folder).is_empty() && !stacks.iter().any(|s| of(s, folder));
    match Held::take(folder) {
        Taken::Lives => {
            terminal::data(&format!("{}: it lives; left alone\n", name(folder)))?;
            Ok(true)
        }
        // An archive that cannot be written and holds evidence only needs nobody.
        Taken::Unknown(_) if nothing => Ok(true),
        Taken::Unknown(why) => {
            terminal::talk(&format!(
                "{}: whether it lives cannot be told ({why}); left alone\n",
                name(folder)
            ));
            Ok(false)
        }
        Taken::Held(_) if nothing && record::has_ended(folder) => Ok(true),
        Taken::Held(held) => {
            let mut gone = Vec::new();
            let troubles = leavings::remove(runtime, folder, &held, &mut |line| gone.push(line));
            for line in &gone {
                terminal::data(&format!("{line}\n"))?;
            }
            for line in &troubles {
                terminal::talk(&format!("{line}\n"));
            }
            Ok(troubles.is_empty())
        }
    }
}

fn name(folder: &Path) -> String {
    folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether a stack is called after a run, and the nonce of a cycle.
fn of(stack: &str, folder: &Path) -> bool {
    stack
        .rsplit_once('-')
        .is_some_and(|(run, _)| run == name(folder))
}

/// Folders of runs, oldest first.
fn folders(runs: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| leavings::is_run(&name(path)))
        .collect();
    all.sort();
    all
}
