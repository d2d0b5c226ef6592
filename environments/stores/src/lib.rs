//! Real stores: identity, fingerprint, backup and restore of databases, volumes, buckets and
//! caches on real servers. The compose driver stands on them, and so will the AWS driver.
//!
//! A store here acts and reports; it never judges. Tools for dump and restore run inside the
//! server's own image, so that their versions always match the server's.

mod archive;
pub mod bucket;
pub mod container;
mod foreign;
mod manifest;
pub mod memory;
pub mod mysql;
pub mod postgres;
pub mod runbook;
mod search;
pub mod server;
mod sql;
pub mod volume;

use std::path::Path;

use async_trait::async_trait;
use phoenix_engine::environment::{
    DirectCopy, DriverError, FileSeen, Fingerprint, Loaded, Runbook,
};
use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::plan::Unit;

/// A recovery point that was just made.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The store as it was under the backup's own snapshot; `None` for what has nothing to
    /// fingerprint.
    pub fingerprint: Option<Fingerprint>,
}

/// How a recovery point is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A dump that any server of its kind can load.
    Logical,
    /// The server's own files at one moment, as a managed snapshot holds them.
    Physical,
}

/// The page whose commands restore a store of this kind, by the word of the environment file; `None` for a
/// kind that is restored by requests to an API: the page of buckets is for people only, and says so.
#[must_use]
pub fn runbook(engine: &str, form: Form) -> Option<Runbook> {
    let (file, text) = match (engine, form) {
        ("postgres", Form::Logical) => ("local/runbooks/postgres-restore.md", postgres::RESTORE),
        ("postgres", Form::Physical) => (
            "local/runbooks/postgres-snapshot-restore.md",
            postgres::SNAPSHOT_RESTORE,
        ),
        ("mysql", Form::Logical) => ("local/runbooks/mysql-restore.md", mysql::RESTORE),
        ("mysql", Form::Physical) => (
            "local/runbooks/mysql-snapshot-restore.md",
            mysql::SNAPSHOT_RESTORE,
        ),
        ("volume", _) => ("local/runbooks/volume-restore.md", volume::RESTORE),
        _ => return None,
    };
    Some(Runbook { file, text })
}

/// One store on a real server.
#[async_trait]
pub trait Store: Send + Sync {
    /// Waits until the store can be asked, at most `within`; an error says what was answered last.
    async fn ready(&self, within: std::time::Duration) -> Result<(), DriverError>;

    /// Writes a recovery point into a folder that exists and is empty. Nothing in the folder is to
    /// be trusted unless this returned.
    async fn backup(&self, form: Form, into: &Path) -> Result<Taken, DriverError>;

    /// Puts a recovery point back into a fresh, empty vessel; bytes read from the folder. What the
    /// tools of the server complained about is an error, with their words.
    async fn restore(&self, from: &Path) -> Result<u64, DriverError>;

    /// Puts a recovery point that phoenix did not make into a fresh, empty vessel. What the tools of
    /// the server complained about is an error, and so is a point that is not whole, is of another
    /// kind, or of which less has come than it lists.
    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        Err(DriverError::new(
            format!("restoring from {}", point.shown),
            "such a store takes no recovery point that phoenix did not make",
        ))
    }

    /// The largest moment of a column, in seconds since 1970; `None` where no row has one.
    async fn newest(
        &self,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        let _asked = (column, unit);
        Err(DriverError::new(
            format!("asking for the table {table}"),
            "it is no database",
        ))
    }

    /// How many rows a table has.
    async fn rows(&self, table: &str) -> Result<u64, DriverError> {
        Err(DriverError::new(
            format!("asking for the table {table}"),
            "it is no database",
        ))
    }

    /// A file by its path, or an object by its key; `None` where there is no such.
    async fn file(&self, path: &str) -> Result<Option<FileSeen>, DriverError> {
        Err(DriverError::new(
            format!("reading {path}"),
            "it has no files",
        ))
    }

    /// The whole store as it is now; `None` for what has nothing to fingerprint.
    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError>;

    /// What differs between two fingerprints; empty when they are equal.
    fn compare(&self, before: &Fingerprint, after: &Fingerprint) -> Vec<String>;

    /// Writes (or replaces) a canary straight into the store; `false` where it cannot hold one.
    async fn write_direct(&self, copy: &DirectCopy) -> Result<bool, DriverError>;

    /// All canaries that were written straight into the store, duplicates included.
    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError>;

    /// Whether a text stands anywhere in the store (rows of any table; names or bytes of files).
    async fn find_text(&self, text: &str) -> Result<bool, DriverError>;

    /// How many rows, files, objects or entries it holds, without what was written straight into
    /// it.
    async fn holds(&self) -> Result<u64, DriverError>;

    /// First column of every row of a query, as text.
    async fn sql(&self, query: &str) -> Result<Vec<String>, DriverError>;

    /// Runs a statement with text parameters at its `?` places; rows touched.
    async fn execute(&self, statement: &str, values: &[String]) -> Result<u64, DriverError>;
}
