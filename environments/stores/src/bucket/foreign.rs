//! A folder that phoenix did not make, as `aws s3 sync` or `rclone copy` leaves one of a bucket or of
//! a prefix of it: the names below it are the keys.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures::{StreamExt as _, TryStreamExt as _};
use phoenix_engine::environment::{FileSeen, Loaded};
use phoenix_engine::foreign::{self, ForeignPoint, Looking};

use super::errors::{is_missing, words};
use super::objects::Read;
use super::{AT_A_TIME, BucketStore};
use crate::manifest::{lines_of_difference, short};

impl BucketStore {
    /// Puts every file under its key, and reads every object back.
    pub(super) async fn load_foreign(&self, point: &ForeignPoint) -> Result<Loaded, String> {
        let (root, prefix) = (point.path.clone(), point.prefix.clone());
        let objects = tokio::task::spawn_blocking(move || {
            foreign::admitted("bucket", &root)?;
            objects(&root, &prefix).map_err(|why| why.to_string())
        })
        .await
        .map_err(|why| why.to_string())??;
        let held = self.versions("").await?;
        if !held.is_empty() {
            return Err(format!(
                "it holds {} keys, delete markers included; a recovery point goes into an empty bucket \
                 only: `destroy` and `rebuild` have to come before",
                held.len()
            ));
        }
        let wanted: BTreeMap<String, (u64, String)> = objects
            .iter()
            .map(|(_, read)| (read.key.clone(), (read.size, read.digest.clone())))
            .collect();
        futures::stream::iter(objects)
            .map(|(path, read)| async move { self.put_versions(vec![read], &path).await })
            .buffer_unordered(AT_A_TIME)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        let now: BTreeMap<String, (u64, String)> = self
            .digests(self.versions("").await?)
            .await?
            .into_iter()
            .map(|read| (read.key, (read.size, read.digest)))
            .collect();
        let lines = differences(&wanted, &now);
        if lines.is_empty() {
            return Ok(Loaded {
                says: format!("{} objects, without their headers and versions", now.len()),
            });
        }
        Err(format!(
            "what is there now is not what is in the folder: {}",
            lines.join("; ")
        ))
    }

    pub(super) async fn look_at(&self, key: &str) -> Result<Option<FileSeen>, String> {
        let got = self.client.get_object().bucket(&self.name).key(key).send();
        let mut body = match got.await {
            Ok(got) => got.body,
            Err(why) if is_missing(&why) => return Ok(None),
            Err(why) => return Err(words(&why)),
        };
        let mut looking = Looking::default();
        while let Some(piece) = body.try_next().await.map_err(|why| why.to_string())? {
            looking.take(&piece);
        }
        Ok(Some(looking.seen()))
    }
}

fn differences(
    wanted: &BTreeMap<String, (u64, String)>,
    now: &BTreeMap<String, (u64, String)>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, old) in wanted {
        match now.get(key) {
            None => lines.push(format!("{key} is missing")),
            Some(new) if new != old => lines.push(format!("{key} has other content")),
            Some(_) => {}
        }
    }
    let strange = now.keys().filter(|key| !wanted.contains_key(*key));
    lines.extend(strange.map(|key| format!("{key} is new")));
    lines_of_difference(lines)
}

/// The files below a folder with the objects that they become.
fn objects(root: &Path, prefix: &str) -> std::io::Result<Vec<(PathBuf, Read)>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let odd = |why: &str| std::io::Error::other(format!("{}: {why}", path.display()));
            let kind = fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            if !kind.is_file() {
                return Err(odd("it is no file, and cannot be an object"));
            }
            let name = path.strip_prefix(root).ok().and_then(Path::to_str);
            let name = name.ok_or_else(|| odd("its name is no UTF-8, and cannot be a key"))?;
            let mut hasher = blake3::Hasher::new();
            let size = std::io::copy(&mut fs::File::open(&path)?, &mut hasher)?;
            let read = Read {
                key: format!("{prefix}{name}"),
                marker: false,
                size,
                digest: short(&hasher.finalize()),
                attributes: BTreeMap::new(),
                tags: BTreeMap::new(),
                offset: Some(0),
            };
            found.push((path, read));
        }
    }
    Ok(found)
}
