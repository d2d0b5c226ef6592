//! A bucket that keeps versions goes back to a moment.
//!
//! There are two ways. [`BucketStore::back_to`] removes what was written since a moment that was
//! written down: exact to the version, and afterwards nothing tells that it happened.
//! [`BucketStore::recover_to`] goes by the server's clock and removes nothing but delete markers: the
//! old version becomes the newest as a copy, and the history stays. That is what a person does first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use phoenix_engine::environment::{DriverError, Fingerprint};
use serde::{Deserialize, Serialize};

use super::errors::words;
use super::listing::Version;
use super::restore::escaped;
use super::{AT_A_TIME, BucketStore, Versioning, manifest};

const FILE: &str = "moment.json";

/// What a bucket held at a moment: which versions there were of each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Identity of the bucket: another bucket of the same name has other versions.
    pub bucket: String,
    /// Key → ids of all its versions, markers included, the newest last. All of them, because no
    /// listing tells whether a version or a marker of the same second came first.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// What bringing a bucket back changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Versions and markers that were removed.
    pub removed: u64,
    /// Versions that were made the newest by a copy.
    pub copied: u64,
    /// Keys that were not there at the moment and are deleted now.
    pub hidden: u64,
    /// Bytes of the versions that are current again because of it.
    pub bytes: u64,
    /// Keys whose version of that moment is in the bucket no more.
    pub missing: Vec<String>,
}

impl Moment {
    /// Writes it into a folder.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, folder: &Path) -> std::io::Result<()> {
        let partial = folder.join("moment.json.partial");
        fs::write(
            &partial,
            serde_json::to_vec(self).map_err(std::io::Error::other)?,
        )?;
        fs::rename(partial, folder.join(FILE))
    }

    /// Reads it from a folder.
    ///
    /// # Errors
    /// When none is there, or it is damaged.
    pub fn load(folder: &Path) -> std::io::Result<Self> {
        let text = fs::read(folder.join(FILE))?;
        serde_json::from_slice(&text).map_err(std::io::Error::other)
    }
}

/// What one key needs.
enum Step {
    Remove(Vec<(String, String)>, u64),
    Copy(String, String, u64),
    Hide(String),
}

impl BucketStore {
    /// The moment that is now, and the fingerprint of that very listing.
    ///
    /// # Errors
    /// What the server answers; when the bucket keeps no versions.
    pub async fn moment(&self) -> Result<(Moment, Fingerprint), DriverError> {
        let fail = |why: String| self.failed("note the versions of", &why);
        self.keeps_versions().await.map_err(fail)?;
        let bucket = self.identity().await?.unwrap_or_default();
        let listed = self.versions("").await.map_err(fail)?;
        let ids = |(key, versions): (&String, &Vec<Version>)| {
            let ids = versions.iter().map(|version| version.id.clone());
            (key.clone(), ids.collect())
        };
        let moment = Moment {
            bucket,
            keys: listed.iter().map(ids).collect(),
        };
        let read = self.digests(listed).await.map_err(fail)?;
        Ok((moment, manifest::fingerprint(&manifest::of(&read))))
    }

    async fn keeps_versions(&self) -> Result<(), String> {
        match self.versioning_now().await? {
            Versioning::On => Ok(()),
            Versioning::Suspended => {
                Err("it keeps no new versions: versioning is suspended".to_owned())
            }
            Versioning::Off => Err("it keeps no versions".to_owned()),
        }
    }

