//! Whether a run lives. Its process holds a lock for as long as it lives, and the operating system
//! lets go of it however the process ends. Whoever removes what a run left, or takes it up again,
//! holds the same lock for as long as that takes: between looking and acting nobody else begins.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

/// File in a run's folder that its process holds locked.
const LOCK: &str = "lock";

/// A run's lock, held.
pub(crate) struct Held {
    file: File,
}

/// What became of the wish for a lock.
pub(crate) enum Taken {
    /// Nobody else works on this run now.
    Held(Held),
    /// Somebody does.
    Lives,
    /// Neither is known, and why.
    Unknown(String),
}

impl Held {
    /// Takes the lock of a run that was just made. Somebody may look at it in this very moment: that one
    /// finds nothing, and is waited for.
    ///
    /// # Errors
    /// When the file cannot be made, locked or written.
    pub(crate) fn begin(folder: &Path) -> std::io::Result<Self> {
        let file = open(folder)?;
        file.lock()?;
        let mut held = Self { file };
        held.say_who()?;
        Ok(held)
    }

    /// Takes the lock of a run, and makes its file when there is none. Waits for nobody.
    pub(crate) fn take(folder: &Path) -> Taken {
        match Self::tried(folder) {
            Ok(taken) => taken,
            Err(why) => Taken::Unknown(format!("{}: {why}", folder.join(LOCK).display())),
        }
    }

    fn tried(folder: &Path) -> std::io::Result<Taken> {
        let mut file = open(folder)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Taken::Lives),
            Err(TryLockError::Error(why)) => return Err(why),
        }
        // A copy of a run's folder has a lock of its own, and the run that it is a copy of still has
        // its containers: who held the original is written in it.
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        let alive = !holder.is_empty()
            && myself().as_deref() != Some(holder.as_str())
            && still_runs(&holder);
        Ok(if alive {
            Taken::Lives
        } else {
            Taken::Held(Self { file })
        })
    }

    /// Writes down who holds it: this process, for as long as it lives.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn say_who(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(myself().unwrap_or_default().as_bytes())
    }
}

fn open(folder: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(LOCK))
}

/// This process, in words that no other ever has on this machine: boot, id, moment of its start.
fn myself() -> Option<String> {
    words(std::process::id())
}

fn words(process: u32) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program stands in brackets and may hold any character; the moment of the start
    // is the 20th word after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut rest = rest.split_whitespace();
    let state = rest.next()?;
    let began = rest.nth(18)?;
    // A zombie does nothing any more.
    (state != "Z" && state != "X").then(|| format!("{} {process} {began}", boot.trim()))
}

/// Whether the process that wrote these words runs. Where that cannot be asked, the lock alone tells.
fn still_runs(holder: &str) -> bool {
    holder
        .split(' ')
        .nth(1)
        .and_then(|process| process.parse().ok())
        .and_then(words)
        .is_some_and(|now| now == holder)
}

#[cfg(test)]
mod tests {
    use super::{Held, LOCK, Taken};

    #[test]
    fn a_lock_is_held_by_one_and_free_when_that_one_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Held::take(folder.path());
        assert!(matches!(first, Taken::Held(_)));
        assert!(matches!(Held::take(folder.path()), Taken::Lives));
        drop(first);
        assert!(matches!(Held::take(folder.path()), Taken::Held(_)));
    }

    #[test]
    fn a_copy_of_a_living_runs_folder_is_no_dead_run() {
        let (own, copy) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let mut sleeper = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("a process");
        let words = super::words(sleeper.id()).expect("its words");
        std::fs::write(own.path().join(LOCK), &words).expect("a lock");
        std::fs::copy(own.path().join(LOCK), copy.path().join(LOCK)).expect("a copy");
        assert!(matches!(Held::take(copy.path()), Taken::Lives));
        sleeper.kill().expect("killed");
        sleeper.wait().expect("its end");
        assert!(matches!(Held::take(copy.path()), Taken::Held(_)));
    }

    #[test]
    fn what_cannot_be_opened_is_not_called_dead() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(LOCK)).expect("a folder in its place");
        assert!(matches!(Held::take(folder.path()), Taken::Unknown(_)));
    }
}
