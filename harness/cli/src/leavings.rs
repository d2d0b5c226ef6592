//! What a killed run left behind, and its removal: processes, containers with their volumes and
//! networks, the folders of its stacks, the secrets that were kept for a rebuild. Evidence and recovery
//! points stay. Everything is found by what carries the run's id; the caller holds the run's lock.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_compose::reap::{ENGINE, engine, leftovers, reap};
use phoenix_engine::environment::DriverError;
use phoenix_engine::words::count;
use tokio::runtime::Runtime;

use crate::alive::Held;
use crate::attempts;
use crate::processes;

/// Looks at an engine after something was removed: a request that was under way when its sender was
/// killed is announced by nothing, and may still make what it asked for.
const LOOKS: usize = 10;
/// Time between two of them.
const PAUSE: Duration = Duration::from_millis(300);

/// Whether a name is one that phoenix gives to a run: `20261124T211525Z-b023ba`. A folder that is
/// called otherwise is somebody else's.
pub(crate) fn is_run(name: &str) -> bool {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let Some((moment, letters)) = name.split_once('-') else {
        return false;
    };
    let Some((day, time)) = moment.strip_suffix('Z').and_then(|m| m.split_once('T')) else {
        return false;
    };
    digits(day, 8)
        && digits(time, 6)
        && letters.len() == 6
        && letters.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Folders and files that the cycles of a run left.
pub(crate) fn on_disk(run: &Path) -> Vec<PathBuf> {
    let cycles = attempts::of(run).unwrap_or_default();
    let named_by_phoenix = |cycle: &&attempts::Attempts| {
        let number = cycle.cycle.split('-').next().unwrap_or_default();
        number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    cycles
        .iter()
        .filter(named_by_phoenix)
        .flat_map(attempts::Attempts::folders)
        // Secrets that were kept for a rebuild are no evidence.
        .flat_map(|cycle| [cycle.join("stack"), cycle.join("vault/secrets")])
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()))
        .collect()
}

fn ran_in_containers(run: &Path) -> bool {
    on_disk(run)
        .iter()
        .any(|stack| stack.join(ENGINE).exists() || stack.join("docker").exists())
}

/// Fails when a stack of the run is on another engine than the one that is asked: there would be nothing
/// to be found here, and its folder, which tells of it, must stay.
async fn same_engine(run: &Path) -> Result<(), DriverError> {
    for stack in on_disk(run) {
        let Ok(then) = fs::read_to_string(stack.join(ENGINE)) else {
            continue;
        };
        let now = engine().await?;
        if !then.is_empty() && !now.is_empty() && then != now {
            return Err(DriverError::new(
                format!("look for what {} left", stack.display()),
                "it is on another engine than this one: point DOCKER_HOST at the one that it ran on",
            ));
        }
    }
    Ok(())
}

/// Removes all that a dead run left. `tell` hears a line of each thing that is gone; what could not be
/// removed comes back, a line each.
pub(crate) fn remove(
    runtime: &Runtime,
    folder: &Path,
    _held: &Held,
    tell: &mut dyn FnMut(String),
) -> Vec<String> {
    let run = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // First: what still works for the run makes more.
    match processes::end(&run) {
        Ok(0) => {}
        Ok(n) => tell(format!(
            "{run}: {} ended",
            count(n as u64, "process", "processes")
        )),
        Err(why) => return vec![format!("{run}: {why}")],
    }
    let removed = runtime.block_on(async {
        same_engine(folder).await?;
        on_engine(&run, ran_in_containers(folder), tell).await
    });
    let mut troubles = match removed {
        Ok(troubles) => troubles,
        // Where nothing ever ran in containers, nobody needs an engine.
        Err(_) if !ran_in_containers(folder) => Vec::new(),
        Err(why) => vec![format!("{run}: {why}")],
    };
    if !troubles.is_empty() {
        // The folders tell the next one that there is more.
        return troubles;
    }
    for path in on_disk(folder) {
        match fs::remove_dir_all(&path) {
            Ok(()) => tell(format!("{}: removed", path.display())),
            Err(why) => troubles.push(format!("{}: {why}", path.display())),
        }
    }
    troubles
}

async fn on_engine(
    run: &str,
    expected: bool,
    tell: &mut dyn FnMut(String),
) -> Result<Vec<String>, DriverError> {
    let mut troubles = Vec::new();
    for look in 0..LOOKS {
        let mut found = leftovers().await?;
        // A stack is called after its run and the nonce of its cycle.
        found.retain(|stack, _| stack.rsplit_once('-').is_some_and(|(of, _)| of == run));
        if found.is_empty() && (look > 0 || !expected) {
            return Ok(Vec::new());
        }
        troubles.clear();
        for (stack, left) in found {
            match reap(&stack).await {
                Ok(()) => tell(format!("{stack}: {left}; removed")),
                Err(why) => troubles.push(format!("{stack}: {left}; {why}")),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    if troubles.is_empty() {
        troubles.push(format!("{run}: things of it keep appearing on the engine"));
    }
    Ok(troubles)
}

#[cfg(test)]
mod tests {
    use super::{is_run, on_disk};

    #[test]
    fn only_names_that_phoenix_gives_are_runs() {
        assert!(is_run("20261124T211525Z-b023ba"));
        for other in [
            "src",
            "20261124T211525Z",
            "20261124T211525Z-b023ba-old",
            "latest-b023ba",
        ] {
            assert!(!is_run(other), "{other}");
        }
    }

    #[test]
    fn folders_that_no_cycle_made_are_nobodys_leavings() {
        let run = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(elsewhere.path().join("stack")).expect("a folder");
        std::fs::create_dir_all(run.path().join("notes/stack")).expect("a folder");
        std::fs::create_dir_all(run.path().join("01-a-today/stack")).expect("a folder");
        std::os::unix::fs::symlink(elsewhere.path(), run.path().join("02-b-today"))
            .expect("a link");
        std::fs::create_dir(run.path().join("03-c-today")).expect("a folder");
        std::os::unix::fs::symlink(
            elsewhere.path().join("stack"),
            run.path().join("03-c-today/stack"),
        )
        .expect("a link");
        assert_eq!(on_disk(run.path()), [run.path().join("01-a-today/stack")]);
    }
}
