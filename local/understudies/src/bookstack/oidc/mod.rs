//! Logging in through the identity provider: upstream `app/Access/Oidc`.

pub(super) mod claims;
pub(super) mod flow;
pub(super) mod settings;

use super::failure::Failure;

/// How a login ends early.
#[derive(Debug)]
pub(super) enum OidcError {
    /// Back to the login page, where this is shown.
    Told(String),
    /// An exception that upstream does not catch: 500.
    Uncaught(Failure),
}

impl<E: Into<Failure>> From<E> for OidcError {
    fn from(failure: E) -> Self {
        Self::Uncaught(failure.into())
    }
}

/// An uncaught exception with these words.
fn uncaught(words: impl Into<String>) -> OidcError {
    OidcError::Uncaught(Failure::Exception(words.into()))
}
