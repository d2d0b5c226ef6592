//! What a bucket holds, in memory: keys, and the versions of each. Bytes stay on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Versioning {
    /// It never has: every write replaces the `null` version.
    #[default]
    Off,
    /// Every write adds a version, every delete a marker.
    Enabled,
    /// It did: older versions stay, new writes replace the `null` version.
    Suspended,
}

/// Id of the version that is written while no versions are kept.
pub(super) const NULL: &str = "null";

/// The bytes of a version and what was said of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Name of the file in `data/`: random, never made from a key.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// MD5 in hexadecimal; for a multipart upload the MD5 of its parts' MD5s, `-` and their number.
    pub etag: String,
    /// `Content-Type` and its like, by lower-case header name.
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-*`, without the prefix.
    pub metadata: BTreeMap<String, String>,
}

/// A version of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its id; [`NULL`] where no versions are kept.
    pub id: String,
    /// Unix time of the write in microseconds.
    pub at_us: i64,
    /// `None` for a delete marker.
    pub blob: Option<Blob>,
}

/// One change of a bucket, as its log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Versioning was set.
    Versioning(Versioning),
    /// A version or a delete marker was written; one of the same id is replaced.
    Put {
        /// The key.
        key: String,
        /// The version.
        version: Version,
    },
    /// A version or a delete marker was removed for good.
    Remove {
        /// The key.
        key: String,
        /// Id of the version.
        id: String,
    },
}

/// What must hold of a key for it to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It must not exist.
    Absent,
    /// Its current version must have this ETag.
    Tagged(String),
}

/// Keys and their versions, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) versioning: Versioning,
    pub(super) keys: BTreeMap<String, Vec<Version>>,
}

impl Index {
    /// Applies a change; the data files that nothing refers to any more.
    pub(super) fn apply(&mut self, change: Change) -> Vec<String> {
        match change {
            Change::Versioning(versioning) => {
                self.versioning = versioning;
                Vec::new()
            }
            Change::Put { key, version } => {
                let versions = self.keys.entry(key).or_default();
                let old = take(versions, &version.id);
                versions.push(version);
                old
            }
            Change::Remove { key, id } => {
                let Some(versions) = self.keys.get_mut(&key) else {
                    return Vec::new();
                };
                let old = take(versions, &id);
                if versions.is_empty() {
                    self.keys.remove(&key);
                }
                old
            }
        }
    }

    /// The newest version or marker of a key.
    pub(super) fn newest(&self, key: &str) -> Option<&Version> {
        self.keys.get(key)?.last()
    }

    /// The newest version of a key, unless a marker hides it.
    pub(super) fn current(&self, key: &str) -> Option<(&Version, &Blob)> {
        let newest = self.newest(key)?;
        Some((newest, newest.blob.as_ref()?))
    }

    /// Keys that are there, with their current versions, in order.
    pub(super) fn live(&self) -> impl Iterator<Item = (&String, &Version, &Blob)> {
        self.keys.iter().filter_map(|(key, versions)| {
            let newest = versions.last()?;
            Some((key, newest, newest.blob.as_ref()?))
        })
    }

    pub(super) fn holds(&self, key: &str, condition: &Condition) -> bool {
        match condition {
            Condition::None => true,
            Condition::Absent => self.current(key).is_none(),
            Condition::Tagged(etag) => self
                .current(key)
                .is_some_and(|(_, blob)| blob.etag == *etag),
        }
    }
}

fn take(versions: &mut Vec<Version>, id: &str) -> Vec<String> {
    let mut files = Vec::new();
    versions.retain(|version| {
        let same = version.id == id;
        if same && let Some(blob) = &version.blob {
            files.push(blob.file.clone());
        }
        !same
    });
    files
}
