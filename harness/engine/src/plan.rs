//! The plan: what a scenario means for one stack under one profile, step by step, with every
//! destructive act named before anything happens.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_evidence::journal::event::PlannedStep;

use crate::foreign::ForeignPoint;

/// A plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the scenario, matrix values included.
    pub scenario: String,
    /// Steps; each runs when all that it needs have ended.
    pub steps: Vec<Step>,
    /// What the scenario expects.
    pub expect: Vec<Expect>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Number and kind: `05-destroy`.
    pub id: String,
    /// The name that the scenario gives it.
    pub name: Option<String>,
    /// What it does, in one sentence.
    pub title: String,
    /// Ids of steps that must have ended.
    pub needs: Vec<String>,
    /// The act.
    pub act: Act,
    /// Part of `finally:`: runs whatever happened before.
    pub cleanup: bool,
}

/// An act.
#[derive(Clone, Debug)]
pub enum Act {
    /// Bring the stack up from nothing.
    Build,
    /// Check that the stack is well, and that every vessel found is declared.
    SteadyState,
    /// Write canaries.
    Seed(Seed),
    /// Go on writing for a while.
    Write {
        /// For how long.
        lasting: Duration,
        /// Writers at once.
        writers: usize,
    },
    /// Make recovery points.
    Backup {
        /// Of these stores.
        stores: Vec<String>,
        /// A label by which a restore may choose it.
        label: Option<String>,
    },
    /// Destroy, and prove it.
    Destroy {
        /// These stores.
        stores: Vec<String>,
        /// These services.
        services: Vec<String>,
    },
    /// New vessels and secrets.
    Rebuild {
        /// These stores.
        stores: Vec<String>,
    },
    /// Put recovery points back.
    Restore {
        /// These stores, in this order (stores that do not depend on each other go together).
        stores: Vec<String>,
        /// Which recovery point.
        point: PointChoice,
    },
    /// Put recovery points back that phoenix did not make.
    RestoreForeign {
        /// The points, in the order of their stores.
        points: Vec<ForeignPoint>,
        /// A name by which a later step can compare with what came of it.
        label: Option<String>,
    },
    /// Look whether restored stores are what they are expected to be.
    Prove {
        /// What is expected, store by store.
        expected: Vec<(String, Vec<Evident>)>,
    },
    /// Start services, each after what it needs, and time each phase.
    Start {
        /// These services.
        services: Vec<String>,
    },
    /// Judge.
    Check {
        /// What.
        checks: Vec<Check>,
    },
    /// Break something.
    Inject(Fault),
    /// A step that a person does.
    Manual {
        /// Its name in the environment.
        step: String,
    },
    /// A command.
    Run(RunCommand),
    /// A request.
    Http(HttpRequest),
    /// A query.
    Sql {
        /// Where.
        store: String,
        /// What.
        query: String,
        /// The value that the first column of the first row must have.
        value: Option<String>,
        /// How many rows there must be.
        rows: Option<u64>,
        /// Name under which the value is kept.
        save: Option<String>,
    },
    /// Wait for something, with a deadline.
    WaitUntil {
        /// For what.
        until: Until,
        /// At most so long.
        within: Duration,
    },
}

/// How many canaries.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    /// Per service, through its API.
    pub canaries: u32,
    /// Per service, in two stores each.
    pub pairs: u32,
    /// Of the canaries, overwritten before the backup.
    pub overwritten: u32,
    /// Of the canaries, deleted before the backup.
    pub deleted: u32,
    /// Per service, readable with its key alone.
    pub encrypted: u32,
    /// Per store, straight into it.
    pub direct: u32,
    /// Only these services; all when empty.
    pub services: Vec<String>,
    /// Writers at once.
    pub writers: usize,
}

/// Which recovery point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PointChoice {
    /// The newest.
    Newest,
    /// The oldest still there.
    Oldest,
    /// One by the run's seed.
    Random,
    /// The one with this label.
    Label(String),
}

/// What can be seen of a store without a ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum Evident {
    /// The newest row of a table is no older than this.
    Newest {
        /// The table.
        table: String,
        /// The column that has a row's moment.
        column: String,
        /// What a column of numbers counts, from 1970 on.
        unit: Option<Unit>,
        /// At most so old.
        within: Duration,
        /// Against this moment; against the moment of the check where there is none.
        of: Option<jiff::Timestamp>,
    },
    /// A table has so many rows.
    Rows {
        /// The table.
        table: String,
        /// At least.
        at_least: u64,
        /// At most.
        at_most: Option<u64>,
    },
    /// A query gives this value in the first column of its only row.
    Value {
        /// The query.
        query: String,
        /// The value, byte for byte.
        value: String,
    },
    /// A file or an object is this one.
    File {
        /// Its path in the store, or its key.
        path: String,
        /// What it has to be.
        is: FileIs,
    },
    /// The whole store has the fingerprint that it had after another restore.
    SameAs(
        /// The label of that restore.
        String,
    ),
}

/// What a column of numbers counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

impl Unit {
    /// How many there are in a second.
    #[must_use]
    pub fn in_a_second(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Milliseconds => 1e3,
            Self::Microseconds => 1e6,
        }
    }
}

/// What a file has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileIs {
    /// One with this digest: SHA-256, in hexadecimal digits.
    Sha256(String),
    /// This text and nothing else.
    Text(String),
}

/// What a check step looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Health paths and the probes behind them.
    Health,
    /// Logins.
    Login,
    /// Canaries.
    Survival,
    /// Whole stores.
    Fingerprint,
    /// First durable write.
    Write,
    /// One more stop and start, after which everything is still there.
    Restart,
}

