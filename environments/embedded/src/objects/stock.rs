//! All buckets below one root, opened when they are asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Bucket, Refused, Versioning};

/// The buckets of one object store.
#[derive(Debug)]
pub struct Stock {
    root: PathBuf,
    open: Mutex<BTreeMap<String, Arc<Bucket>>>,
}

impl Stock {
    /// Buckets below a root, which need not exist yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            open: Mutex::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Bucket>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where all buckets lie.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn folder(&self, name: &str) -> Result<PathBuf, Refused> {
        if s3s::path::check_bucket_name(name) {
            Ok(self.root.join(name))
        } else {
            Err(Refused::InvalidBucketName)
        }
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// When the name is none, is taken, or the disk refuses.
    pub fn create(&self, name: &str, versioning: Versioning) -> Result<Arc<Bucket>, Refused> {
        let folder = self.folder(name)?;
        let mut open = self.open();
        if folder.exists() {
            return Err(Refused::BucketExists);
        }
        Bucket::create(&folder)?;
        let bucket = Arc::new(Bucket::open(&folder)?);
        bucket.set_versioning(versioning)?;
        open.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// A bucket by name.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub fn bucket(&self, name: &str) -> Result<Arc<Bucket>, Refused> {
        let folder = self.folder(name).map_err(|_| Refused::NoSuchBucket)?;
        let mut open = self.open();
        if !folder.is_dir() {
            open.remove(name);
            return Err(Refused::NoSuchBucket);
        }
        if let Some(bucket) = open.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = Arc::new(Bucket::open(&folder)?);
        open.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// Deletes a bucket that holds nothing.
    ///
    /// # Errors
    /// When there is none, or versions or markers are in it.
    pub fn delete(&self, name: &str) -> Result<(), Refused> {
        if self.bucket(name)?.is_empty() {
            self.remove(name)
        } else {
            Err(Refused::BucketNotEmpty)
        }
    }

    /// Removes a bucket with everything in it, all versions and its stream with it. One that is not
    /// there is removed already.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, name: &str) -> Result<(), Refused> {
        let folder = self.folder(name)?;
        let mut open = self.open();
        if let Some(bucket) = open.remove(name) {
            bucket.cut()?;
        }
        let doomed = folder.with_file_name(format!(".{name}.{}", super::bucket::random_name()));
        // Out of sight at once, then for good: nobody meets a bucket that is half gone.
        match fs::rename(&folder, &doomed) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(why) => Err(why.into()),
            Ok(()) => Ok(fs::remove_dir_all(doomed)?),
        }
    }

    /// Names of all buckets, in order.
    ///
    /// # Errors
    /// What the file system says.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        match fs::read_dir(&self.root) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(why),
            Ok(entries) => {
                for entry in entries {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    if !name.starts_with('.') {
                        names.push(name);
                    }
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// Ends all streams and lets go of every file.
    ///
    /// # Errors
    /// What a stream met.
    pub fn close(&self) -> io::Result<()> {
        let open = std::mem::take(&mut *self.open());
        let mut outcome = Ok(());
        for bucket in open.into_values() {
            if let Err(why) = bucket.cut() {
                outcome = Err(why);
            }
        }
        outcome
    }
}
