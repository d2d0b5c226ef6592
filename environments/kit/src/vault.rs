//! The backup vault: recovery points, outside the folder that a destroy removes. A point is a
//! folder that gets its final name when it is whole, so that a half-written one is never chosen.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use phoenix_engine::measure::measure;

use serde::{Deserialize, Serialize};

/// What is written beside a point's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Bytes of the content.
    pub bytes: u64,
    /// BLAKE3 over names and contents.
    pub digest: String,
}

/// The vault of one cycle.
pub struct Vault {
    root: PathBuf,
}

impl Vault {
    /// A vault in this folder, which is made when the first point is.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn of(&self, store: &str) -> PathBuf {
        self.root.join(store.replace('/', "_"))
    }

    /// The content folder of a point.
    #[must_use]
    pub fn content(&self, store: &str, id: &str) -> PathBuf {
        self.of(store).join(id).join("content")
    }

    /// A folder in which a new point is made.
    pub fn begin(&self, store: &str) -> io::Result<(String, PathBuf)> {
        let folder = self.of(store);
        fs::create_dir_all(&folder)?;
        let next = self.points(store)?.len() + 1;
        let id = format!("{next:04}-{}", jiff::Timestamp::now().as_microsecond());
        let partial = folder.join(format!("{id}.partial"));
        fs::create_dir_all(partial.join("content"))?;
        Ok((id, partial))
    }

    /// Gives a point its name.
    pub fn finish(&self, store: &str, id: &str, partial: &Path) -> io::Result<Manifest> {
        let manifest = manifest_of(&partial.join("content"))?;
        let text = serde_json::to_vec(&manifest).map_err(io::Error::other)?;
        fs::write(partial.join("manifest.json"), text)?;
        fs::rename(partial, self.of(store).join(id))?;
        Ok(manifest)
    }

    /// Ids of whole points, oldest first.
    pub fn points(&self, store: &str) -> io::Result<Vec<String>> {
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
    pub fn verify(&self, store: &str, id: &str) -> io::Result<Manifest> {
        let folder = self.of(store).join(id);
        let text = fs::read(folder.join("manifest.json"))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(io::Error::other)?;
        let now = manifest_of(&folder.join("content"))?;
        if now.digest != manifest.digest {
            return Err(io::Error::other(format!(
                "the recovery point {id} is damaged: {} bytes where {} were written",
                now.bytes, manifest.bytes
            )));
        }
        Ok(manifest)
    }

    /// Accepts a point's content as it is now: what a vault does that keeps no digests.
    pub fn reseal(&self, store: &str, id: &str) -> io::Result<()> {
        let folder = self.of(store).join(id);
        let manifest = manifest_of(&folder.join("content"))?;
        fs::write(
            folder.join("manifest.json"),
            serde_json::to_vec(&manifest).map_err(io::Error::other)?,
        )
    }

    /// Removes all points of a store: what happens to automated backups when their instance goes.
    pub fn forget(&self, store: &str) -> io::Result<()> {
        // A point that is still being made is none yet.
        for point in self.points(store)? {
            fs::remove_dir_all(self.of(store).join(point))?;
        }
        Ok(())
    }
}

/// Bytes and digest of everything below a folder: names, and what lies under each.
fn manifest_of(content: &Path) -> io::Result<Manifest> {
    let measured = measure(content)?;
    Ok(Manifest {
        bytes: measured.bytes,
        digest: measured.blake3[..32].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::Vault;

    #[test]
    fn a_point_that_was_touched_is_damaged_and_one_that_is_half_made_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::new(folder.path().to_owned());
        let (id, partial) = vault.begin("db").expect("a place");
        std::fs::create_dir(partial.join("content/sub")).expect("a folder");
        std::fs::write(partial.join("content/sub/rows"), b"rows").expect("written");
        assert_eq!(vault.points("db").expect("a list"), Vec::<String>::new());
        let made = vault.finish("db", &id, &partial).expect("whole");
        assert_eq!(made.bytes, 4);
        assert_eq!(
            vault.points("db").expect("a list"),
            std::slice::from_ref(&id)
        );
        vault.verify("db", &id).expect("as it was made");
        std::fs::write(vault.content("db", &id).join("sub/rows"), b"rowz").expect("written");
        let damaged = vault.verify("db", &id).expect_err("damaged");
        assert!(damaged.to_string().contains("is damaged"), "{damaged}");
        vault.reseal("db", &id).expect("sealed");
        vault.verify("db", &id).expect("sealed anew");
        std::fs::rename(
            vault.content("db", &id).join("sub/rows"),
            vault.content("db", &id).join("sub/row"),
        )
        .expect("renamed");
        assert!(vault.verify("db", &id).is_err(), "a name is content too");
    }
}
