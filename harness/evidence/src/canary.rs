//! What a canary is: a small piece of data with a name of its own, written through an application
//! or straight into a store, and verifiable from the ledger alone.

use serde::{Deserialize, Serialize};

/// Number of a canary within its run, from 0. Unique over all services and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CanaryId(pub u64);

/// Version of a canary's content: 0 when created, one more with each overwrite.
pub type Version = u32;

/// Where one half (or the whole) of a canary lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// What this part is to the application: `row`, `file`, `identity`, `account`.
    pub role: String,
    /// The store, by its name in the environment file.
    pub store: String,
}

/// What is known of a canary before anything is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanarySpec {
    /// Its number.
    pub id: CanaryId,
    /// Kind within its service, such as `page`, `page-with-attachment`, `user`, `mfa`.
    /// A canary written straight into a store has the kind `direct`.
    pub kind: String,
    /// The service it was written through; `None` for a direct one.
    pub service: Option<String>,
    /// One part, or two for a pair. The first part is the row, the second the file (or the account).
    pub parts: Vec<Part>,
    /// The secret without which the application cannot read it, by its name in the environment file.
    pub key: Option<String>,
}

impl CanarySpec {
    /// Whether it lives in two stores.
    #[must_use]
    pub fn is_pair(&self) -> bool {
        self.parts.len() == 2
    }
}
