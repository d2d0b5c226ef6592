//! Damage to a bucket, done to its bytes and its log; and what is read from it past the API.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use phoenix_engine::environment::DirectCopy;
use phoenix_engine::plan::Fault;

use super::Bucket;
use super::index::Change;

/// Prefix of canaries that were written straight into the bucket.
const CANARIES: &str = ".phoenix-canary/";
/// How many objects a corruption touches.
const CORRUPTED: usize = 3;

impl Bucket {
    /// Keys that are there, in order, canaries of the harness left out.
    pub(crate) fn objects(&self) -> Vec<String> {
        let index = self.index();
        let keys = index.live().map(|(key, _, _)| key);
        keys.filter(|key| !key.starts_with(CANARIES))
            .cloned()
            .collect()
    }

    /// Writes a canary straight into the bucket.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_direct(&self, copy: &DirectCopy) -> io::Result<()> {
        let key = format!("{CANARIES}{}", copy.marker);
        self.put_bytes(&key, copy.text.as_bytes())?;
        Ok(())
    }

    /// The canaries that were written straight into it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn list_direct(&self) -> io::Result<Vec<DirectCopy>> {
        let index = self.index();
        let mut copies = Vec::new();
        for (key, _, blob) in index.live() {
            let Some(marker) = key.strip_prefix(CANARIES) else {
                continue;
            };
            let bytes = fs::read(self.file_of(blob))?;
            copies.push(DirectCopy {
                marker: marker.to_owned(),
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
        Ok(copies)
    }

    /// Whether a text stands in a key or in the bytes of a current version. Bytes are streamed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn find_text(&self, text: &str) -> io::Result<bool> {
        let hold = self.hold();
        for key in self.objects() {
            if key.contains(text) {
                return Ok(true);
            }
            let Ok((_, blob)) = self.get(&key, None) else {
                continue;
            };
            if contains(&mut fs::File::open(self.file_of(&blob))?, text.as_bytes())? {
                return Ok(true);
            }
        }
        drop(hold);
        Ok(false)
    }

    fn forget(&self, key: &str) -> io::Result<()> {
        let versions = self.index().keys.get(key).cloned().unwrap_or_default();
        for version in versions {
            self.remove(key, &version.id)?;
        }
        Ok(())
    }
}

/// Whether bytes stand in a file, a piece of it in memory at a time.
fn contains(file: &mut fs::File, wanted: &[u8]) -> io::Result<bool> {
    let mut window = Vec::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(wanted.is_empty());
        }
        window.extend_from_slice(&buffer[..read]);
        if window
            .windows(wanted.len().max(1))
            .any(|part| part == wanted)
        {
            return Ok(true);
        }
        let keep = window.len().saturating_sub(wanted.len());
        window.drain(..keep);
    }
}

/// Damages a bucket; objects touched.
pub(crate) fn damage(bucket: &Bucket, fault: &Fault) -> io::Result<u64> {
    let objects = bucket.objects();
    match fault {
        // What an emptying from the console does: markers where versions are kept.
        Fault::Wipe(_) => {
            let all: Vec<String> = {
                let index = bucket.index();
                index.live().map(|(key, _, _)| key.clone()).collect()
            };
            for key in &all {
                bucket.delete(key)?;
            }
            Ok(objects.len() as u64)
        }
        Fault::DropFiles(_) => {
            let mut touched = 0;
            for key in objects.iter().step_by(2) {
                bucket.forget(key)?;
                touched += 1;
            }
            Ok(touched)
        }
        Fault::Corrupt(_) => {
            let mut touched = 0;
            for key in objects.iter().take(CORRUPTED) {
                let (_, blob) = bucket.get(key, None).map_err(io::Error::from)?;
                if blob.size > 0 {
                    flip_last_byte(&bucket.file_of(&blob))?;
                    touched += 1;
                }
            }
            Ok(touched)
        }
        // Delete markers removed: what they hid is there again.
        Fault::Resurrect(_) => {
            let hidden: Vec<(String, String)> = {
                let index = bucket.index();
                let markers = index.keys.iter().flat_map(|(key, versions)| {
                    let shown = versions.iter().any(|version| version.blob.is_some());
                    let markers = versions.iter().filter(|version| version.blob.is_none());
                    markers
                        .filter(move |_| shown)
                        .map(|marker| (key.clone(), marker.id.clone()))
                });
                markers.collect()
            };
            let touched = hidden.len() as u64;
            for (key, id) in hidden {
                bucket.commit(|_, _| Ok((Some(Change::Remove { key, id }), ())))?;
            }
            Ok(touched)
        }
        _ => Ok(0),
    }
}

fn flip_last_byte(path: &std::path::Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::End(-1))?;
    file.write_all(&[byte[0] ^ 0xff])?;
    file.sync_data()
}
