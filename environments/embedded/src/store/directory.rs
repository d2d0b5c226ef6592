//! A folder as a volume.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use phoenix_engine::environment::{DirectCopy, Fingerprint};
use serde::{Deserialize, Serialize};

/// Folder of canaries that were written straight into the volume.
const CANARIES: &str = ".phoenix-canary";

/// One entry of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    kind: String,
    size: u64,
    digest: String,
    mode: u32,
}

type Manifest = BTreeMap<String, Entry>;

/// From this size on, several cores on one file are worth their coordination.
const LARGE: u64 = 8 << 20;
/// How much of a file is in memory at a time when all cores work on it.
const CHUNK: usize = 4 << 20;
/// How much when one core does: what its own cache holds.
const CACHED: usize = 128 << 10;

/// Fingerprint of a folder: kind, size, mode and content of everything below it. Content is
/// streamed; only names and digests are held.
///
/// # Errors
/// What cannot be read, with the system's words.
pub fn fingerprint(root: &Path) -> io::Result<Fingerprint> {
    fingerprint_but(root, &[])
}

/// The same, without the folders in which other stores lie: they are fingerprinted as what they
/// are, and a database that is running is no file to be read.
pub(crate) fn fingerprint_but(root: &Path, others: &[String]) -> io::Result<Fingerprint> {
    let mut manifest = Manifest::new();
    let mut files = Vec::new();
    for path in entries_but(root, others)? {
        add(root, &path, &mut manifest, &mut files)?;
    }
    for (name, digest) in digests(root, files)? {
        if let Some(entry) = manifest.get_mut(&name) {
            entry.digest = digest;
        }
    }
    let bytes: u64 = manifest.values().map(|entry| entry.size).sum();
    let files = manifest
        .values()
        .filter(|entry| entry.kind == "file")
        .count();
    let body = serde_json::to_value(&manifest).unwrap_or_default();
    Ok(Fingerprint {
        digest: blake3::hash(body.to_string().as_bytes()).to_hex()[..32].to_owned(),
        covers: format!(
            "{files} files, {bytes} bytes, {}",
            if others.is_empty() {
                "nothing left out".to_owned()
            } else {
                format!("left out as stores of their own: {}", others.join(", "))
            }
        ),
        body,
    })
}

/// Digests of files, by name. Files are shared out among the cores, the largest first; only when
/// there are fewer large files than cores do all cores work on one.
pub(crate) fn digests(root: &Path, files: Vec<(String, u64)>) -> io::Result<Vec<(String, String)>> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (mut alone, mut shared): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, size)| *size >= LARGE);
    if alone.len() >= workers {
        shared.append(&mut alone);
    }
    shared.sort_by_key(|(_, size)| Reverse(*size));
    let mut done = Vec::with_capacity(alone.len() + shared.len());
    for (name, _) in alone {
        let digest = digest(&root.join(&name), &mut vec![0; CHUNK], true)?;
        done.push((name, digest));
    }
    let next = AtomicUsize::new(0);
    let shares: Vec<io::Result<Vec<(String, String)>>> = std::thread::scope(|scope| {
        let worker = || {
            let mut share = Vec::new();
            let mut buffer = vec![0; CACHED];
            while let Some((name, _)) = shared.get(next.fetch_add(1, Ordering::Relaxed)) {
                share.push((name.clone(), digest(&root.join(name), &mut buffer, false)?));
            }
            Ok(share)
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a reader of files broke off")))
            })
            .collect()
    });
    for share in shares {
        done.extend(share?);
    }
    Ok(done)
}

/// Reads rather than maps the file: one that is cut while it is mapped would end the process.
fn digest(path: &Path, buffer: &mut [u8], all_cores: bool) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        if all_cores {
            hasher.update_rayon(&buffer[..filled]);
        } else {
            hasher.update(&buffer[..filled]);
        }
        if filled < buffer.len() {
            return Ok(short(&hasher.finalize()));
        }
    }
}

fn short(hash: &blake3::Hash) -> String {
    hash.to_hex()[..32].to_owned()
}

