//! Zulip (server 12.1, the docker-zulip image): an organisation, channels, messages, uploads, an
//! API by key, login by generic OpenID Connect.
//!
//! # What is kept where
//! Rows in PostgreSQL; uploads below `/data/uploads` or in a bucket; generated secrets in
//! `/data/zulip-secrets.conf`, written where they are missing. Logins under way are in Redis,
//! messages that were read lately in memcached: a cache that outlives a restore serves contents that
//! the database no longer has. New accounts are greeted by a worker that RabbitMQ feeds.
//!
//! # What needs the secret key
//! Sessions and the short-lived addresses of uploads are signed with `SECRETS_secret_key`: with
//! another one everybody is logged out. Messages, accounts and API keys do not need it.
//!
//! # One health path, many answers
//! Before the application is up nginx answers 502. Then a Host that is not allowed is 400, headers
//! of a proxy that nobody trusts are 500, and a store that does not answer is 500 with its name.
//! An organisation is not asked for: `/health` is green where `/` is 404.
//!
//! # Accounts
//! A login is matched by e-mail, never by the provider's subject: a rebuilt provider still lets
//! people in.

mod answers;
mod api;
mod boot;
mod caller;
mod configuration;
mod events;
mod guard;
mod health;
mod login;
mod messages;
mod realm;
mod schema;
mod sessions;
mod signing;
mod uploads;
mod worker;

use std::sync::Arc;

use configuration::Configuration;
use tokio_util::sync::DropGuard;

use crate::platform::{BootError, Clock, Database, Log, Platform, Running};
use crate::shared::rate::RateLimit;

pub use realm::{NewRealm, create_realm};

/// Version that `server_settings` names.
const VERSION: &str = "12.1";
/// Version of the API that it says it speaks.
const FEATURE_LEVEL: u32 = 400;

/// A running Zulip.
struct Application {
    config: Configuration,
    database: Arc<dyn Database>,
    uploads: uploads::Uploads,
    events: events::Queues,
    /// `None` where the platform imposes no limits, or the setting switches them off.
    limits: Option<Limits>,
    platform: Platform,
    clock: Clock,
    log: Log,
    /// Ends the worker when the server goes: one that outlived it would take its successor's work.
    _end: DropGuard,
}

/// How often one may ask.
struct Limits {
    /// Calls of the API, for each account.
    calls: RateLimit,
    /// Tries of a password, for each name; the right one starts the count anew.
    passwords: RateLimit,
}

/// Starts it: reads variables, listens at once (nginx does), and brings the application up behind
/// that: secrets, database, migrations, worker.
///
/// # Errors
/// [`BootError::Configuration`] for a missing or renamed variable, or a port that cannot be had.
pub async fn start(platform: Platform) -> Result<Running, BootError> {
    boot::start(platform).await
}
