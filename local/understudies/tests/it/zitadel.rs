//! Zitadel's understudy against its contract (v4, Login V1).
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod authorize;
mod keys;
mod login;
pub(crate) mod server;
mod start;
mod tokens;
