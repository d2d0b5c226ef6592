//! The log of a bucket: one JSON line for each change, durable before the change is acknowledged.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::index::{Change, Index};

/// Name of the file in a bucket's folder.
pub(super) const FILE: &str = "log.jsonl";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Unix time of the change in microseconds.
    pub(super) at_us: i64,
    pub(super) change: Change,
}

/// A log open for writing.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    len: u64,
}

impl Log {
    /// Opens the log of a bucket's folder and replays it. A torn last line is what a kill leaves: it
    /// was acknowledged to nobody, and is cut off.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Index)> {
        let path = folder.join(FILE);
        let mut index = Index::default();
        let mut reader = Reader::open(&path)?;
        while let Some(line) = reader.next()? {
            let _replaced = index.apply(line.change);
        }
        let mut file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(reader.at)?;
        file.seek(SeekFrom::End(0))?;
        let len = reader.at;
        Ok((Self { file, path, len }, index))
    }

    /// Makes an empty log.
    pub(super) fn create(folder: &Path) -> io::Result<()> {
        File::create(folder.join(FILE))?.sync_data()
    }

    /// Appends a line and makes it durable.
    pub(super) fn append(&mut self, line: &Line) -> io::Result<()> {
        self.append_all(std::slice::from_ref(line))
    }

    /// Appends lines and makes them durable at once. Lines that fail half-way are taken back.
    pub(super) fn append_all(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(io::Error::other)?;
            text.push(b'\n');
        }
        let written = self
            .file
            .write_all(&text)
            .and_then(|()| self.file.sync_data());
        if let Err(why) = written {
            self.file.set_len(self.len)?;
            self.file.seek(SeekFrom::Start(self.len))?;
            return Err(why);
        }
        self.len += text.len() as u64;
        Ok(())
    }

    /// Bytes of whole lines.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads a log from its beginning on, line by line, also while it grows.
#[derive(Debug)]
pub(super) struct Reader {
    file: BufReader<File>,
    path: PathBuf,
    /// Bytes of whole lines read.
    pub(super) at: u64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)
            .map_err(|why| io::Error::new(why.kind(), format!("{}: {why}", path.display())))?;
        Ok(Self {
            file: BufReader::new(file),
            path: path.to_owned(),
            at: 0,
        })
    }

    /// Forgets what was read ahead: it may have been taken back since.
    pub(super) fn look_again(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.at)).map(|_| ())
    }

    /// The next whole line; `None` while there is none.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        self.file.read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            self.file.seek(SeekFrom::Start(self.at))?;
            return Ok(None);
        }
        let line = serde_json::from_slice(&text).map_err(|why| {
            io::Error::other(format!(
                "{} is damaged at byte {}: {why}",
                self.path.display(),
                self.at
            ))
        })?;
        self.at += text.len() as u64;
        Ok(Some(line))
    }
}
