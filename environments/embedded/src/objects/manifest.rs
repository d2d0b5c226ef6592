//! Fingerprint of a bucket: every key with its size, the digest of its bytes as they lie on disk,
//! and what is behind it. Bytes are streamed; keys and digests are held.

use std::collections::BTreeMap;
use std::io;

use phoenix_engine::environment::Fingerprint;
use serde::{Deserialize, Serialize};

use super::Bucket;
use super::index::{Index, Version};
use crate::store::directory::{digests, lines_of_difference};

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// Of the current version; 0 under a delete marker.
    size: u64,
    /// BLAKE3 of the current version's bytes; empty under a delete marker.
    digest: String,
    /// Versions, delete markers left out.
    versions: u64,
    /// One digest over the bytes of all older versions, in order; empty when there are none.
    older: String,
    /// Delete markers.
    markers: u64,
    /// Whether the newest is a delete marker: the key is not there.
    deleted: bool,
}

type Manifest = BTreeMap<String, Entry>;

/// Fingerprint of a bucket: all versions of all keys.
///
/// # Errors
/// What cannot be read, with the system's words.
pub fn fingerprint(bucket: &Bucket) -> io::Result<Fingerprint> {
    let hold = bucket.hold();
    let index = bucket.index().clone();
    let fingerprint = fingerprint_of(bucket, &index);
    drop(hold);
    fingerprint
}

/// Fingerprint of what a bucket held at a moment, while its bytes are held.
pub(super) fn fingerprint_of(bucket: &Bucket, index: &Index) -> io::Result<Fingerprint> {
    let blobs = index
        .keys
        .values()
        .flatten()
        .filter_map(|version| version.blob.as_ref());
    let files = blobs
        .map(|blob| (blob.file.clone(), blob.size))
        .collect::<Vec<_>>();
    let bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let digest_of: BTreeMap<String, String> = digests(&bucket.folder().join("data"), files)?
        .into_iter()
        .collect();
    let mut manifest = Manifest::new();
    for (key, versions) in &index.keys {
        manifest.insert(key.clone(), entry(versions, &digest_of));
    }
    let versions: u64 = manifest.values().map(|entry| entry.versions).sum();
    let markers: u64 = manifest.values().map(|entry| entry.markers).sum();
    let body = serde_json::to_value(&manifest).unwrap_or_default();
    Ok(Fingerprint {
        digest: blake3::hash(body.to_string().as_bytes()).to_hex()[..32].to_owned(),
        covers: format!(
            "{} keys, {versions} versions, {markers} delete markers, {bytes} bytes, nothing left out",
            manifest.len()
        ),
        body,
    })
}

fn entry(versions: &[Version], digest_of: &BTreeMap<String, String>) -> Entry {
    let digest = |version: &Version| {
        let blob = version.blob.as_ref()?;
        digest_of.get(&blob.file).cloned()
    };
    let (newest, older) = versions
        .split_last()
        .map_or((None, &[][..]), |(last, rest)| (Some(last), rest));
    let kept = versions.iter().filter(|version| version.blob.is_some());
    let versions_kept = kept.count() as u64;
    let mut hasher = blake3::Hasher::new();
    let mut any = false;
    for digest in older.iter().filter_map(digest) {
        hasher.update(digest.as_bytes());
        any = true;
    }
    let blob = newest.and_then(|newest| newest.blob.as_ref());
    Entry {
        size: blob.map_or(0, |blob| blob.size),
        digest: newest.and_then(digest).unwrap_or_default(),
        versions: versions_kept,
        older: if any {
            hasher.finalize().to_hex()[..32].to_owned()
        } else {
            String::new()
        },
        markers: versions.len() as u64 - versions_kept,
        deleted: newest.is_some_and(|newest| newest.blob.is_none()),
    }
}

/// What differs, key by key; the first twenty.
#[must_use]
pub fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let read = |from: &Fingerprint| -> Manifest {
        serde_json::from_value(from.body.clone()).unwrap_or_default()
    };
    let (before, after) = (read(before), read(after));
    let mut lines = Vec::new();
    for (key, old) in &before {
        match after.get(key) {
            None => lines.push(format!("{key} is missing")),
            Some(new) if new == old => {}
            Some(new) if new.deleted && !old.deleted => lines.push(format!("{key} is deleted")),
            Some(new) if old.deleted && !new.deleted => {
                lines.push(format!("{key} is there again, deleted before"));
            }
            Some(new) if new.digest != old.digest || new.size != old.size => {
                lines.push(format!("{key} has other content"));
            }
            Some(new) if new.versions != old.versions || new.markers != old.markers => {
                lines.push(format!(
                    "{key} has {} versions and {} delete markers, {} and {} before",
                    new.versions, new.markers, old.versions, old.markers
                ));
            }
            Some(_) => lines.push(format!("{key} has other content in an older version")),
        }
    }
    lines.extend(
        after
            .keys()
            .filter(|key| !before.contains_key(*key))
            .map(|key| format!("{key} is new")),
    );
    lines_of_difference(lines)
}
