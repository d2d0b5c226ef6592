//! Errors by whose they are: that decides the exit code.

use std::path::PathBuf;

use phoenix_language::Diagnostics;

/// Exit codes: 0 no news, 1 a finding, 2 a user's mistake, 3 cannot tell, 70 a defect of phoenix
/// or evidence that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file of the user is wrong.
    #[error("{0}")]
    Files(Diagnostics),
    /// An argument, or something that an argument names, is wrong.
    #[error("{0}")]
    Usage(String),
    /// The environment could not be had: nothing can be told of the stack.
    #[error("{0}")]
    Environment(String),
    /// Evidence could not be written, or a defect.
    #[error("{why}")]
    Internal {
        /// What happened.
        why: String,
        /// The journal of what was done so far.
        journal: Option<PathBuf>,
    },
}

impl From<Diagnostics> for Error {
    fn from(found: Diagnostics) -> Self {
        Self::Files(found)
    }
}

impl Error {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Files(_) | Self::Usage(_) => 2,
            Self::Environment(_) => 3,
            Self::Internal { .. } => 70,
        }
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::Files(found) => found.render(crate::progress::colour()),
            Self::Usage(why) | Self::Environment(why) => format!("error: {why}\n"),
            Self::Internal { why, journal } => {
                let where_ = journal.as_ref().map_or(String::new(), |path| {
                    format!("the journal of what was done is {}\n", path.display())
                });
                format!("error: {why}\n{where_}")
            }
        }
    }
}
