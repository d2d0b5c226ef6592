//! Errors by whose they are: that decides the exit code.

use std::path::PathBuf;

use phoenix_language::Diagnostics;

/// Why a command ended without its result; the code that it exits with is [`Error::code`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file of the user is wrong.
    #[error("{0}")]
    Files(Diagnostics),
    /// An argument, or something that an argument names, is wrong.
    #[error("{what}")]
    Usage {
        /// What happened.
        what: String,
        /// What to do.
        help: String,
    },
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
    pub(crate) fn usage(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage {
            what: what.into(),
            help: help.into(),
        }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Files(_) | Self::Usage { .. } => 2,
            Self::Environment(_) => 3,
            Self::Internal { .. } => 70,
        }
    }

    /// What is said of it: what happened, and what to do.
    pub(crate) fn words(&self, colour: bool) -> String {
        let paint = |ink: &str, text: &str| {
            if colour {
                format!("\u{1b}[{ink}m{text}\u{1b}[0m")
            } else {
                text.to_owned()
            }
        };
        let (error, help) = (paint("1;31", "error"), paint("1", "help"));
        match self {
            Self::Files(found) => found.render(colour),
            Self::Usage { what, help: to_do } => {
                format!("{error}: {what}\n  = {help}: {to_do}\n")
            }
            Self::Environment(why) => format!(
                "{error}: the environment could not be had: {why}\n  = {help}: nothing can be told \
                 of the stack; nothing of it was burnt\n"
            ),
            Self::Internal { why, journal } => {
                let to_do = match journal {
                    Some(path) => format!(
                        "what was done so far is in {}; nothing is concluded from it",
                        path.display()
                    ),
                    None => "this is no answer about the stack or the document".to_owned(),
                };
                format!("{error}: {why}\n  = {help}: {to_do}\n")
            }
        }
    }
}
