//! Bytes on their way into a bucket.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use super::{Bucket, Refused, random_name};

impl Bucket {
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
}

/// What is said of an object beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// `Content-Type` and its like, by lower-case header name.
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-*`, without the prefix.
    pub metadata: BTreeMap<String, String>,
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
    pub(in crate::objects) fn append(&mut self, from: &mut File) -> io::Result<(u64, [u8; 16])> {
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
    pub(super) name: String,
    /// Bytes.
    pub size: u64,
    /// See [`Blob::etag`].
    pub etag: String,
    /// MD5 of the bytes.
    pub digest: [u8; 16],
    unused: Option<PathBuf>,
}

impl Taken {
    /// Leaves them where they are.
    pub(super) fn keep(mut self) {
        self.unused = None;
    }

    /// Where the bytes are.
    pub(in crate::objects) fn path(&self) -> Option<&Path> {
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
