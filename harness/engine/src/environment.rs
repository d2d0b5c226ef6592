//! What the engine asks of an environment driver: vessels, secrets, services, recovery points and
//! direct access to stores. The driver acts; it never judges.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use phoenix_evidence::finding::Level;

use crate::application::AppContext;
use crate::foreign::ForeignPoint;
use crate::network::Network;
use crate::plan::{Fault, Unit};
use crate::stack::Automation;

/// Variable in the environment of every process that a run starts, with the run's id: what a killed
/// run left running is known by it, whatever it was called and whoever its parent is now.
pub const RUN_VARIABLE: &str = "PHOENIX_RUN";

/// Why a driver could not act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct DriverError {
    /// What was being done, with names.
    pub doing: String,
    /// What happened instead, and what to do about it where that is known.
    pub why: String,
}

impl DriverError {
    /// An error from anything that can be printed.
    pub fn new(doing: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self {
            doing: doing.into(),
            why: why.to_string(),
        }
    }
}

/// A vessel found in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vessel {
    /// The declared store it carries, or `None`: then it is a finding.
    pub store: Option<String>,
    /// What kind of vessel.
    pub kind: String,
    /// Where it is, relative to the environment.
    pub place: String,
    /// Its identity: new with each incarnation, and never that of its contents.
    pub identity: String,
}

/// A recovery point as the driver made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Id, sorting by age.
    pub id: String,
    /// Bytes.
    pub bytes: u64,
    /// Digest of the artefact.
    pub digest: String,
    /// Fingerprint of the store under the backup's own snapshot, when `Environment::backup` was
    /// asked for it.
    pub fingerprint: Option<Fingerprint>,
}

/// Where the stream that carries a store's writes away was cut.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamCut {
    /// The recovery point at its end.
    pub point: Point,
    /// Unix time in microseconds, by the harness's clock: every write that was acknowledged before
    /// it has certainly been carried.
    pub carried_until_us: i64,
}

/// Fingerprint of a whole store.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint {
    /// One digest over everything that it covers.
    pub digest: String,
    /// What it covers and what was left out, for people.
    pub covers: String,
    /// The driver's own form of it, for [`Environment::compare`].
    pub body: serde_json::Value,
}

/// A copy found in a store by a direct read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectCopy {
    /// The marker of the canary that it says it is.
    pub marker: String,
    /// Its text.
    pub text: String,
}

/// A recovery point that phoenix did not make, loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// What it says of itself, and what came of it: versions, tables, files.
    pub says: String,
}

/// A file of a store, or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSeen {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Its first bytes, at most [`FILE_START`] of them.
    pub start: Vec<u8>,
}

/// How much of a file is shown as it is.
pub const FILE_START: usize = 64 << 10;

/// What a driver tells about a started service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It listens.
    Listening,
    /// It never will: it exited or halts; the words of its log.
    Dead(String),
}

/// An environment: where a stack runs, and how it is destroyed and rebuilt.
///
/// Every destroying call acts on what this very value created, found by the run's own folder or
/// label; a name is never enough.
#[async_trait]
pub trait Environment: Send + Sync {
    /// Level of the evidence gathered here.
    fn level(&self) -> Level;

    /// How long a service that was just started here may take to be well; past it, what is seen of
    /// it is what it is.
    fn settles_within(&self) -> Duration;

    /// How long what lies behind a service that says it is healthy may take to answer. What still
    /// fails then is no boot any more: waiting on would only hide how soon it was known.
    fn serves_within(&self) -> Duration {
        self.settles_within()
    }

    /// Services that cannot run here, by name, and why: one without an image for the engine's
    /// architecture. The driver does without them; the cycle has to do so too.
    fn cannot_run(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Versions of engines and digests of images, by name.
    fn versions(&self) -> BTreeMap<String, String>;

    /// What the stack can reach beyond itself, as its allow-list has it; `None` where nothing keeps it
    /// from reaching more.
    fn egress(&self) -> Option<Vec<String>> {
        None
    }

    /// Brings everything up from nothing: vessels, secrets, services in order, and the
    /// configuration that production gets from code (clients at the provider, accounts for the
    /// harness).
    async fn build(&self) -> Result<(), DriverError>;

    /// All vessels that exist now, declared or not.
    async fn inventory(&self) -> Result<Vec<Vessel>, DriverError>;

    /// Vessels that no inventory shows because nobody made them: files that grew beside every volume.
    /// Looking may take long, so it is asked once in a cycle: before the first destroy, when the
    /// applications have written, or with the steady state where nothing is destroyed.
    async fn unseen(&self) -> Result<Vec<Vessel>, DriverError> {
        Ok(Vec::new())
    }

    /// Stops services and releases everything that they hold open.
    async fn stop(&self, services: &[String]) -> Result<(), DriverError>;

    /// Starts services, each once what it needs listens. Returns when each listens or is dead.
    async fn start(&self, services: &[String]) -> Result<BTreeMap<String, Started>, DriverError>;

    /// Destroys vessels, and with them what lives and dies with the instance (its automated
    /// backups, its secrets).
    async fn destroy(&self, stores: &[String]) -> Result<(), DriverError>;

    /// What still answers of the services and stores that were destroyed: a line each; empty when
    /// nothing does.
    async fn still_answering(&self, services: &[String]) -> Vec<String>;

    /// New, empty vessels; secrets come back or are made anew, by their policy.
    async fn rebuild(&self, stores: &[String]) -> Result<(), DriverError>;

    /// Makes a recovery point by the store's policy.
    async fn backup(&self, store: &str, label: Option<&str>) -> Result<Point, DriverError>;

    /// Ends the stream that carries every write of a store away: nothing that is written from now on
    /// is in its recovery point. `None` where no stream flows.
    async fn cut(&self, store: &str) -> Result<Option<StreamCut>, DriverError> {
        let _without = store;
        Ok(None)
    }

    /// Ids of the recovery points that exist now, oldest first.
    async fn points(&self, store: &str) -> Result<Vec<String>, DriverError>;

    /// The page that tells people how a store is restored, where its commands are the very ones that
    /// [`Environment::restore`] executes.
    fn runbook(&self, store: &str) -> Option<Runbook> {
        let _without = store;
        None
    }

    /// Puts a recovery point back into a fresh vessel; bytes copied.
    async fn restore(&self, store: &str, point: &str) -> Result<u64, DriverError>;

    /// Puts a recovery point that phoenix did not make into a fresh vessel. What the tools of the
    /// store complain about is an error, with their words; so is a point that is not whole, and one
    /// of which less has come than it lists.
    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        Err(DriverError::new(
            format!("restore {} from {}", point.store, point.shown),
            "this environment takes no recovery point that phoenix did not make",
        ))
    }

