//! The journal of a run, `run.jsonl` beside the folders of its cycles: what was asked for, and
//! whether it has ended. With it a run that was killed can be taken up again, and one that lacks
//! cycles is never mistaken for a run that had none.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Name of the file in the run's folder.
pub const FILE: &str = "run.jsonl";

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEvent {
    /// The first line, durable before anything is made.
    Started(Box<RunStarted>),
    /// Somebody took the run up again, after what it had left was removed.
    Resumed {
        /// Folders of the attempts that were broken off and are made anew.
        broken: Vec<String>,
        /// Folders of the cycles that had ended and are kept as they are.
        kept: Vec<String>,
    },
    /// The reports are written. The run is over, and nothing is added to it.
    Ended {
        /// Exit code of the process.
        exit: u8,
        /// Whether a person stopped it before all of its cycles.
        interrupted: bool,
    },
}

/// What a run was asked for: enough to ask for the same again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// The run.
    pub run: String,
    /// Version of phoenix: another one plans and judges in its own way.
    pub version: String,
    /// The folder that it was started in: paths of the arguments begin there.
    pub here: PathBuf,
    /// Seed of all cycles.
    pub seed: u64,
    /// Scenarios as they were given.
    pub scenarios: Vec<String>,
    /// Environment as it was given.
    pub env: String,
    /// Profile, when one was given.
    pub profile: Option<String>,
    /// Documents, when some were given instead of the environment's own.
    pub documents: Vec<PathBuf>,
    /// Whether the exit code follows the recovery too.
    pub require_recovery: bool,
    /// The cycles, in order.
    pub cycles: Vec<PlannedCycle>,
    /// Digests of the files that all of it was planned and is judged by: path and BLAKE3.
    pub files: Vec<(String, String)>,
}

/// A cycle of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCycle {
    /// Name of the folder of its first attempt.
    pub folder: String,
    /// The scenario.
    pub scenario: String,
    /// The profile.
    pub profile: String,
}
