//! Fingerprint of a bucket: every key with its size, the digest of its bytes, its attributes, and
//! what is behind it. Bytes are streamed; keys and digests are held.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_engine::environment::Fingerprint;
use serde::{Deserialize, Serialize};

use super::objects::Read;
use crate::manifest::{lines_of_difference, read_both, short};

/// One key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Of the current version; 0 under a delete marker.
    size: u64,
    /// BLAKE3 of the current version's bytes; empty under a delete marker.
    digest: String,
    /// Content type and its like, and what the application gave with it.
    attributes: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// Versions, delete markers left out.
    versions: u64,
    /// One digest over bytes and attributes of all older versions, in order; empty without any.
    older: String,
    /// Delete markers.
    markers: u64,
    /// Whether the newest is a delete marker: the key is not there.
    deleted: bool,
}

pub(super) type Manifest = BTreeMap<String, Entry>;

/// A manifest of versions that were read, the oldest of each key first.
pub(super) fn of(read: &[Read]) -> Manifest {
    let mut manifest = Manifest::new();
    for versions in read.chunk_by(|a, b| a.key == b.key) {
        if let Some(newest) = versions.last() {
            manifest.insert(newest.key.clone(), entry(versions, newest));
        }
    }
    manifest
}

fn entry(versions: &[Read], newest: &Read) -> Entry {
    let markers = versions.iter().filter(|version| version.marker).count();
    let older: Vec<&Read> = versions[..versions.len() - 1]
        .iter()
        .filter(|version| !version.marker)
        .collect();
    let mut hasher = blake3::Hasher::new();
    for version in &older {
        hasher.update(version.digest.as_bytes());
        hasher.update(format!("{:?}{:?}", version.attributes, version.tags).as_bytes());
    }
    Entry {
        size: newest.size,
        digest: newest.digest.clone(),
        attributes: newest.attributes.clone(),
        tags: newest.tags.clone(),
        versions: (versions.len() - markers) as u64,
        older: if older.is_empty() {
            String::new()
        } else {
            short(&hasher.finalize())
        },
        markers: markers as u64,
        deleted: newest.marker,
    }
}

pub(super) fn fingerprint(manifest: &Manifest) -> Fingerprint {
    let versions: u64 = manifest.values().map(|entry| entry.versions).sum();
    let markers: u64 = manifest.values().map(|entry| entry.markers).sum();
    let bytes: u64 = manifest.values().map(|entry| entry.size).sum();
    let covers = format!(
        "{} keys, {versions} versions, {markers} delete markers, {bytes} current bytes, nothing left \
         out",
        manifest.len()
    );
    crate::manifest::fingerprint(manifest, covers)
}

/// What differs, key by key; the first twenty.
pub(super) fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    match read_both::<Manifest>(before, after) {
        Ok((before, after)) => differences(&before, &after),
        Err(lines) => lines,
    }
}

pub(super) fn differences(before: &Manifest, after: &Manifest) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, old) in before {
        match after.get(key) {
            None => lines.push(format!("{key} is missing")),
            Some(new) if new == old => {}
            Some(new) if new.deleted && !old.deleted => lines.push(format!("{key} is deleted")),
            Some(new) if old.deleted && !new.deleted => {
                lines.push(format!("{key} is there again, deleted before"));
            }
            Some(new) => of_key(key, old, new, &mut lines),
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

fn of_key(key: &str, old: &Entry, new: &Entry, lines: &mut Vec<String>) {
    if new.digest != old.digest || new.size != old.size {
        lines.push(format!("{key} has other content"));
    }
    for (what, old, new) in [
        ("attributes", &old.attributes, &new.attributes),
        ("tags", &old.tags, &new.tags),
    ] {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let other: Vec<&str> = names
            .into_iter()
            .filter(|name| old.get(*name) != new.get(*name))
            .map(String::as_str)
            .collect();
        if !other.is_empty() {
            lines.push(format!("{key} has other {what}: {}", other.join(", ")));
        }
    }
    if new.versions != old.versions || new.markers != old.markers {
        lines.push(format!(
            "{key} has {} versions and {} delete markers, {} and {} before",
            new.versions, new.markers, old.versions, old.markers
        ));
    } else if new.older != old.older {
        lines.push(format!("{key} has other content in an older version"));
    }
}