/// What is right below a folder, other stores left out.
fn entries_but(root: &Path, others: &[String]) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !others.iter().any(|other| entry.file_name() == **other) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Adds what is at a path, and all that is below it.
fn add(
    root: &Path,
    path: &Path,
    manifest: &mut Manifest,
    files: &mut Vec<(String, u64)>,
) -> io::Result<()> {
    let name = path
        .strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    let meta = fs::symlink_metadata(path)?;
    let mode = meta.permissions().mode() & 0o7777;
    let (kind, size, digest) = if meta.is_symlink() {
        let to = fs::read_link(path)?.to_string_lossy().into_owned();
        ("link", 0, to)
    } else if meta.is_dir() {
        ("folder", 0, String::new())
    } else if meta.is_file() {
        files.push((name.clone(), meta.len()));
        ("file", meta.len(), String::new())
    } else {
        ("special", 0, String::new())
    };
    manifest.insert(
        name,
        Entry {
            kind: kind.to_owned(),
            size,
            digest,
            mode,
        },
    );
    if meta.is_dir() {
        for below in entries_but(path, &[])? {
            add(root, &below, manifest, files)?;
        }
    }
    Ok(())
}

/// What differs, path by path; the first twenty of each kind.
pub fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let read = |from: &Fingerprint| -> Manifest {
        serde_json::from_value(from.body.clone()).unwrap_or_default()
    };
    let (before, after) = (read(before), read(after));
    let mut lines = Vec::new();
    for (path, old) in &before {
        match after.get(path) {
            None => lines.push(format!("{path} is missing")),
            Some(new) if new.digest != old.digest || new.size != old.size => {
                lines.push(format!("{path} has other content"));
            }
            Some(new) if new.mode != old.mode => {
                lines.push(format!(
                    "{path} has mode {:o}, {:o} before",
                    new.mode, old.mode
                ));
            }
            Some(new) if new.kind != old.kind => lines.push(format!("{path} is a {}", new.kind)),
            Some(_) => {}
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

/// The first twenty, and how many more there are.
pub(crate) fn lines_of_difference(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > 20 {
        let more = lines.len() - 20;
        lines.truncate(20);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Copies a tree, modes and links kept; bytes copied.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<u64> {
    copy_tree_but(from, to, &[])
}

/// The same, without the folders in which other stores lie.
pub(crate) fn copy_tree_but(from: &Path, to: &Path, others: &[String]) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let mut bytes = 0;
    for path in entries_but(from, others)? {
        let target = to.join(path.file_name().unwrap_or_default());
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path)?, &target)?;
        } else if meta.is_dir() {
            bytes += copy_tree(&path, &target)?;
            fs::set_permissions(&target, meta.permissions())?;
        } else if meta.is_file() {
            bytes += fs::copy(&path, &target)?;
        }
    }
    Ok(bytes)
}

/// Removes what is in a folder and keeps the folder: its identity stays.
pub(crate) fn clear(root: &Path) -> io::Result<()> {
    clear_but(root, &[])
}

/// The same, and what lies in the folders of other stores stays.
pub(crate) fn clear_but(root: &Path, others: &[String]) -> io::Result<()> {
    for path in entries_but(root, others)? {
        if fs::symlink_metadata(&path)?.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// All files below a folder, in order, canaries of the harness left out.
pub(crate) fn files(root: &Path) -> io::Result<Vec<PathBuf>> {
    files_but(root, &[])
}

/// The same, without those in the folders of other stores.
pub(crate) fn files_but(root: &Path, others: &[String]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = entries_but(root, others)?;
    while let Some(path) = waiting.pop() {
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() && !path.ends_with(CANARIES) {
            waiting.extend(entries_but(&path, &[])?);
        } else if meta.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

pub(crate) fn write_direct(root: &Path, copy: &DirectCopy) -> io::Result<()> {
    let folder = root.join(CANARIES);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(&copy.marker), &copy.text)
}

pub(crate) fn list_direct(root: &Path) -> io::Result<Vec<DirectCopy>> {
    let folder = root.join(CANARIES);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        copies.push(DirectCopy {
            marker: entry.file_name().to_string_lossy().into_owned(),
            text: String::from_utf8_lossy(&fs::read(entry.path())?).into_owned(),
        });
    }
    copies.sort_by(|a, b| a.marker.cmp(&b.marker));
    Ok(copies)
}

/// Whether a text stands in the name or the bytes of a file, other stores left out.
pub(crate) fn find_text(root: &Path, text: &str, others: &[String]) -> io::Result<bool> {
    for path in files_but(root, others)? {
        if path.to_string_lossy().contains(text)
            || fs::read(&path)?
                .windows(text.len().max(1))
                .any(|part| part == text.as_bytes())
        {
            return Ok(true);
        }
    }
    Ok(false)
}
