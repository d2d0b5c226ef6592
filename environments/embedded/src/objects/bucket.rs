//! One bucket: a folder with a log and the bytes of its versions.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use md5::{Digest as _, Md5};
use rand::Rng as _;

use super::Refused;
use super::index::{Blob, Change, Condition, Index, NULL, Version, Versioning};
use super::log::{self, Line, Log};
use super::replica::Stream;

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

/// Data files that nothing refers to any more, kept while somebody copies them.
#[derive(Debug, Default)]
struct Held {
    by: usize,
    files: Vec<String>,
}

/// Keeps the bytes of removed versions until it is dropped.
pub(super) struct Hold<'a>(&'a Bucket);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
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

    /// Begins to take bytes in.
    ///
    /// # Errors
    /// What the file system says.
    pub fn incoming(&self) -> Result<Incoming, Refused> {
        let name = random_name();
        let path = self.folder.join("partial").join(&name);
        Ok(Incoming {
            file: File::create_new(&path).map_err(|why| self.gone(why))?,
            data: self.folder.join("data").join(&name),
            path,
            name,
            digest: Md5::new(),
            size: 0,
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

    /// Writes a change as another bucket had it, its bytes copied from there; bytes copied.
    pub(super) fn take_over(&self, mut change: Change, from: &Path) -> Result<u64, Refused> {
        let mut copied = 0;
        if let Change::Put {
            version: Version {
                blob: Some(blob), ..
            },
            ..
        } = &mut change
        {
            let source = from.join("data").join(&blob.file);
            blob.file = random_name();
            let partial = self.folder.join("partial").join(&blob.file);
            copied = fs::copy(source, &partial)?;
            File::open(&partial)?.sync_data()?;
            fs::rename(&partial, self.file_of(blob))?;
        }
        self.commit(|_, _| Ok((Some(change), ())))?;
        Ok(copied)
    }

    /// Puts all that another bucket's folder holds into this one, versions and markers with their
    /// ids; bytes copied.
    ///
    /// # Errors
    /// When the folder holds no bucket, or something cannot be copied.
    pub fn copy_in(&self, from: &Path) -> io::Result<u64> {
        let (_, index) = Log::open(from)?;
        let mut bytes = 0;
        let mut take = |change| -> io::Result<()> {
            bytes += self.take_over(change, from)?;
            Ok(())
        };
        if index.versioning != Versioning::Off {
            take(Change::Versioning(index.versioning))?;
        }
        for (key, versions) in index.keys {
            for version in versions {
                take(Change::Put {
                    key: key.clone(),
                    version,
                })?;
            }
        }
        Ok(bytes)
    }

    /// Copies the bucket as of one moment into an empty folder, whatever is written meanwhile.
    ///
    /// # Errors
    /// What the file system says.
    pub fn copy_out(&self, to: &Path) -> io::Result<()> {
        let hold = self.hold();
        let index = self.index().clone();
        Self::lay_out(to)?;
        let mut changes = vec![Change::Versioning(index.versioning)];
        for (key, versions) in index.keys {
            for version in versions {
                if let Some(blob) = &version.blob {
                    let target = to.join("data").join(&blob.file);
                    fs::copy(self.file_of(blob), target)?;
                }
                let key = key.clone();
                changes.push(Change::Put { key, version });
            }
        }
        drop(hold);
        let (mut log, _) = Log::open(to)?;
        let lines: Vec<Line> = changes
            .into_iter()
            .map(|change| Line {
                at_us: now_us(),
                change,
            })
            .collect();
        log.append_all(&lines)
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

    /// Keeps the bytes of versions that are removed from now on.
    pub(super) fn hold(&self) -> Hold<'_> {
        self.keep_removed();
        Hold(self)
    }

    pub(super) fn keep_removed(&self) {
        free(self.held.lock()).by += 1;
    }

    pub(super) fn release(&self) {
        let mut held = free(self.held.lock());
        held.by = held.by.saturating_sub(1);
        if held.by == 0 {
            let files = std::mem::take(&mut held.files);
            drop(held);
            self.unlink(&files);
        }
    }

    fn discard(&self, mut files: Vec<String>) {
        let mut held = free(self.held.lock());
        if held.by > 0 {
            held.files.append(&mut files);
        }
        drop(held);
        self.unlink(&files);
    }

    /// Bytes that nothing refers to: what cannot be removed now is no harm.
    fn unlink(&self, files: &[String]) {
        for file in files {
            let _gone = fs::remove_file(self.folder.join("data").join(file));
        }
    }
}

fn new_id(versioning: Versioning, at_us: i64) -> String {
    match versioning {
        Versioning::Enabled => format!("{at_us:016x}{}", &random_name()[..16]),
        Versioning::Off | Versioning::Suspended => NULL.to_owned(),
    }
}

/// What is said of an object beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// `Content-Type` and its like, by lower-case header name.
    pub headers: std::collections::BTreeMap<String, String>,
    /// `x-amz-meta-*`, without the prefix.
    pub metadata: std::collections::BTreeMap<String, String>,
}

/// Bytes on their way in. Dropped before they are taken, they leave nothing.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: PathBuf,
    data: PathBuf,
    name: String,
    digest: Md5,
    size: u64,
}

impl Incoming {
    /// Takes some more.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Takes a whole file; its bytes and their MD5.
    pub(super) fn append(&mut self, from: &mut File) -> io::Result<(u64, [u8; 16])> {
        let mut own = Md5::new();
        let mut buffer = vec![0; 128 << 10];
        let before = self.size;
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                return Ok((self.size - before, own.finalize().into()));
            }
            own.update(&buffer[..read]);
            self.write(&buffer[..read])?;
        }
    }

    /// Makes them durable under their final name.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(self) -> io::Result<Taken> {
        self.file.sync_data()?;
        fs::rename(&self.path, &self.data)?;
        let digest: [u8; 16] = self.digest.clone().finalize().into();
        Ok(Taken {
            name: self.name.clone(),
            size: self.size,
            etag: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            digest,
            unused: Some(self.data.clone()),
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _moved = fs::remove_file(&self.path);
    }
}

/// Durable bytes that no version refers to yet. Dropped, they go.
#[derive(Debug)]
pub struct Taken {
    name: String,
    /// Bytes.
    pub size: u64,
    /// See [`Blob::etag`].
    pub etag: String,
    /// MD5 of the bytes.
    pub digest: [u8; 16],
    unused: Option<PathBuf>,
}

impl Taken {
    fn keep(mut self) {
        self.unused = None;
    }

    /// Where the bytes are.
    pub(super) fn path(&self) -> Option<&Path> {
        self.unused.as_deref()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(path) = &self.unused {
            let _gone = fs::remove_file(path);
        }
    }
}
