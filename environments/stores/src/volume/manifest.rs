//! Fingerprint of a volume, taken from the archive that is its recovery point.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_engine::environment::Fingerprint;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::archive::{Kind, Member, Visitor};
use crate::manifest::{lines_of_difference, printable, read_both, short};

/// One path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    kind: String,
    size: u64,
    /// BLAKE3 of a file's bytes, holes read as zeros.
    digest: String,
    mode: u32,
    uid: u64,
    gid: u64,
    /// Where a link leads; which device a special file is.
    target: String,
    /// Extended attributes and access control lists: name → digest of the value.
    attributes: BTreeMap<String, String>,
    /// First path, in order, of the file that this is another name of; empty for the only name.
    one_with: String,
}

pub(super) type Manifest = BTreeMap<String, Entry>;

/// Takes the manifest while the archive streams by.
#[derive(Default)]
pub(super) struct Taking {
    manifest: Manifest,
    now: Option<(String, Entry, blake3::Hasher)>,
    /// First name in the archive → all names.
    names: BTreeMap<String, BTreeSet<String>>,
    over: CancellationToken,
}

/// A path as people write it, relative to the volume.
pub(super) fn name(path: &[u8]) -> String {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    if path.is_empty() {
        return ".".to_owned();
    }
    printable(path)
}

impl Visitor for Taking {
    fn begin(&mut self, member: &Member) {
        let own = name(&member.path);
        let kind = match member.kind {
            Kind::HardLink => {
                let first = name(&member.target);
                let names = self.names.entry(first.clone()).or_default();
                names.insert(first);
                names.insert(own);
                return;
            }
            Kind::File => "file",
            Kind::Link => "link",
            Kind::Folder => "folder",
            Kind::Special => "special",
        };
        let target = match member.kind {
            Kind::Link => printable(&member.target),
            Kind::Special => member.device.clone(),
            _ => String::new(),
        };
        let attributes = member.attributes.iter().map(|(key, value)| {
            let key = printable(key);
            let key = key.strip_prefix("SCHILY.xattr.").unwrap_or(&key);
            let key = key.strip_prefix("SCHILY.").unwrap_or(key);
            (key.to_owned(), short(&blake3::hash(value)))
        });
        let entry = Entry {
            kind: kind.to_owned(),
            size: member.size,
            digest: String::new(),
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            target,
            attributes: attributes.collect(),
            one_with: String::new(),
        };
        self.now = Some((own, entry, blake3::Hasher::new()));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some((_, _, hasher)) = &mut self.now {
            hasher.update(bytes);
        }
    }

    fn end(&mut self) {
        if let Some((name, mut entry, hasher)) = self.now.take() {
            if entry.kind == "file" {
                entry.digest = short(&hasher.finalize());
            }
            self.manifest.insert(name, entry);
        }
    }

    fn is_over(&self) -> bool {
        self.over.is_cancelled()
    }
}

impl Taking {
    /// Ends when the token does.
    pub(super) fn until(over: CancellationToken) -> Self {
        Self {
            over,
            ..Self::default()
        }
    }

    /// All of it, every name of a file with what the file is.
    pub(super) fn manifest(mut self) -> Result<Manifest, String> {
        for (first, names) in std::mem::take(&mut self.names) {
            let Some(mut entry) = self.manifest.get(&first).cloned() else {
                return Err(format!("{first} has other names and is not there itself"));
            };
            entry.one_with = names.first().cloned().unwrap_or_default();
            for name in names {
                self.manifest.insert(name, entry.clone());
            }
        }
        Ok(self.manifest)
    }
}

/// `sockets` are what no archive can hold.
pub(super) fn fingerprint(manifest: &Manifest, others: &[String], sockets: usize) -> Fingerprint {
    let mut bytes = 0;
    let mut files = 0;
    for (name, entry) in manifest {
        if entry.kind == "file" {
            files += 1;
            let counted = entry.one_with.is_empty() || entry.one_with == *name;
            bytes += if counted { entry.size } else { 0 };
        }
    }
    let mut left_out = Vec::new();
    if !others.is_empty() {
        left_out.push(format!(
            "left out as stores of their own: {}",
            others.join(", ")
        ));
    }
    if sockets > 0 {
        left_out.push(format!("{sockets} sockets left out"));
    }
    if left_out.is_empty() {
        left_out.push("nothing left out".to_owned());
    }
    let covers = format!("{files} files, {bytes} bytes, {}", left_out.join(", "));
    crate::manifest::fingerprint(manifest, covers)
}

/// What differs, path by path; the first twenty.
pub(super) fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let (before, after) = match read_both::<Manifest>(before, after) {
        Ok(both) => both,
        Err(lines) => return lines,
    };
    let mut lines = Vec::new();
    for (path, old) in &before {
        match after.get(path) {
            None => lines.push(format!("{path} is missing")),
            Some(new) => differences(path, old, new, &mut lines),
        }
    }
    lines.extend(
        after
            .keys()
            .filter(|path| !before.contains_key(*path))
            .map(|path| format!("{path} is new")),
    );
    lines_of_difference(lines)
}

/// What of an archive is not there as it is in it. Folders that are there beside it are those above
/// its members, which not every archive has.
pub(super) fn differences_of(archive: &Manifest, now: &Manifest) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, old) in archive {
        match now.get(path) {
            None => lines.push(format!("{path} is missing")),
            Some(new) => differences(path, old, new, &mut lines),
        }
    }
    let strange = now
        .iter()
        .filter(|(path, entry)| !archive.contains_key(*path) && entry.kind != "folder");
    lines.extend(strange.map(|(path, _)| format!("{path} is new")));
    lines_of_difference(lines)
}

fn differences(path: &str, old: &Entry, new: &Entry, lines: &mut Vec<String>) {
    if new.kind != old.kind {
        lines.push(format!("{path} is a {}, a {} before", new.kind, old.kind));
        return;
    }
    if new.digest != old.digest || new.size != old.size {
        lines.push(format!("{path} has other content"));
    }
    if new.target != old.target {
        let verb = if new.kind == "link" {
            "leads to"
        } else {
            "is a"
        };
        lines.push(format!(
            "{path} {verb} {}, {} before",
            new.target, old.target
        ));
    }
    if new.mode != old.mode {
        lines.push(format!(
            "{path} has mode {:o}, {:o} before",
            new.mode, old.mode
        ));
    }
    if (new.uid, new.gid) != (old.uid, old.gid) {
        lines.push(format!(
            "{path} belongs to {}:{}, {}:{} before",
            new.uid, new.gid, old.uid, old.gid
        ));
    }
    if new.attributes != old.attributes {
        let keys: BTreeSet<&String> = old.attributes.keys().chain(new.attributes.keys()).collect();
        let other = keys
            .into_iter()
            .filter(|key| old.attributes.get(*key) != new.attributes.get(*key))
            .cloned()
            .collect::<Vec<_>>();
        lines.push(format!("{path} has other attributes: {}", other.join(", ")));
    }
    if new.one_with != old.one_with {
        lines.push(if new.one_with.is_empty() {
            format!("{path} is no longer one file with {}", old.one_with)
        } else if old.one_with.is_empty() {
            format!("{path} is one file with {}, not before", new.one_with)
        } else {
            format!(
                "{path} is one file with {}, {} before",
                new.one_with, old.one_with
            )
        });
    }
}
