//! All versions of all keys, as the server lists them.

use std::collections::BTreeMap;

use aws_sdk_s3::types::BucketVersioningStatus;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::BucketStore;
use super::errors::words;

/// Whether a bucket keeps what is overwritten and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// It never did.
    Off,
    /// It does.
    On,
    /// It did, and keeps what it kept then.
    Suspended,
}

/// One version of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) marker: bool,
    pub(super) etag: String,
    pub(super) size: u64,
    /// As the server tells it: whole seconds.
    pub(super) written: Timestamp,
}

/// Key → its versions, the oldest first.
pub(super) type Versions = BTreeMap<String, Vec<Version>>;

impl BucketStore {
    pub(super) async fn versioning_now(&self) -> Result<Versioning, String> {
        let asked = self
            .client
            .get_bucket_versioning()
            .bucket(&self.name)
            .send();
        let status = asked.await.map_err(|why| words(&why))?.status;
        Ok(match status {
            Some(BucketVersioningStatus::Enabled) => Versioning::On,
            Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
            _ => Versioning::Off,
        })
    }

    /// All versions and delete markers of keys with a prefix.
    pub(super) async fn versions(&self, prefix: &str) -> Result<Versions, String> {
        // Newest first, versions and markers in lists of their own: time and `is_latest` put them
        // into one order again, and the server's own order decides within a second.
        let mut found: BTreeMap<String, Vec<(bool, Version)>> = BTreeMap::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.name)
                .prefix(prefix)
                .set_key_marker(key_marker.take())
                .set_version_id_marker(id_marker.take())
                .send()
                .await
                .map_err(|why| words(&why))?;
            for listed in page.versions.unwrap_or_default() {
                let version = Version {
                    id: listed.version_id.unwrap_or_else(|| "null".to_owned()),
                    marker: false,
                    etag: etag(listed.e_tag),
                    size: size(listed.size),
                    written: time(listed.last_modified),
                };
                let newest = listed.is_latest.unwrap_or_default();
                found
                    .entry(listed.key.unwrap_or_default())
                    .or_default()
                    .push((newest, version));
            }
            for listed in page.delete_markers.unwrap_or_default() {
                let version = Version {
                    id: listed.version_id.unwrap_or_else(|| "null".to_owned()),
                    marker: true,
                    etag: String::new(),
                    size: 0,
                    written: time(listed.last_modified),
                };
                let newest = listed.is_latest.unwrap_or_default();
                found
                    .entry(listed.key.unwrap_or_default())
                    .or_default()
                    .push((newest, version));
            }
            if !page.is_truncated.unwrap_or_default() {
                break;
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_version_id_marker);
            if key_marker.is_none() {
                return Err("a listing that goes on without saying where".to_owned());
            }
        }
        Ok(found
            .into_iter()
            .map(|(key, versions)| (key, in_order(versions)))
            .collect())
    }
}

fn in_order(mut versions: Vec<(bool, Version)>) -> Vec<Version> {
    versions.reverse();
    versions.sort_by_key(|(newest, version)| (*newest, version.written));
    versions.into_iter().map(|(_, version)| version).collect()
}

/// A sum as the server lists it, without its quotation marks.
pub(super) fn etag(listed: Option<String>) -> String {
    listed.unwrap_or_default().trim_matches('"').to_owned()
}

/// A size as the server lists it.
pub(super) fn size(listed: Option<i64>) -> u64 {
    listed.and_then(|size| size.try_into().ok()).unwrap_or(0)
}

fn time(listed: Option<aws_sdk_s3::primitives::DateTime>) -> Timestamp {
    let nanos = listed.map_or(0, |at| at.as_nanos());
    Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::UNIX_EPOCH)
}
