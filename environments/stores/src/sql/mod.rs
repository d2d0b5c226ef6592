//! What both kinds of database have in common: digests of tables, the words for what differs, and
//! the recovery point as a file with its own description.

pub(crate) mod artefact;
pub(crate) mod body;
pub(crate) mod lines;

/// Rows of other tables than the application's own.
pub(crate) const CANARIES: &str = "phoenix_canary";

/// How many connections read one database at the same time.
pub(crate) const READERS: usize = 4;