    /// The largest value of a column that has moments, in seconds since 1970; `None` where no row
    /// has one.
    async fn newest(
        &self,
        store: &str,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        let _asked = (table, column, unit);
        Err(DriverError::new(format!("ask {store}"), "it has no tables"))
    }

    /// How many rows a table has.
    async fn rows(&self, store: &str, table: &str) -> Result<u64, DriverError> {
        let _asked = table;
        Err(DriverError::new(format!("ask {store}"), "it has no tables"))
    }

    /// A file of a store by its path, or an object by its key; `None` where there is no such.
    async fn file(&self, store: &str, path: &str) -> Result<Option<FileSeen>, DriverError> {
        let _asked = path;
        Err(DriverError::new(
            format!("read from {store}"),
            "it has no files",
        ))
    }

    /// Fingerprint of a store as it is now. `None` for a store that has nothing to fingerprint
    /// (memory).
    async fn fingerprint(&self, store: &str) -> Result<Option<Fingerprint>, DriverError>;

    /// What differs between two fingerprints of a store; empty when they are equal.
    fn compare(&self, store: &str, before: &Fingerprint, after: &Fingerprint) -> Vec<String>;

    /// Writes (or replaces) a canary straight into a store. `false` where the store cannot hold
    /// one.
    async fn write_direct(&self, store: &str, copy: &DirectCopy) -> Result<bool, DriverError>;

    /// All canaries that were written straight into a store, duplicates included.
    async fn list_direct(&self, store: &str) -> Result<Vec<DirectCopy>, DriverError>;

    /// Whether a text stands anywhere in a store (rows of any table; names or bytes of files).
    async fn find_text(&self, store: &str, text: &str) -> Result<bool, DriverError>;

    /// How many rows, files, objects or entries a store holds, without what was written straight
    /// into it.
    async fn holds(&self, store: &str) -> Result<u64, DriverError>;

    /// First column of every row of a query, as text.
    async fn sql(&self, store: &str, query: &str) -> Result<Vec<String>, DriverError>;

    /// Keyed digest of each secret's value as it is now.
    async fn secrets(&self) -> BTreeMap<String, Option<String>>;

    /// Whether a store lets somebody in who shows the password that the stack is started with now; what
    /// it answered. `None` where no such secret opens a store, or nobody asked for a password.
    async fn lets_in(&self, secret: &str) -> Result<Option<(bool, String)>, DriverError> {
        let _unasked = secret;
        Ok(None)
    }

    /// What the engine needs to make an application's client. Fails while the stack is not built.
    async fn context(&self, service: &str) -> Result<AppContext, DriverError>;

    /// Names and trust of the stack.
    fn network(&self) -> Network;

    /// Arms or does a fault. The sentence says what was done; the engine looks for its bite.
    async fn inject(&self, fault: &Fault) -> Result<Injected, DriverError>;

    /// Faults that were armed earlier: whether each has bitten by now, and what shows it.
    async fn bitten(&self) -> Vec<(Fault, bool, String)>;

    /// Performs a manual step by its automation.
    async fn automate(&self, step: &str, by: &Automation) -> Result<String, DriverError>;

    /// What everything that runs, or has run and is still there, has printed: the last lines of each,
    /// without the value of any secret.
    async fn logs(&self) -> Vec<ProcessLog> {
        Vec::new()
    }

    /// Removes everything that the run made but its evidence. Safe to repeat.
    async fn reap(&self) -> Result<(), DriverError>;
}

/// A page for people whose commands a driver executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runbook {
    /// Its file, from the root of the project.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// What a process or container of the stack printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessLog {
    /// What it is called.
    pub name: String,
    /// Its last lines, oldest first.
    pub lines: Vec<String>,
}

/// What an injection did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// Seen to have bitten: `Some(false)` is a failure of the harness. `None` when the fault is
    /// armed and can be looked at only later, by [`Environment::bitten`].
    pub bitten: Option<bool>,
    /// What shows it.
    pub proof: String,
}
