//! How the rows of two fingerprints differ, for people.

use std::collections::BTreeMap;

/// How many rows of one table a difference names.
const TOLD_ROWS: usize = 5;

/// The rows of one table in one fingerprint.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<'a> {
    /// How many there are.
    pub rows: u64,
    /// A digest of each by its key; empty for a table that has no keys, or too many rows.
    pub named: &'a BTreeMap<String, u64>,
}

impl Keyed<'_> {
    fn is_told(&self) -> bool {
        self.rows == 0 || !self.named.is_empty()
    }
}

/// Which rows are gone, new or changed, by key; nothing where a side has no keys.
#[must_use]
pub fn rows(before: Keyed<'_>, after: Keyed<'_>) -> String {
    if !before.is_told() || !after.is_told() {
        return String::new();
    }
    let (old, new) = (before.named, after.named);
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let added = new.keys().filter(|key| !old.contains_key(*key));
    let changed = old.iter().filter_map(|(key, digest)| {
        let now = new.get(key)?;
        (now != digest).then_some(key)
    });
    let mut parts = Vec::new();
    for (word, keys) in [
        ("gone", gone.collect::<Vec<_>>()),
        ("new", added.collect()),
        ("changed", changed.collect()),
    ] {
        if keys.is_empty() {
            continue;
        }
        let first: Vec<&str> = keys
            .iter()
            .take(TOLD_ROWS)
            .map(|key| key.as_str())
            .collect();
        let more = match keys.len().saturating_sub(TOLD_ROWS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        parts.push(format!("{word}: {}{more}", first.join("; ")));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}
