//! A recovery point of a bucket on disk: all bytes in one pack, an index beside it, and a seal that is
//! written last. Without the seal it is none.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use phoenix_engine::environment::Fingerprint;
use serde::{Deserialize, Serialize};

use super::objects::{Pack, Packed, Read};
use super::{BucketStore, Versioning, manifest};
use crate::Form;
use crate::manifest::short;

pub(super) const PACK: &str = "objects.pack";
const INDEX: &str = "objects.jsonl";
const SEAL: &str = "bucket.json";

/// What a recovery point must be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seal {
    pub(super) versioning: Versioning,
    /// Whether older versions and delete markers are in it.
    pub(super) history: bool,
    bytes: u64,
    index: String,
}

/// Removes what was written, unless the seal is on it.
struct Unsealed(Option<PathBuf>);

impl Drop for Unsealed {
    fn drop(&mut self) {
        for name in [PACK, INDEX, SEAL] {
            if let Some(folder) = &self.0 {
                let _best_effort = fs::remove_file(folder.join(name));
            }
        }
    }
}

impl BucketStore {
    /// Packs the current objects, or, as the physical form, all versions and delete markers of all
    /// keys. What is in it is what was listed at its beginning; where a bucket keeps no versions, a
    /// key that is overwritten meanwhile is in it as it was when it was read.
    pub(super) async fn pack(&self, form: Form, into: &Path) -> Result<Fingerprint, String> {
        let versioning = self.versioning_now().await?;
        let listed = self.versions("").await?;
        let failed = |why: io::Error| format!("write into {}: {why}", into.display());
        let mut unsealed = Unsealed(Some(into.to_owned()));
        let pack = Pack::new(File::create(into.join(PACK)).map_err(failed)?);
        let history = form == Form::Physical;
        let packed = if history {
            Packed::All(&pack)
        } else {
            Packed::Newest(&pack)
        };
        let read = self.read_all(listed, packed).await?;
        let bytes = pack.bytes();
        // What could not be written may be noticed no earlier than here.
        let synced = tokio::task::spawn_blocking(move || pack.sync());
        synced
            .await
            .map_err(|why| why.to_string())?
            .map_err(failed)?;
        let index = write_index(&into.join(INDEX), &read).map_err(failed)?;
        let seal = Seal {
            versioning,
            history,
            bytes,
            index,
        };
        write_seal(into, &seal).map_err(failed)?;
        unsealed.0 = None;
        Ok(manifest::fingerprint(&manifest::of(&read)))
    }
}

fn write_index(path: &Path, read: &[Read]) -> io::Result<String> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut hasher = blake3::Hasher::new();
    for version in read {
        // Older versions that are not in the pack are not in the index.
        if version.offset.is_none() && !version.marker {
            continue;
        }
        let mut line = serde_json::to_vec(version).map_err(io::Error::other)?;
        line.push(b'\n');
        hasher.update(&line);
        file.write_all(&line)?;
    }
    file.into_inner()?.sync_all()?;
    Ok(short(&hasher.finalize()))
}

fn write_seal(folder: &Path, seal: &Seal) -> io::Result<()> {
    let partial = folder.join("bucket.json.partial");
    fs::write(
        &partial,
        serde_json::to_vec(seal).map_err(io::Error::other)?,
    )?;
    fs::rename(partial, folder.join(SEAL))
}

/// The seal and the index of a recovery point, if they are whole.
pub(super) fn open(folder: &Path) -> Result<(Seal, Vec<Read>), String> {
    let damaged = |why: String| format!("the recovery point is damaged: {why}");
    let seal = fs::read(folder.join(SEAL))
        .map_err(|why| format!("{} is no recovery point: {why}", folder.display()))?;
    let seal: Seal = serde_json::from_slice(&seal).map_err(|why| damaged(why.to_string()))?;
    let bytes = fs::metadata(folder.join(PACK)).map_err(|why| damaged(why.to_string()))?;
    if bytes.len() != seal.bytes {
        return Err(damaged(format!(
            "its pack has {} bytes where {} were written",
            bytes.len(),
            seal.bytes
        )));
    }
    let index = fs::read(folder.join(INDEX)).map_err(|why| damaged(why.to_string()))?;
    if short(&blake3::hash(&index)) != seal.index {
        return Err(damaged(
            "its index is not the one that was written".to_owned(),
        ));
    }
    let lines = index
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let read = lines.map(serde_json::from_slice).collect::<Result<_, _>>();
    Ok((seal, read.map_err(|why| damaged(why.to_string()))?))
}