/// A fault.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// A secret gets a new value.
    RegenerateSecret(String),
    /// The newest recovery point of a store becomes empty.
    EmptyBackup(String),
    /// The newest recovery point of a store loses its second half.
    TruncateBackup(String),
    /// The restore takes a recovery point made before this run wrote anything.
    StaleBackup(String),
    /// The restore of a store reads another store's recovery point.
    WrongSource {
        /// The store that is restored.
        store: String,
        /// Whose recovery point it gets.
        from: String,
    },
    /// The restored rows or files are put in a second time.
    RestoreTwice(String),
    /// A table (or, without one, the largest of the application's) is missing after the restore.
    DropTable {
        /// The store.
        store: String,
        /// The table.
        table: Option<String>,
    },
    /// The destroy leaves the old vessel where it is.
    KeepVessel(String),
    /// A restored store is emptied under a healthy service.
    Wipe(String),
    /// Bytes of some canaries are changed.
    Corrupt(String),
    /// Some files or objects disappear, their rows stay.
    DropFiles(String),
    /// Some rows disappear, their files stay.
    DropRows(String),
    /// A service's clock is moved.
    ShiftClock {
        /// The service.
        service: String,
        /// By so many seconds; negative is back.
        by_s: i64,
    },
    /// The identity provider is built anew instead of restored.
    RebuildProvider(String),
    /// Counters are put back to where they began.
    ResetCounters(String),
    /// Data deleted before the backup is put back.
    Resurrect(String),
    /// All recovery points of a store disappear.
    DeletePoints(String),
    /// A service is stopped and stays so.
    Stop(String),
    /// A restored store is gone with the next stop of its services: nothing was mounted there.
    Volatile(String),
    /// A service shows a certificate of an authority that nobody trusts.
    Certificate(String),
}

impl Fault {
    /// A sentence for plan, journal and report.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::RegenerateSecret(name) => format!("regenerate the secret {name}"),
            Self::EmptyBackup(store) => format!("empty the backup of {store}"),
            Self::TruncateBackup(store) => format!("truncate the backup of {store}"),
            Self::StaleBackup(store) => format!("restore {store} from a stale backup"),
            Self::WrongSource { store, from } => {
                format!("restore {store} from the backup of {from}")
            }
            Self::RestoreTwice(store) => format!("restore {store} twice"),
            Self::DropTable { store, table } => match table {
                Some(table) => format!("lose the table {table} of {store}"),
                None => format!("lose a table of {store}"),
            },
            Self::KeepVessel(store) => format!("leave the old {store} mounted"),
            Self::Wipe(store) => format!("empty {store} under a healthy service"),
            Self::Corrupt(store) => format!("change bytes in {store}"),
            Self::DropFiles(store) => format!("lose files of {store} and keep their rows"),
            Self::DropRows(store) => format!("lose rows of {store} and keep their files"),
            Self::ShiftClock { service, by_s } => format!("move the clock of {service} by {by_s}s"),
            Self::RebuildProvider(service) => format!("build {service} anew instead of restoring"),
            Self::ResetCounters(store) => format!("put the counters of {store} back to the start"),
            Self::Resurrect(store) => format!("put deleted data back into {store}"),
            Self::DeletePoints(store) => format!("lose every recovery point of {store}"),
            Self::Stop(service) => format!("stop {service}"),
            Self::Volatile(store) => format!("lose {store} when its services stop again"),
            Self::Certificate(service) => format!("give {service} a stranger's certificate"),
        }
    }
}

/// A command.
#[derive(Clone, Debug)]
pub struct RunCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// At most so long.
    pub timeout: Duration,
    /// The exit status that is expected.
    pub exit: i32,
    /// Name under which its trimmed standard output is kept.
    pub save: Option<String>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// Method.
    pub method: String,
    /// URL, or a path when `service` is set.
    pub url: String,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// JSON body.
    pub json: Option<serde_json::Value>,
    /// Form body.
    pub form: BTreeMap<String, String>,
    /// Status that is expected.
    pub status: Option<u16>,
    /// JSON paths and the text that each must have.
    pub json_expect: BTreeMap<String, String>,
    /// Name → JSON path of what is kept.
    pub save: BTreeMap<String, String>,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub enum Until {
    /// A service's health path says healthy.
    Healthy(String),
    /// A request is answered as expected.
    Http(HttpRequest),
    /// A query gives a value.
    Sql {
        /// Where.
        store: String,
        /// What.
        query: String,
        /// The value.
        value: String,
    },
}

/// What a scenario expects.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The line, as written.
    pub text: String,
    /// What it means.
    pub what: Expected,
}

/// The meaning of a line of `expect:`.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// So many canaries with a verdict, at least and at most.
    Verdict {
        /// Verdict.
        verdict: String,
        /// In this store only.
        store: Option<String>,
        /// At least.
        at_least: u64,
        /// At most.
        at_most: Option<u64>,
    },
    /// The first answer.
    Recovery(String),
    /// The second answer.
    Agreement(String),
    /// A finding of this kind of check or failure on this subject.
    Finding {
        /// Name of the subject.
        subject: Option<String>,
        /// Kind of failure.
        kind: String,
    },
    /// A claim's status.
    Claim {
        /// Id or title.
        claim: String,
        /// Status.
        status: String,
    },
    /// Exit code.
    Exit(u8),
    /// A named diagnosis among the causes of findings.
    Diagnosis(String),
}

impl Plan {
    /// The plan as the journal and `phoenix plan` show it.
    #[must_use]
    pub fn shown(&self, destroys: impl Fn(&Step) -> Vec<String>) -> Vec<PlannedStep> {
        self.steps
            .iter()
            .map(|step| PlannedStep {
                id: step.id.clone(),
                title: step.title.clone(),
                needs: step.needs.clone(),
                destroys: destroys(step),
                cleanup: step.cleanup,
            })
            .collect()
    }
}
