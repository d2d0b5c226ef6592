//! BookStack's understudy against its contract (`linuxserver/bookstack`, v25).
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod access;
mod content;
pub(crate) mod dance;
mod keys;
mod start;
pub(crate) mod wiki;
