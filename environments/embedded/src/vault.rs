//! The backup vault: recovery points, outside the folder that a destroy removes. A point is a
//! folder that gets its final name when it is whole, so that a half-written one is never chosen.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What is written beside a point's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Bytes of the content.
    pub(crate) bytes: u64,
    /// BLAKE3 over names and contents.
    pub(crate) digest: String,
}

/// The vault of one cycle.
pub(crate) struct Vault {
    root: PathBuf,
}

impl Vault {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn of(&self, store: &str) -> PathBuf {
        self.root.join(store.replace('/', "_"))
    }

    /// The content folder of a point.
    pub(crate) fn content(&self, store: &str, id: &str) -> PathBuf {
        self.of(store).join(id).join("content")
    }

    /// A folder in which a new point is made.
    pub(crate) fn begin(&self, store: &str) -> io::Result<(String, PathBuf)> {
        let folder = self.of(store);
        fs::create_dir_all(&folder)?;
        let next = self.points(store)?.len() + 1;
        let id = format!("{next:04}-{}", jiff::Timestamp::now().as_microsecond());
        let partial = folder.join(format!("{id}.partial"));
        fs::create_dir_all(partial.join("content"))?;
        Ok((id, partial))
    }

    /// Gives a point its name.
    pub(crate) fn finish(&self, store: &str, id: &str, partial: &Path) -> io::Result<Manifest> {
        let manifest = measure(&partial.join("content"))?;
        let text = serde_json::to_vec(&manifest).map_err(io::Error::other)?;
        fs::write(partial.join("manifest.json"), text)?;
        fs::rename(partial, self.of(store).join(id))?;
        Ok(manifest)
    }

    /// Ids of whole points, oldest first.
    pub(crate) fn points(&self, store: &str) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        match fs::read_dir(self.of(store)) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    if !name.ends_with(".partial") {
                        ids.push(name);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        ids.sort();
        Ok(ids)
    }

    /// Whether a point is what it was when it was made.
    pub(crate) fn verify(&self, store: &str, id: &str) -> io::Result<Manifest> {
        let folder = self.of(store).join(id);
        let text = fs::read(folder.join("manifest.json"))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(io::Error::other)?;
        let now = measure(&folder.join("content"))?;
        if now.digest != manifest.digest {
            return Err(io::Error::other(format!(
                "the recovery point {id} is damaged: {} bytes where {} were written",
                now.bytes, manifest.bytes
            )));
        }
        Ok(manifest)
    }

    /// Accepts a point's content as it is now: what a vault does that keeps no digests.
    pub(crate) fn reseal(&self, store: &str, id: &str) -> io::Result<()> {
        let folder = self.of(store).join(id);
        let manifest = measure(&folder.join("content"))?;
        fs::write(
            folder.join("manifest.json"),
            serde_json::to_vec(&manifest).map_err(io::Error::other)?,
        )
    }

    /// Removes all points of a store: what happens to automated backups when their instance goes.
    pub(crate) fn forget(&self, store: &str) -> io::Result<()> {
        // A point that is still being made is none yet.
        for point in self.points(store)? {
            fs::remove_dir_all(self.of(store).join(point))?;
        }
        Ok(())
    }
}

fn measure(content: &Path) -> io::Result<Manifest> {
    let fingerprint = crate::store::directory::fingerprint(content)?;
    let bytes = crate::store::directory::files(content)?
        .iter()
        .map(|path| fs::metadata(path).map(|meta| meta.len()))
        .sum::<io::Result<u64>>()?;
    Ok(Manifest {
        bytes,
        digest: fingerprint.digest,
    })
}
