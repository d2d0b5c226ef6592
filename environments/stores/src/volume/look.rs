//! Looking into a volume: canaries, texts, counts.

use std::path::Path;

use phoenix_engine::environment::DirectCopy;

use super::helper::AT;
use super::{CANARIES, VolumeStore, manifest};
use crate::archive::{Kind, Member, Visitor};
use crate::search::Finder;

/// Canaries by their names, out of an archive of their folder.
#[derive(Default)]
pub(super) struct Collecting {
    pub(super) copies: Vec<DirectCopy>,
    now: Option<(String, Vec<u8>)>,
}

impl Visitor for Collecting {
    fn begin(&mut self, member: &Member) {
        let name = manifest::name(&member.path);
        let marker = name.rsplit('/').next().unwrap_or_default().to_owned();
        self.now = (member.kind == Kind::File).then_some((marker, Vec::new()));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some((_, text)) = &mut self.now {
            text.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        if let Some((marker, text)) = self.now.take() {
            let text = String::from_utf8_lossy(&text).into_owned();
            self.copies.push(DirectCopy { marker, text });
        }
    }
}

/// A text in names and bytes.
pub(super) struct Searching {
    names: Finder,
    bytes: Finder,
    pub(super) found: bool,
}

impl Searching {
    pub(super) fn new(text: &str) -> Self {
        Self {
            names: Finder::new(text),
            bytes: Finder::new(text),
            found: false,
        }
    }
}

impl Visitor for Searching {
    fn begin(&mut self, member: &Member) {
        self.names.restart();
        self.bytes.restart();
        self.found = self.found || self.names.found(&member.path);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.found = self.found || self.bytes.found(bytes);
    }

    fn end(&mut self) {}
}

impl VolumeStore {
    /// Files without canaries, or everything there is.
    pub(super) async fn count(&self, everything: bool) -> Result<u64, String> {
        let mut arguments = vec![AT.to_owned(), "-mindepth".to_owned(), "1".to_owned()];
        let canaries = (!everything).then(|| CANARIES.to_owned());
        for folder in self.without.iter().chain(&canaries) {
            let path = format!("{AT}/{}", literally(folder));
            arguments.extend(["-path", &path, "-prune", "-o"].map(str::to_owned));
        }
        if everything {
            // The folders above a store of its own are there because of it.
            for folder in &self.without {
                for above in Path::new(folder).ancestors().skip(1) {
                    let path = format!("{AT}/{}", literally(&above.to_string_lossy()));
                    arguments.extend(["!", "-path", &path].map(str::to_owned));
                }
            }
        } else {
            arguments.extend(["-type", "f"].map(str::to_owned));
        }
        arguments.extend(["-printf", "."].map(str::to_owned));
        let dots = self
            .say(true, "find \"$@\" | wc -c", &arguments, None)
            .await?;
        let dots = String::from_utf8_lossy(&dots);
        dots.trim()
            .parse()
            .map_err(|_| format!("a count that is none: {dots}"))
    }
}

/// A pattern that fits one name only.
fn literally(name: &str) -> String {
    let mut pattern = String::new();
    for sign in name.chars() {
        if "*?[]\\".contains(sign) {
            pattern.push('\\');
        }
        pattern.push(sign);
    }
    pattern
}
