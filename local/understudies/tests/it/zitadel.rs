//! Zitadel's understudy against its contract (v4, Login V1).
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

pub(crate) mod server;
