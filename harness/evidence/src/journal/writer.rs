//! Writing a journal: one line an event, durable when [`JournalWriter::sync`] returns.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::{JournalError, Line, SCHEMA};

/// A journal open for writing, locked against a second writer.
#[derive(Debug)]
pub struct JournalWriter {
    file: File,
    path: PathBuf,
    next_seq: u64,
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
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked { path: name }),
            Err(TryLockError::Error(why)) => return Err(write(why)),
        }
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
            began: Instant::now(),
        })
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
            mono_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
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
