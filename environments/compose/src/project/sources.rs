//! The files of a project as they lie on the disk: read within bounds, what they name, and what is
//! wrong with them. The tool names other lines and no file, or shows where its own program broke.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use phoenix_language::tree::BYTES_MAX;
use serde_json::Value;

use super::parse::{items, text as text_of};
use super::yaml;

/// Values shorter than this are no secrets, and hiding them would hide half of a message.
pub(super) const SECRET_MIN: usize = 4;

/// Files that extend each other are followed so far.
const FILES_MAX: usize = 64;

/// A file as text.
///
/// # Errors
/// What is wrong with it, with its name and its line, and what to do; never what it says.
pub(crate) fn text(file: &Path) -> Result<String, String> {
    let shown = file.display();
    let unread = |why: std::io::Error| format!("{shown}: it cannot be read: {why}");
    // Asked before opening: opening a pipe would wait for its writer.
    let is = fs::metadata(file).map_err(unread)?;
    if is.is_dir() {
        return Err(format!("{shown}: it is a folder; name the file in it"));
    }
    if !is.is_file() {
        return Err(format!(
            "{shown}: it is a pipe or a device; name a file of text"
        ));
    }
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(unread)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!(
            "{shown}: it is larger than the {BYTES_MAX} bytes that are read; is it the right file?"
        ));
    }
    String::from_utf8(bytes).map_err(|why| {
        let until = why.utf8_error().valid_up_to();
        let newlines = why.as_bytes()[..until]
            .iter()
            .filter(|byte| **byte == b'\n');
        let line = newlines.count() + 1;
        format!(
            "{shown}:{line}: it is not UTF-8; save it as UTF-8 (`iconv -f latin1 -t utf-8` converts \
             most such files)"
        )
    })
}

/// A Compose file that was read.
pub(crate) struct Source {
    /// As it was named.
    file: PathBuf,
    /// Without symbolic links: what it names is beside it there.
    real: PathBuf,
    /// What it says, or what is wrong with it.
    pub(crate) tree: Result<Value, String>,
}

/// Compose files, and those that they extend or include. What is not there is the tool's to tell.
pub(crate) fn trees(files: &[PathBuf]) -> Vec<Source> {
    let mut all = Vec::new();
    let mut waiting: Vec<PathBuf> = files.to_vec();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    while let Some(file) = waiting.pop() {
        let Ok(real) = file.canonicalize() else {
            continue;
        };
        if seen.len() >= FILES_MAX || !seen.insert(real.clone()) {
            continue;
        }
        let tree = text(&file).and_then(|text| {
            yaml::read(&text).map_err(|why| {
                format!(
                    "{}: {why}; look at the brackets, quotes and indentation there, or name the \
                     right Compose file",
                    file.display()
                )
            })
        });
        if let Ok(tree) = &tree {
            waiting.extend(others(tree).iter().map(|other| real.with_file_name(other)));
        }
        all.push(Source { file, real, tree });
    }
    all
}

/// The files that a file extends or includes.
fn others(tree: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for service in services(tree) {
        all.extend(service["extends"]["file"].as_str().map(str::to_owned));
    }
    for included in tree["include"].as_array().into_iter().flatten() {
        all.extend(included.as_str().map(str::to_owned));
        let paths = items(included.get("path"));
        all.extend(paths.iter().filter_map(text_of));
    }
    all
}

/// The files of variables that the services of a file name.
fn env_files(tree: &Value) -> Vec<String> {
    let named = services(tree).flat_map(|service| items(service.get("env_file")));
    named
        .filter_map(|one| text_of(&one).or_else(|| text_of(&one["path"])))
        .collect()
}

fn services(tree: &Value) -> impl Iterator<Item = &Value> {
    let services = tree["services"].as_object();
    services.into_iter().flat_map(|all| all.values())
}

/// These files, those that they extend or include, and the files of variables of their services.
fn named(files: &[PathBuf]) -> Vec<PathBuf> {
    let read = trees(files);
    let beside = read.iter().flat_map(Source::env_files);
    let all = read.iter().map(|source| source.file.clone());
    all.chain(beside).collect()
}

/// Which of these files, and of those that they name, is no text.
pub(super) fn unreadable(files: &[PathBuf]) -> Option<String> {
    named(files).iter().find_map(|file| text(file).err())
}

/// Every word of these files and of those that they extend, include or take variables from: what a file
/// asks for is among them.
pub(crate) fn words<'a>(files: impl Iterator<Item = &'a PathBuf>) -> BTreeSet<String> {
    let files: Vec<PathBuf> = files.cloned().collect();
    let mut words = BTreeSet::new();
    for text in named(&files).iter().filter_map(|file| text(file).ok()) {
        let parts = text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        words.extend(parts.map(str::to_owned));
    }
    words
}

/// The values of a file of variables, but for numbers, paths and what is too short to be a secret.
pub(crate) fn values(file: &Path) -> Vec<String> {
    let lines = text(file).unwrap_or_default();
    let values = lines.lines().filter_map(|line| {
        let (_, value) = line
            .trim()
            .strip_prefix('#')
            .map_or(line.split_once('='), |_| None)?;
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    });
    let is_secret = |value: &String| {
        value.chars().count() >= SECRET_MIN
            && !value.starts_with(['/', '.'])
            && value.parse::<f64>().is_err()
            && !["true", "false"].contains(&value.as_str())
    };
    values.filter(is_secret).collect()
}

/// What can be seen to be wrong with Compose files that the tool refused, each by its name.
pub(super) fn wrong(files: &[PathBuf]) -> Vec<String> {
    let read = trees(files);
    let mut all: Vec<String> = read.iter().flat_map(Source::wrong).collect();
    let has_services =
        |one: &Source| matches!(&one.tree, Ok(tree) if tree.get("services").is_some());
    if let ([first, ..], true) = (files, all.is_empty() && !read.iter().any(has_services)) {
        all.push(format!(
            "{}: no `services:` in it; name the right Compose file",
            first.display()
        ));
    }
    all
}

impl Source {
    fn wrong(&self) -> Vec<String> {
        let is = match &self.tree {
            Err(why) => return vec![why.clone()],
            Ok(Value::Object(_)) => None,
            Ok(Value::Array(_)) => Some("a list"),
            Ok(Value::Null) => Some("empty"),
            Ok(_) => Some("a text"),
        };
        if let Some(is) = is {
            return vec![format!(
                "{}: {is}, and no Compose file: that has `services:`, each with its name",
                self.file.display()
            )];
        }
        let named = self.env_files();
        named.filter_map(|file| text(&file).err()).collect()
    }

    /// The files of variables that its services name, as far as they are there.
    pub(crate) fn env_files(&self) -> impl Iterator<Item = PathBuf> {
        let named = self.tree.iter().flat_map(env_files);
        named
            .map(|named| self.real.with_file_name(named))
            .filter(|file| file.exists())
    }
}
