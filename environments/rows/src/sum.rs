//! What is known of the rows of a table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Up to so many rows a table's rows are kept by key, so that a difference can name them; a larger
/// table is told by its counts and its digest.
pub const NAMED_ROWS: u64 = 20_000;

/// What is known of the rows of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// How many.
    pub rows: u64,
    /// A digest that their order does not change.
    pub digest: String,
    /// Digests of the rows by key, while they are few.
    pub named: BTreeMap<String, u64>,
}

/// Adds up the rows of a table. Digests are added, not folded by XOR: two equal rows count twice.
#[derive(Debug, Default)]
pub struct Sum {
    rows: u64,
    lanes: [u64; 4],
    named: BTreeMap<String, u64>,
}

impl Sum {
    /// Adds a row by its bytes, with its key where rows are told by key; it is not asked for when the
    /// rows are too many for that.
    pub fn add(&mut self, row: &[u8], key: impl FnOnce() -> Option<String>) {
        let digest = blake3::hash(row);
        let mut first = 0;
        for (at, bytes) in digest.as_bytes().chunks_exact(8).enumerate() {
            let value = bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
            self.lanes[at] = self.lanes[at].wrapping_add(value);
            if at == 0 {
                first = value;
            }
        }
        self.rows += 1;
        if self.rows <= NAMED_ROWS
            && let Some(key) = key()
        {
            self.named.insert(key, first);
        }
    }

    /// All that was added.
    #[must_use]
    pub fn table(self) -> Table {
        Table {
            rows: self.rows,
            digest: self
                .lanes
                .iter()
                .map(|lane| format!("{lane:016x}"))
                .collect(),
            named: if self.rows > NAMED_ROWS {
                BTreeMap::new()
            } else {
                self.named
            },
        }
    }
}
