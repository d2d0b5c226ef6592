//! Mattermost (server 10.11, Team Edition): teams, channels, posts and files, a REST API by session
//! or personal token, login through the GitLab adapter.
//!
//! # What is kept where
//! Rows in the database; bytes of files below the file storage (`MM_FILESETTINGS_DIRECTORY`);
//! generated keys in `config.json`, in a volume of its own. A config volume that is lost is
//! written again with new keys, and nothing says so: public links of files stop being valid, for
//! their hash is made with `FileSettings.PublicLinkSalt`.
//!
//! # What tells one instance from another
//! `systems.DiagnosticId`, shown by `GET /api/v4/config/client?format=old`. The health path is
//! green on an empty database too.
//!
//! # Accounts
//! A login is matched by `users.authservice` and `users.authdata`, the provider's numeric id, and
//! by nothing else: a number that a rebuilt provider gives to another person opens the first
//! person's account. A new number with a known e-mail is refused.

mod api;
mod caller;
mod configuration;
mod failure;
mod files;
mod gitlab;
mod ids;
mod schema;
mod users;

use std::sync::Arc;
use std::time::Duration;

use phoenix_evidence::words::error_chain;
use tokio::time::Instant;

use configuration::Configuration;
pub use configuration::{DataSource, data_source};
use failure::Failure;
use files::Files;

use crate::platform::{BootError, Clock, Database, Log, Platform, Running};
use crate::shared::client::http_client;
use crate::shared::rate::RateLimit;
use crate::shared::server::serve;

/// Version that headers name.
const VERSION: &str = "10.11.0";
/// How long the server asks for its database before it gives up.
const DATABASE_WAIT: Duration = Duration::from_secs(60);
const DATABASE_POLL: Duration = Duration::from_millis(200);
/// Requests a second that the limiter lets through, where it is on.
const REQUESTS_A_SECOND: usize = 10;
/// Requests beyond it that come at once.
const BURST: usize = 100;

/// A running Mattermost.
struct Application {
    config: Configuration,
    database: Arc<dyn Database>,
    files: Files,
    limit: Option<RateLimit>,
    platform: Platform,
    clock: Clock,
    log: Log,
}

impl Application {
    /// An address of this server: always below the site URL.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.site_url)
    }

    fn secure(&self) -> bool {
        self.config.site_url.starts_with("https://")
    }

    fn http(&self) -> Result<reqwest::Client, Failure> {
        http_client(&self.platform).map_err(|error| Failure::internal("http", error_chain(&error)))
    }
}

/// Starts it: reads variables, writes `config.json` where there is none, waits for the database for
/// a minute, migrates, and only then listens.
///
/// # Errors
/// [`BootError::Configuration`] for variables that cannot be used, or a port that cannot be had;
/// [`BootError::GaveUp`] when the database stays away or has a newer schema.
pub async fn start(platform: Platform) -> Result<Running, BootError> {
    let log = Log::default();
    let config = Configuration::read(&platform)?;
    let files = Files::new(&platform, &config);
    let deadline = Instant::now() + DATABASE_WAIT;
    while let Err(error) = platform.database.ping().await {
        log.line(format!("Failed to ping DB: {error}; retrying"));
        if Instant::now() >= deadline {
            return Err(BootError::GaveUp(format!(
                "Failed to ping DB, server will exit: {error}"
            )));
        }
        tokio::time::sleep(DATABASE_POLL).await;
    }
    schema::migrate(platform.database.as_ref(), &platform.clock, &log)
        .await
        .map_err(|error| {
            BootError::GaveUp(format!("Failed to apply database migrations: {error}"))
        })?;
    if let Err(error) = files.test().await {
        log.line(format!("Problem with file storage settings: {error}"));
    }
    let limit = (platform.behaviour.rate_limits && config.rate_limit)
        .then(|| RateLimit::new(REQUESTS_A_SECOND + BURST, Duration::from_secs(1)));
    let app = Arc::new(Application {
        database: Arc::clone(&platform.database),
        clock: platform.clock.clone(),
        config,
        files,
        limit,
        log: log.clone(),
        platform: platform.clone(),
    });
    serve(&platform, api::router(app), log).await
}
