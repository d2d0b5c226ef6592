//! What both kinds of database have in common: digests of tables, the words for what differs, and
//! the recovery point as a file with its own description.

pub(crate) mod artefact;
pub(crate) mod body;
pub(crate) mod lines;

/// Rows of other tables than the application's own.
pub(crate) const CANARIES: &str = "phoenix_canary";

/// Up to so many rows a table's rows are kept by key, so that a difference can name them; a larger
/// table is told by its counts and its digest.
pub(crate) const NAMED_ROWS: u64 = 20_000;

/// How many connections read one database at the same time.
pub(crate) const READERS: usize = 4;
