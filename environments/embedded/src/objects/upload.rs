//! Multipart uploads: parts on disk until they become one object.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::bucket::{Described, Taken, random_name};
use super::{Bucket, Condition, Refused, Version};

/// Every part but the last has at least so many bytes.
const PART_MIN: u64 = 5 << 20;
const DESCRIPTION: &str = "upload.json";

/// What an upload will be.
#[derive(Debug, Serialize, Deserialize)]
struct Upload {
    key: String,
    headers: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
}

/// A part that lies on disk: its file is called by number, MD5 and size.
struct Part {
    path: PathBuf,
    md5: String,
    size: u64,
}

impl Bucket {
    /// Begins an upload; its id.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn begin_upload(&self, key: &str, said: Described) -> Result<String, Refused> {
        let id = random_name();
        let folder = self.folder().join("uploads").join(&id);
        fs::create_dir(&folder)?;
        let upload = Upload {
            key: key.to_owned(),
            headers: said.headers,
            metadata: said.metadata,
        };
        let text = serde_json::to_vec(&upload).map_err(io::Error::other)?;
        fs::write(folder.join(DESCRIPTION), text)?;
        Ok(id)
    }

    /// The folder of an upload to this key. An id is a name that was given out here, never a path.
    fn upload(&self, key: &str, id: &str) -> Result<(PathBuf, Upload), Refused> {
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refused::NoSuchUpload);
        }
        let folder = self.folder().join("uploads").join(id);
        let text = match fs::read(folder.join(DESCRIPTION)) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Err(Refused::NoSuchUpload);
            }
            text => text?,
        };
        let upload: Upload = serde_json::from_slice(&text).map_err(io::Error::other)?;
        if upload.key == key {
            Ok((folder, upload))
        } else {
            Err(Refused::NoSuchUpload)
        }
    }

    /// Whether an upload to this key goes on.
    pub(super) fn knows_upload(&self, key: &str, id: &str) -> Result<(), Refused> {
        self.upload(key, id).map(|_| ())
    }

    /// Keeps a part, in the place of an earlier one of its number.
    pub(super) fn put_part(
        &self,
        key: &str,
        id: &str,
        number: u32,
        taken: &Taken,
    ) -> Result<(), Refused> {
        let (folder, _) = self.upload(key, id)?;
        let old = parts(&folder)?.remove(&number);
        let path = folder.join(format!("{number:05}.{}.{}", taken.etag, taken.size));
        if let Some(bytes) = taken.path() {
            fs::rename(bytes, &path)?;
        }
        if let Some(old) = old.filter(|old| old.path != path) {
            fs::remove_file(old.path)?;
        }
        Ok(())
    }

    /// Makes the parts one object.
    pub(super) fn complete_upload(
        &self,
        key: &str,
        id: &str,
        wanted: &[(u32, String)],
        condition: &Condition,
    ) -> Result<Version, Refused> {
        let (folder, upload) = self.upload(key, id)?;
        if !wanted.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(Refused::InvalidPartOrder);
        }
        let mut known = parts(&folder)?;
        let mut chosen = Vec::with_capacity(wanted.len());
        for (number, etag) in wanted {
            let part = known
                .remove(number)
                .filter(|part| part.md5 == etag.trim_matches('"'))
                .ok_or(Refused::InvalidPart)?;
            chosen.push(part);
        }
        let Some((_, before_last)) = chosen.split_last() else {
            return Err(Refused::InvalidPart);
        };
        if before_last.iter().any(|part| part.size < PART_MIN) {
            return Err(Refused::PartTooSmall);
        }
        let mut incoming = self.incoming()?;
        let mut digests = Md5::new();
        for part in &chosen {
            let (copied, digest) = incoming.append(&mut File::open(&part.path)?)?;
            if copied != part.size {
                return Err(Refused::InvalidPart);
            }
            digests.update(digest);
        }
        let digests: [u8; 16] = digests.finalize().into();
        let hex: String = digests.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut taken = incoming.finish()?;
        taken.etag = format!("{hex}-{}", chosen.len());
        let said = Described {
            headers: upload.headers,
            metadata: upload.metadata,
        };
        let version = self.put(key, taken, &said, condition)?;
        fs::remove_dir_all(folder)?;
        Ok(version)
    }

    /// Forgets an upload and its parts.
    pub(super) fn abort_upload(&self, key: &str, id: &str) -> Result<(), Refused> {
        let (folder, _) = self.upload(key, id)?;
        Ok(fs::remove_dir_all(folder)?)
    }
}

/// The parts of an upload by number.
fn parts(folder: &std::path::Path) -> io::Result<BTreeMap<u32, Part>> {
    let mut parts = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut words = name.split('.');
        let (number, md5, size) = (words.next(), words.next(), words.next());
        let number = number.and_then(|word| word.parse().ok());
        let size = size.and_then(|word| word.parse().ok());
        if let (Some(number), Some(md5), Some(size)) = (number, md5, size) {
            let md5 = md5.to_owned();
            parts.insert(number, Part { path, md5, size });
        }
    }
    Ok(parts)
}
