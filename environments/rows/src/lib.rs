//! Rows of databases, read as they stream by and added up into digests.
//!
//! Every byte of every value passes through here. This is a crate of its own so that a dev build can
//! optimise it: the manifest of the workspace does, with the protocols below it. What is handed out
//! are boxed futures, because the code of one that is not is made by the crate that waits for it.

pub mod mysql;
pub mod postgres;
mod sum;

pub use sum::{NAMED_ROWS, Sum, Table};
