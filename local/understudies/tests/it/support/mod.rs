//! What the tests of all understudies stand on.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod machine;
pub(crate) mod provider;
pub(crate) mod tls;
