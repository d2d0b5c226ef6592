//! Listings, page by page: keys with a prefix, those below a delimiter rolled up.

use std::ops::Bound;

use super::Bucket;
use super::index::{Blob, Version};

/// What to list.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// Go on after this key or rolled-up prefix.
    pub(super) after: Option<&'a str>,
    /// Within the key of `after`, go on after this version.
    pub(super) after_version: Option<&'a str>,
    pub(super) max: usize,
}

/// A page.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    pub(super) prefixes: Vec<String>,
    /// The last key or prefix of the page, and the last version, when there is more.
    pub(super) next: Option<(String, Option<String>)>,
}

/// A version in a listing.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) version: Version,
    pub(super) newest: bool,
}

impl Wanted<'_> {
    fn rolled<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = &key[self.prefix.len()..];
        let at = rest.find(delimiter)?;
        Some(&key[..self.prefix.len() + at + delimiter.len()])
    }
}

impl Bucket {
    /// Current versions.
    pub(super) fn list(&self, wanted: &Wanted<'_>) -> Page<(String, Version, Blob)> {
        self.page(wanted, |key, versions| {
            let Some(newest) = versions.last() else {
                return Vec::new();
            };
            match &newest.blob {
                Some(blob) => {
                    let entry = (key.to_owned(), newest.clone(), blob.clone());
                    vec![(newest.id.clone(), entry)]
                }
                None => Vec::new(),
            }
        })
    }

    /// All versions and markers, the newest of a key first.
    pub(super) fn list_versions(&self, wanted: &Wanted<'_>) -> Page<Listed> {
        self.page(wanted, |key, versions| {
            let entries = versions.iter().rev().enumerate().map(|(at, version)| {
                let listed = Listed {
                    key: key.to_owned(),
                    version: version.clone(),
                    newest: at == 0,
                };
                (version.id.clone(), listed)
            });
            entries.collect()
        })
    }

    fn page<T>(
        &self,
        wanted: &Wanted<'_>,
        entries_of: impl Fn(&str, &[Version]) -> Vec<(String, T)>,
    ) -> Page<T> {
        let index = self.index();
        let mut page = Page {
            entries: Vec::new(),
            prefixes: Vec::new(),
            next: None,
        };
        let first = match wanted.after {
            Some(after) if after > wanted.prefix => after,
            _ => wanted.prefix,
        };
        let range = (Bound::Included(first), Bound::Unbounded);
        let mut last = None;
        for (key, versions) in index.keys.range::<str, _>(range) {
            if !key.starts_with(wanted.prefix) {
                break;
            }
            let same_key = wanted.after == Some(key);
            if same_key && wanted.after_version.is_none() {
                continue;
            }
            let entries = entries_of(key, versions);
            if entries.is_empty() {
                continue;
            }
            if let Some(rolled) = wanted.rolled(key) {
                let seen = page.prefixes.last().is_some_and(|last| last == rolled);
                if seen || wanted.after.is_some_and(|after| after >= rolled) {
                    continue;
                }
                if page.entries.len() + page.prefixes.len() >= wanted.max {
                    page.next = last;
                    return page;
                }
                page.prefixes.push(rolled.to_owned());
                last = Some((rolled.to_owned(), None));
                continue;
            }
            let done = wanted
                .after_version
                .filter(|_| same_key)
                .and_then(|id| entries.iter().position(|(own, _)| own == id))
                .map_or(0, |at| at + 1);
            for (id, entry) in entries.into_iter().skip(done) {
                if page.entries.len() + page.prefixes.len() >= wanted.max {
                    page.next = last;
                    return page;
                }
                page.entries.push(entry);
                last = Some((key.clone(), Some(id)));
            }
        }
        page
    }
}