    /// Brings the keys with a prefix back to a moment by removing the versions and markers written
    /// since: then the version of that moment is the newest again. A key whose version of that
    /// moment is gone is left as it is, and named.
    ///
    /// # Errors
    /// What the server answers; when the moment is that of another bucket of this name.
    pub async fn back_to(&self, moment: &Moment, prefix: &str) -> Result<Moved, DriverError> {
        let fail = |why: String| self.failed("bring back", &why);
        let identity = self.identity().await?.unwrap_or_default();
        if identity != moment.bucket {
            return Err(fail(format!(
                "the versions of that moment were in {}, and this is {identity}",
                moment.bucket
            )));
        }
        let now = self.versions(prefix).await.map_err(fail)?;
        let mut moved = Moved::default();
        let mut doomed = Vec::new();
        let of_old = moment.keys.range(prefix.to_owned()..);
        for (key, ids) in of_old.take_while(|(key, _)| key.starts_with(prefix)) {
            let versions = now.get(key).map_or(&[][..], Vec::as_slice);
            let newest = ids.last();
            let Some(then) = versions.iter().find(|version| Some(&version.id) == newest) else {
                moved.missing.push(key.clone());
                continue;
            };
            let known: BTreeSet<&String> = ids.iter().collect();
            let later = versions
                .iter()
                .filter(|version| !known.contains(&version.id));
            let before = doomed.len();
            doomed.extend(later.map(|version| (key.clone(), version.id.clone())));
            if doomed.len() > before {
                moved.bytes += then.size;
            }
        }
        for (key, versions) in now
            .iter()
            .filter(|(key, _)| !moment.keys.contains_key(*key))
        {
            doomed.extend(
                versions
                    .iter()
                    .map(|version| (key.clone(), version.id.clone())),
            );
        }
        self.remove(&doomed).await.map_err(fail)?;
        moved.removed = doomed.len() as u64;
        Ok(moved)
    }

    /// Brings the keys with a prefix back to what they were at a moment of the server's clock. Keys
    /// that did not change since are not touched. Servers tell the times of versions in whole
    /// seconds: what was written within the second of the moment counts as written before it, and of
    /// a version and a marker of one second the version counts as the later one: in doubt, a key
    /// comes back.
    ///
    /// # Errors
    /// What the server answers; when the bucket keeps no versions.
    pub async fn recover_to(&self, moment: Timestamp, prefix: &str) -> Result<Moved, DriverError> {
        let fail = |why: String| self.failed("recover", &why);
        self.keeps_versions().await.map_err(fail)?;
        let now = self.versions(prefix).await.map_err(fail)?;
        let steps = now
            .iter()
            .filter_map(|(key, versions)| step(key, versions, moment));
        futures::stream::iter(steps)
            .map(|step| self.take(step))
            .buffer_unordered(AT_A_TIME)
            .try_fold(Moved::default(), |sum, moved| async move {
                Ok(Moved {
                    removed: sum.removed + moved.removed,
                    copied: sum.copied + moved.copied,
                    hidden: sum.hidden + moved.hidden,
                    bytes: sum.bytes + moved.bytes,
                    missing: Vec::new(),
                })
            })
            .await
            .map_err(fail)
    }

    async fn take(&self, step: Step) -> Result<Moved, String> {
        let mut moved = Moved::default();
        match step {
            Step::Remove(markers, bytes) => {
                self.remove(&markers).await?;
                moved.removed = markers.len() as u64;
                moved.bytes = bytes;
            }
            Step::Copy(key, id, bytes) => {
                let path: Vec<String> = key.split('/').map(escaped).collect();
                let source = format!(
                    "{}/{}?versionId={}",
                    self.name,
                    path.join("/"),
                    escaped(&id)
                );
                let copy = self.client.copy_object().bucket(&self.name).key(&key);
                let copied = copy.copy_source(source).send().await;
                copied.map_err(|why| format!("{key}: {}", words(&why)))?;
                moved.copied = 1;
                moved.bytes = bytes;
            }
            Step::Hide(key) => {
                let deleted = self
                    .client
                    .delete_object()
                    .bucket(&self.name)
                    .key(&key)
                    .send();
                deleted
                    .await
                    .map_err(|why| format!("{key}: {}", words(&why)))?;
                moved.hidden = 1;
            }
        }
        Ok(moved)
    }
}

fn step(key: &str, versions: &[Version], moment: Timestamp) -> Option<Step> {
    let then = versions
        .iter()
        .rposition(|version| version.written <= moment);
    let newest = versions.last()?;
    match then {
        Some(at) if at + 1 == versions.len() => None,
        Some(at) if !versions[at].marker => {
            let later = &versions[at + 1..];
            if later.iter().all(|version| version.marker) {
                let markers = later
                    .iter()
                    .map(|version| (key.to_owned(), version.id.clone()));
                return Some(Step::Remove(markers.collect(), versions[at].size));
            }
            let (id, size) = (versions[at].id.clone(), versions[at].size);
            Some(Step::Copy(key.to_owned(), id, size))
        }
        // It was not there then.
        _ if newest.marker => None,
        _ => Some(Step::Hide(key.to_owned())),
    }
}
