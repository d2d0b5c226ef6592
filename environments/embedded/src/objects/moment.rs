//! A moment of a bucket that keeps versions: which version was current of each key. The versions
//! themselves stay in the bucket, and go with it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use phoenix_engine::environment::Fingerprint;
use serde::{Deserialize, Serialize};

use super::Bucket;
use super::index::{Change, Version};
use super::manifest::fingerprint_of;

const FILE: &str = "moment.json";

/// What a bucket held at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Identity of the bucket's folder: another bucket of the same name has other versions.
    pub bucket: String,
    /// Key → the newest version's id, markers included.
    pub keys: BTreeMap<String, String>,
}

/// What bringing a bucket back changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Versions and markers, written after the moment, that were removed.
    pub removed: u64,
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
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        fs::write(folder.join(FILE), text)
    }

    /// Reads it from a folder.
    ///
    /// # Errors
    /// When none is there, or it is damaged.
    pub fn load(folder: &Path) -> io::Result<Self> {
        let text = fs::read(folder.join(FILE))?;
        serde_json::from_slice(&text).map_err(io::Error::other)
    }
}

impl Bucket {
    /// The moment that is now, and the fingerprint of that very moment. `identity` is that of the
    /// bucket's folder.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn moment(&self, identity: &str) -> io::Result<(Moment, Fingerprint)> {
        let hold = self.hold();
        let index = self.index().clone();
        let fingerprint = fingerprint_of(self, &index)?;
        drop(hold);
        let newest = |(key, versions): (&String, &Vec<Version>)| {
            Some((key.clone(), versions.last()?.id.clone()))
        };
        let moment = Moment {
            bucket: identity.to_owned(),
            keys: index.keys.iter().filter_map(newest).collect(),
        };
        Ok((moment, fingerprint))
    }

    /// Brings the keys with a prefix back to a moment by removing the versions and markers written
    /// since: then the version of that moment is the newest again. A key whose version of that
    /// moment is gone is left as it is, and named.
    ///
    /// # Errors
    /// What the file system says.
    pub fn back_to(&self, moment: &Moment, prefix: &str) -> io::Result<Moved> {
        let mut moved = Moved::default();
        let mut doomed: Vec<(String, String)> = Vec::new();
        {
            let index = self.index();
            let of_old = moment.keys.range(prefix.to_owned()..);
            for (key, id) in of_old.take_while(|(key, _)| key.starts_with(prefix)) {
                let versions = index.keys.get(key).map_or(&[][..], Vec::as_slice);
                let Some(at) = versions.iter().position(|version| version.id == *id) else {
                    moved.missing.push(key.clone());
                    continue;
                };
                let later = &versions[at + 1..];
                doomed.extend(
                    later
                        .iter()
                        .map(|version| (key.clone(), version.id.clone())),
                );
                if !later.is_empty() {
                    moved.bytes += versions[at].blob.as_ref().map_or(0, |blob| blob.size);
                }
            }
            let of_now = index.keys.range(prefix.to_owned()..);
            for (key, versions) in of_now.take_while(|(key, _)| key.starts_with(prefix)) {
                if !moment.keys.contains_key(key) {
                    doomed.extend(
                        versions
                            .iter()
                            .map(|version| (key.clone(), version.id.clone())),
                    );
                }
            }
        }
        for (key, id) in doomed {
            self.commit(|_, _| Ok((Some(Change::Remove { key, id }), ())))?;
            moved.removed += 1;
        }
        Ok(moved)
    }
}
