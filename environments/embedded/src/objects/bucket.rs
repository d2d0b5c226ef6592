//! One bucket: a folder with a log and the bytes of its versions.

mod copies;
mod held;
mod incoming;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use rand::Rng as _;

use super::Refused;
use super::index::{Blob, Change, Condition, Index, NULL, Version, Versioning};
use super::log::{self, Line, Log};
use super::replica::Stream;

use held::Held;
pub(super) use incoming::{Described, Taken};

/// Longest key in bytes, as S3 has it.
const KEY_MAX: usize = 1024;

/// A bucket that is open. Reads go on while a write is made durable; writes go one by one.
#[derive(Debug)]
pub struct Bucket {
    folder: PathBuf,
    log: Mutex<Log>,
    index: RwLock<Index>,
    held: Mutex<Held>,
    /// Bytes of the log that are durable, and whoever waits for more.
    grown: Mutex<u64>,
    more: Condvar,
    stream: Mutex<Option<Stream>>,
}

fn free<T>(outcome: Result<T, PoisonError<T>>) -> T {
    outcome.unwrap_or_else(PoisonError::into_inner)
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

pub(super) fn random_name() -> String {
    let bytes: [u8; 16] = rand::thread_rng().r#gen();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Bucket {
    /// Makes an empty bucket in a folder that must not exist; whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(folder: &Path) -> io::Result<()> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let partial = folder.with_file_name(format!(".{name}.{}", random_name()));
        fs::create_dir_all(&partial)?;
        Self::lay_out(&partial)?;
        fs::rename(partial, folder)
    }

    /// Makes the files of an empty bucket in a folder that exists.
    pub(crate) fn lay_out(folder: &Path) -> io::Result<()> {
        for name in ["data", "partial", "uploads"] {
            fs::create_dir_all(folder.join(name))?;
        }
        Log::create(folder)
    }

    /// Opens the bucket in a folder: replays its log, removes what a kill left half-written.
    ///
    /// # Errors
    /// When the folder holds no bucket, or its log is damaged.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let (log, index) = Log::open(folder)?;
        let partial = folder.join("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        fs::create_dir_all(&partial)?;
        Ok(Self {
            folder: folder.to_owned(),
            grown: Mutex::new(log.len()),
            log: Mutex::new(log),
            index: RwLock::new(index),
            held: Mutex::default(),
            more: Condvar::new(),
            stream: Mutex::default(),
        })
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn index(&self) -> RwLockReadGuard<'_, Index> {
        free(self.index.read())
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.folder.join(log::FILE)
    }

    pub(super) fn stream(&self) -> MutexGuard<'_, Option<Stream>> {
        free(self.stream.lock())
    }

    /// Where the bytes of a version lie.
    #[must_use]
    pub fn file_of(&self, blob: &Blob) -> PathBuf {
        self.folder.join("data").join(&blob.file)
    }

    /// Whether nothing is in it, neither version nor marker.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index().keys.is_empty()
    }

    /// Whether it keeps versions.
    #[must_use]
    pub fn versioning(&self) -> Versioning {
        self.index().versioning
    }

    /// Sets whether it keeps versions. [`Versioning::Off`] means [`Versioning::Suspended`] for a
    /// bucket that ever kept any.
    ///
    /// # Errors
    /// What the file system says.
    pub fn set_versioning(&self, wanted: Versioning) -> Result<(), Refused> {
        self.commit(|index, _| {
            let wanted = match (index.versioning, wanted) {
                (Versioning::Off, _) | (_, Versioning::Enabled) => wanted,
                _ => Versioning::Suspended,
            };
            let change = (wanted != index.versioning).then_some(Change::Versioning(wanted));
            Ok((change, ()))
        })
    }

    /// A folder that went while the bucket was open is a bucket that was deleted.
    fn gone(&self, why: io::Error) -> Refused {
        if why.kind() == io::ErrorKind::NotFound && !self.folder.exists() {
            Refused::NoSuchBucket
        } else {
            Refused::Disk(why)
        }
    }

    /// Makes taken-in bytes the current version of a key.
    ///
    /// # Errors
    /// When the key is too long, the condition does not hold, or the disk refuses.
    pub fn put(
        &self,
        key: &str,
        taken: Taken,
        described: &Described,
        condition: &Condition,
    ) -> Result<Version, Refused> {
        if key.len() > KEY_MAX {
            return Err(Refused::KeyTooLong);
        }
        let blob = Blob {
            file: taken.name.clone(),
            size: taken.size,
            etag: taken.etag.clone(),
            headers: described.headers.clone(),
            metadata: described.metadata.clone(),
        };
        let written = self.commit(|index, at_us| {
            if !index.holds(key, condition) {
                return Err(Refused::PreconditionFailed);
            }
            let version = Version {
                id: new_id(index.versioning, at_us),
                at_us,
                blob: Some(blob),
            };
            let change = Change::Put {
                key: key.to_owned(),
                version: version.clone(),
            };
            Ok((Some(change), version))
        })?;
        taken.keep();
        Ok(written)
    }

    /// Puts bytes that are in memory.
    ///
    /// # Errors
    /// As [`Bucket::put`].
    pub fn put_bytes(&self, key: &str, bytes: &[u8]) -> Result<Version, Refused> {
        let mut incoming = self.incoming()?;
        incoming.write(bytes)?;
        let taken = incoming.finish()?;
        self.put(key, taken, &Described::default(), &Condition::None)
    }

    /// Deletes a key as S3 does: a marker where versions are kept, the `null` version otherwise. The
    /// marker, if one was written.
    ///
    /// # Errors
    /// What the file system says.
    pub fn delete(&self, key: &str) -> Result<Option<Version>, Refused> {
        self.commit(|index, at_us| {
            if index.versioning == Versioning::Off {
                let known = index.newest(key).is_some();
                let change = Change::Remove {
                    key: key.to_owned(),
                    id: NULL.to_owned(),
                };
                return Ok((known.then_some(change), None));
            }
            let marker = Version {
                id: new_id(index.versioning, at_us),
                at_us,
                blob: None,
            };
            let change = Change::Put {
                key: key.to_owned(),
                version: marker.clone(),
            };
            Ok((Some(change), Some(marker)))
        })
    }

    /// Removes a version or a marker for good; what it was, `None` when there was none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, key: &str, id: &str) -> Result<Option<Version>, Refused> {
        self.commit(|index, _| {
            let known = index
                .keys
                .get(key)
                .and_then(|versions| versions.iter().find(|version| version.id == id))
                .cloned();
            let change = known.as_ref().map(|_| Change::Remove {
                key: key.to_owned(),
                id: id.to_owned(),
            });
            Ok((change, known))
        })
    }

    /// A version of a key: the current one, or that of an id.
    ///
    /// # Errors
    /// As S3 answers: [`Refused::NoSuchKey`], [`Refused::NoSuchVersion`], [`Refused::IsMarker`].
    pub fn get(&self, key: &str, id: Option<&str>) -> Result<(Version, Blob), Refused> {
        let index = self.index();
        let found = match id {
            None => index.newest(key).ok_or(Refused::NoSuchKey(None))?,
            Some(id) => index
                .keys
                .get(key)
                .and_then(|versions| versions.iter().find(|version| version.id == id))
                .ok_or(Refused::NoSuchVersion)?,
        };
        match (&found.blob, id) {
            (Some(blob), _) => Ok((found.clone(), blob.clone())),
            (None, None) => Err(Refused::NoSuchKey(Some(found.id.clone()))),
            (None, Some(id)) => Err(Refused::IsMarker(id.to_owned())),
        }
    }

    /// Opens the bytes of a version. One that was replaced meanwhile is looked up again.
    ///
    /// # Errors
    /// As [`Bucket::get`], and [`Refused::Disk`] when the bytes are not where they should be.
    pub fn open_version(
        &self,
        key: &str,
        id: Option<&str>,
    ) -> Result<(Version, Blob, File), Refused> {
        let mut tried = None;
        loop {
            let (version, blob) = self.get(key, id)?;
            match File::open(self.file_of(&blob)) {
                Ok(file) => return Ok((version, blob, file)),
                Err(why)
                    if why.kind() == io::ErrorKind::NotFound
                        && tried.as_ref() != Some(&blob.file) =>
                {
                    tried = Some(blob.file);
                }
                Err(why) => return Err(self.gone(why)),
            }
        }
    }

    /// Makes a change durable and then seen. What it changes is decided while nobody else writes.
    pub(super) fn commit<R>(
        &self,
        decide: impl FnOnce(&Index, i64) -> Result<(Option<Change>, R), Refused>,
    ) -> Result<R, Refused> {
        let mut log = free(self.log.lock());
        let at_us = now_us();
        let (change, answer) = decide(&self.index(), at_us)?;
        let Some(change) = change else {
            return Ok(answer);
        };
        if !log.path().exists() {
            return Err(Refused::NoSuchBucket);
        }
        log.append(&Line {
            at_us,
            change: change.clone(),
        })?;
        let unused = free(self.index.write()).apply(change);
        self.discard(unused);
        *free(self.grown.lock()) = log.len();
        drop(log);
        self.more.notify_all();
        Ok(answer)
    }

    /// The moment before which everything is in the log that will ever be of that time, and the
    /// log's length then.
    pub(super) fn settled(&self) -> (i64, u64) {
        let log = free(self.log.lock());
        (now_us(), log.len())
    }

    pub(super) fn grown(&self) -> MutexGuard<'_, u64> {
        free(self.grown.lock())
    }

    pub(super) fn more(&self) -> &Condvar {
        &self.more
    }
}

fn new_id(versioning: Versioning, at_us: i64) -> String {
    match versioning {
        Versioning::Enabled => format!("{at_us:016x}{}", &random_name()[..16]),
        Versioning::Off | Versioning::Suspended => NULL.to_owned(),
    }
}
