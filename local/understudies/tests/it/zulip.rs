//! Zulip's understudy against its contract (server 12.1, the docker-zulip image).
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod abuse;
mod accounts;
mod cache;
mod health;
mod login;
mod messages;
pub(crate) mod server;
mod start;
mod uploads;
mod worker;
