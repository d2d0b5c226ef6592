//! Mattermost's understudy against its contract (server 10.11, Team Edition).
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod api;
mod gitlab;
pub(crate) mod server;
mod start;
