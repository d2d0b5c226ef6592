//! Writing a journal: one line an event, durable when [`JournalWriter::sync`] returns.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Journal, JournalError, Line, SCHEMA, read};

/// A journal open for writing, locked against a second writer.
#[derive(Debug)]
pub struct JournalWriter {
    file: File,
    path: PathBuf,
    next_seq: u64,
    /// Microseconds on the lines of those who wrote before.
    before_us: u64,
    began: Instant,
}

impl JournalWriter {
    /// Creates a journal, which must not exist yet, and makes its folder entry durable.
    ///
    /// # Errors
    /// When it exists, or cannot be created.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        let write = |why: std::io::Error| JournalError::Write {
            path: name.clone(),
            why: why.to_string(),
        };
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(write)?;
        lock(&file, &name)?;
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(write)?;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            next_seq: 1,
            before_us: 0,
            began: Instant::now(),
        })
    }

    /// Takes up a journal that somebody left: what is in it, and a writer that goes on after its
    /// last whole line. A torn last line was acknowledged to nobody and is cut off. Its clock goes on
    /// from where it stood: the time in between is told by the wall clock only.
    ///
    /// # Errors
    /// When somebody writes it, when it cannot be read or written, or when it was changed.
    pub fn reopen<E: DeserializeOwned>(path: &Path) -> Result<(Self, Journal<E>), JournalError> {
        let name = path.display().to_string();
        let write = |why: std::io::Error| JournalError::Write {
            path: name.clone(),
            why: why.to_string(),
        };
        let file = OpenOptions::new().append(true).open(path).map_err(write)?;
        lock(&file, &name)?;
        let found: Journal<E> = read(path)?;
        if found.torn_bytes > 0 {
            let whole = file.metadata().map_err(write)?.len() - found.torn_bytes as u64;
            file.set_len(whole).map_err(write)?;
            file.sync_all().map_err(write)?;
        }
        let last = found.lines.last();
        let writer = Self {
            file,
            path: path.to_owned(),
            next_seq: last.map_or(1, |line| line.seq + 1),
            before_us: last.map_or(0, |line| line.mono_us),
            began: Instant::now(),
        };
        Ok((writer, found))
    }

    /// Appends an event.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append<E: Serialize>(&mut self, event: &E) -> Result<(), JournalError> {
        let line = Line {
            schema: SCHEMA,
            seq: self.next_seq,
            at: jiff::Timestamp::now(),
            mono_us: u64::try_from(self.began.elapsed().as_micros())
                .unwrap_or(u64::MAX)
                .saturating_add(self.before_us),
            event,
        };
        let mut text = serde_json::to_vec(&line).map_err(|why| self.error(&why.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|why| self.error(&why))?;
        self.next_seq += 1;
        Ok(())
    }

    /// Makes everything appended durable: called at every step's boundary.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|why| self.error(&why))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, why: &std::io::Error) -> JournalError {
        JournalError::Write {
            path: self.path.display().to_string(),
            why: why.to_string(),
        }
    }
}

fn lock(file: &File, path: &str) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(why)) => Err(JournalError::Write {
            path: path.to_owned(),
            why: why.to_string(),
        }),
    }
}
