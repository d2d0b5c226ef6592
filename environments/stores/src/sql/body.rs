//! The driver's own form of a database's fingerprint, and what differs between two.

use std::collections::BTreeMap;

use phoenix_engine::differences::{self, Keyed};
use phoenix_engine::environment::Fingerprint;
use phoenix_rows::Table;
use serde::{Deserialize, Serialize};

/// Definitions up to this length, in bytes, are kept as they are, so that a difference can show
/// both; longer ones by their digest.
const TOLD_LENGTH: usize = 200;

fn keyed(table: &Table) -> Keyed<'_> {
    Keyed {
        rows: table.rows,
        named: &table.named,
    }
}

/// A fingerprint of a whole database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Body {
    /// By schema and name.
    pub(crate) tables: BTreeMap<String, Table>,
    /// Everything that is no row: kind, name, definition.
    pub(crate) catalogue: BTreeMap<String, BTreeMap<String, String>>,
}

impl Body {
    /// Notes a thing of the catalogue.
    pub(crate) fn note(&mut self, kind: &str, name: String, definition: &str) {
        let kept = if definition.len() <= TOLD_LENGTH {
            definition.to_owned()
        } else {
            format!("blake3:{}", blake3::hash(definition.as_bytes()).to_hex())
        };
        self.catalogue
            .entry(kind.to_owned())
            .or_default()
            .insert(name, kept);
    }

    /// The fingerprint, with words on what it leaves out.
    pub(crate) fn fingerprint(&self, left_out: &str) -> Fingerprint {
        let rows: u64 = self.tables.values().map(|table| table.rows).sum();
        let things: usize = self.catalogue.values().map(BTreeMap::len).sum();
        let body = serde_json::to_value(self).unwrap_or_default();
        Fingerprint {
            digest: blake3::hash(body.to_string().as_bytes()).to_hex()[..32].to_owned(),
            covers: format!(
                "{} tables, {rows} rows, {things} definitions and counters; left out: {left_out}",
                self.tables.len()
            ),
            body,
        }
    }

    /// What a fingerprint of this driver holds; `None` for one of another.
    pub(crate) fn of(fingerprint: &Fingerprint) -> Option<Self> {
        serde_json::from_value(fingerprint.body.clone()).ok()
    }
}

/// What differs, table by table and thing by thing.
pub(crate) fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let (Some(before), Some(after)) = (Body::of(before), Body::of(after)) else {
        return vec!["the two fingerprints are not of the same kind of store".to_owned()];
    };
    let mut lines = Vec::new();
    for (name, old) in &before.tables {
        match after.tables.get(name) {
            None => lines.push(format!("table {name} is missing ({} rows)", old.rows)),
            Some(new) if new.rows != old.rows => lines.push(format!(
                "table {name}: {} rows, {} before{}",
                new.rows,
                old.rows,
                differences::rows(keyed(old), keyed(new))
            )),
            Some(new) if new.digest != old.digest => lines.push(format!(
                "table {name}: {} rows as before, other content{}",
                new.rows,
                differences::rows(keyed(old), keyed(new))
            )),
            Some(_) => {}
        }
    }
    for name in after
        .tables
        .keys()
        .filter(|name| !before.tables.contains_key(*name))
    {
        lines.push(format!("table {name} is new"));
    }
    let nothing = BTreeMap::new();
    let mut kinds: Vec<&String> = before
        .catalogue
        .keys()
        .chain(after.catalogue.keys())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let old = before.catalogue.get(kind).unwrap_or(&nothing);
        let new = after.catalogue.get(kind).unwrap_or(&nothing);
        things_that_differ(kind, old, new, &mut lines);
    }
    lines
}

fn things_that_differ(
    kind: &str,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    lines: &mut Vec<String>,
) {
    for (name, old) in before {
        match after.get(name) {
            None => lines.push(format!("{kind} {name} is missing")),
            Some(new) if new == old => {}
            Some(new) if new.starts_with("blake3:") || old.starts_with("blake3:") => {
                lines.push(format!("{kind} {name}: another definition"));
            }
            Some(new) => lines.push(format!("{kind} {name}: {new}, {old} before")),
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        lines.push(format!("{kind} {name} is new"));
    }
}
