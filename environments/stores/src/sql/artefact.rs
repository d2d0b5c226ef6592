//! A recovery point in a folder: the file that the server's tool wrote, and beside it what the file
//! is, written last. A folder without that description is no recovery point.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use phoenix_engine::environment::DriverError;
use serde::{Deserialize, Serialize};

use crate::server::Sink;

const DESCRIPTION: &str = "recovery-point.json";

/// What a recovery point is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    /// `postgresql` or `mysql`.
    pub(crate) engine: String,
    /// The server's own words.
    pub(crate) version: String,
    /// The database that was dumped; of a physical copy the one that the application uses.
    pub(crate) database: String,
    /// How it was made: a word of the driver.
    pub(crate) form: String,
    /// Name of the file.
    pub(crate) file: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// Its digest.
    pub(crate) blake3: String,
}

/// Looks at the bytes of a dump while they pass.
pub(crate) type Observer<'a> = Box<dyn FnMut(&[u8]) + Send + 'a>;

/// Writes a file and digests what it writes.
pub(crate) struct Writer<'a> {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    bytes: u64,
    observer: Option<Observer<'a>>,
    whole: bool,
}

impl<'a> Writer<'a> {
    pub(crate) fn create(
        folder: &Path,
        name: &str,
        observer: Option<Observer<'a>>,
    ) -> Result<Self, DriverError> {
        let path = folder.join(name);
        let file = File::create_new(&path)
            .map_err(|error| DriverError::new(format!("creating {}", path.display()), error))?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(1 << 20, file),
            hasher: blake3::Hasher::new(),
            bytes: 0,
            observer,
            whole: false,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was written durable; its length and digest.
    pub(crate) fn finish(mut self) -> Result<(u64, String), DriverError> {
        let done = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all());
        done.map_err(|error| DriverError::new(format!("writing {}", self.path.display()), error))?;
        self.whole = true;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }
}

/// Half a file is no help to anybody, and could be taken for a whole one.
impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.whole {
            let _gone = std::fs::remove_file(&self.path);
        }
    }
}

impl Sink for Writer<'_> {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        if let Some(observer) = &mut self.observer {
            observer(bytes);
        }
        self.file.write_all(bytes)
    }
}

impl Description {
    /// Writes the description; from now on the folder is a recovery point.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), DriverError> {
        let path = folder.join(DESCRIPTION);
        let failed = |error| DriverError::new(format!("writing {}", path.display()), error);
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let mut file = File::create_new(&path).map_err(failed)?;
        file.write_all(&text).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// Reads the description of a recovery point and holds the file against it: nothing is put back
    /// that is not what was made.
    pub(crate) fn verified(
        folder: &Path,
        engine: &str,
        database: &str,
    ) -> Result<Self, DriverError> {
        let path = folder.join(DESCRIPTION);
        let doing = format!("reading the recovery point {}", folder.display());
        let failed = |why: &dyn std::fmt::Display| DriverError::new(doing.as_str(), why);
        let text = std::fs::read(&path).map_err(|error| {
            failed(&format!(
                "{DESCRIPTION}: {error}; a backup that did not end is none"
            ))
        })?;
        let point: Self = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        if point.engine != engine {
            return Err(failed(&format!(
                "it is one of {}, not of {engine}",
                point.engine
            )));
        }
        if point.database != database {
            return Err(failed(&format!(
                "it is of the database '{}', and '{database}' is to be restored",
                point.database
            )));
        }
        let (bytes, digest) =
            digest_of(&folder.join(&point.file)).map_err(|error| failed(&error))?;
        if bytes != point.bytes {
            return Err(failed(&format!(
                "{} has {bytes} bytes, {} were written: it was cut or grew",
                point.file, point.bytes
            )));
        }
        if digest != point.blake3 {
            return Err(failed(&format!(
                "{} is not what was written: other digest",
                point.file
            )));
        }
        Ok(point)
    }
}

fn digest_of(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hasher.finalize().to_hex().to_string()));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
