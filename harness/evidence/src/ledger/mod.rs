//! The ledger: what was asked of the stack and what it acknowledged, on a disk outside the blast
//! radius. An operation is in it as *invoked* before the request is sent, and as *acknowledged*
//! after the answer; both are durable before anybody goes on.

mod reader;
mod writer;

use serde::{Deserialize, Serialize};

use crate::canary::{CanaryId, CanarySpec, Version};

pub use reader::{LedgerFile, read};
pub use writer::{Ledger, Sink};

/// Schema of the file. Raised when a field is added that changes what older lines mean.
pub const SCHEMA: u32 = 1;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Version 0.
    Create,
    /// A newer version.
    Overwrite,
    /// No version any more.
    Delete,
}

/// How far an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// About to be sent.
    Invoked,
    /// The stack said yes.
    Acknowledged,
    /// The stack said no.
    Refused,
    /// Nobody knows.
    Indeterminate,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run: String,
    /// Nonce in every marker.
    pub nonce: String,
    /// Seed of every payload.
    pub seed: u64,
}

/// Any later line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// A canary that operations will name.
    Declared(CanarySpec),
    /// One phase of one operation.
    Op(OpLine),
}

/// One phase of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpLine {
    /// Sequence number, dense from 1 over the whole ledger.
    pub seq: u64,
    /// Unix time in microseconds, by the harness's clock.
    pub at_us: i64,
    /// The canary.
    pub canary: CanaryId,
    /// What was asked for.
    pub op: Op,
    /// Version that is written, or that is deleted.
    pub version: Version,
    /// How far it came.
    pub phase: Phase,
}

/// Why a ledger could not be written or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file could not be written; nothing after the last durable line may be relied on.
    #[error(
        "the ledger {path} cannot be written: {why} (free the disk or choose another --runs-dir)"
    )]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// The file could not be read.
    #[error("the ledger {path} cannot be read: {why}")]
    Read {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// A line in the middle is not a ledger line: somebody changed the file.
    #[error("{path}:{line}: not a ledger line: {why}")]
    Corrupt {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Written by a newer harness.
    #[error(
        "{path}: written with ledger schema {found}, this phoenix reads up to {SCHEMA}: use a newer phoenix"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: u32,
    },
}
