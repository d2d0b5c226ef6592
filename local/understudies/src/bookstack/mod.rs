//! BookStack (v25.02 to v25.07, the linuxserver image): wiki pages, attachments and images, login
//! by password or by OpenID Connect, a REST API by token, a second factor sealed with `APP_KEY`.
//!
//! # What needs the key, and what does not
//! `APP_KEY` seals cookies and `mfa_values.value`. Content, files, passwords, API tokens and
//! `external_auth_id` do not need it. So a changed key shows in two places only: a session from
//! before it is nobody's, and whoever enrolled a second factor is answered 500 at
//! `POST /mfa/totp/verify`, with the page (and the log) saying "The MAC is invalid."
//! Upstream shows that text on the page only with `APP_DEBUG`; the status is the same.
//!
//! # How a client enrols and verifies
//! The routes are upstream's, and work after either kind of login.
//!
//! 1. Log in as the person: by form (`AUTH_METHOD=standard`), or by the dance over
//!    `POST /oidc/login`. Keep the cookie jar.
//! 2. `GET /mfa/totp/generate`: 200; the page carries an `otpauth://totp/…?secret=S&issuer=…`
//!    address (HTML-escaped), S in base32, and a form with `_token`.
//! 3. `POST /mfa/totp/confirm` with `_token` and `code` (RFC 6238, SHA-1, six digits, 30 s, one
//!    step of drift either way): 302 to `/mfa/setup`, and `mfa_values` has the sealed secret.
//!    302 to `/mfa/totp/generate` is a wrong code.
//! 4. To verify, log in afresh with an empty jar: the login (form, or `/oidc/callback`) ends in
//!    302 to `/mfa/verify` instead of the home page. `GET` it for the `_token`, then
//!    `POST /mfa/totp/verify` with `_token` and `code`: 302 to the page that was wanted is
//!    success, and `/my-account/profile` then shows the email. 302 to `/mfa/verify` is a wrong
//!    code (the secret is not the one that was enrolled). 500 is a secret that cannot be unsealed.
//!
//! The server chooses the secret, so a client keeps it in its ledger. A code may be used again
//! within its 90 seconds, here as upstream.
//!
//! # How a client gets an API token
//! With `AUTH_METHOD=oidc` the default admin cannot log in, so a token is a row: `api_tokens
//! (name, token_id, secret, user_id, expires_at, created_at, updated_at)`, `secret` a bcrypt hash
//! with the prefix `$2y$`, `expires_at` a date in the future, `user_id` 1 for the default admin.
//! With `standard`, `POST /api-tokens/{user}/create` makes one and shows its secret once.
//!
//! # Where things lie under the mounted folder
//! `www/files` attachments; `www/uploads/images` images (`www/images` with `local_secure`);
//! `framework/` cache and sessions, which are the container's own and not data: when `HOSTNAME`
//! (the container's id) is another than at the last start, they are wiped, as by the image's
//! start script. A restart with the same or no `HOSTNAME` keeps them.

mod api;
mod boot;
mod configuration;
mod failure;
mod oidc;
mod passwords;
mod rows;
mod schema;
mod scratch;
mod sealing;
mod storage;
mod totp;
mod users;
mod web;

use std::sync::Arc;

use phoenix_evidence::words::error_chain;

use configuration::Configuration;
use failure::Failure;
use passwords::Verifier;
use scratch::Scratch;
use sealing::Key;
use storage::Storage;

use crate::platform::{BootError, Clock, Database, Log, Platform, Running};
use crate::shared::client::http_client;
use crate::shared::rate::RateLimit;
use crate::shared::server::serve;

/// Version that `GET /api/system` names.
const VERSION: &str = "v25.07";

/// A running BookStack.
struct Application {
    config: Configuration,
    database: Arc<dyn Database>,
    attachments: Storage,
    images: Storage,
    image_base: String,
    cache: Scratch,
    sessions: Scratch,
    verifier: Verifier,
    /// `None` where the platform imposes no limits.
    api_limit: Option<RateLimit>,
    platform: Platform,
    clock: Clock,
    log: Log,
}

impl Application {
    /// An address of this application: always below `APP_URL`, whatever host was asked.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.app_url)
    }

    /// Now, as rows have it.
    fn moment(&self) -> String {
        rows::moment(self.clock.now_s())
    }

    /// A client for one request's outgoing calls. PHP keeps no connection from one request to the
    /// next, so a name that moved is noticed at once.
    fn http(&self) -> Result<reqwest::Client, Failure> {
        http_client(&self.platform).map_err(|error| Failure::Exception(error_chain(&error)))
    }

    fn key(&self) -> Result<&Key, Failure> {
        self.config.key.as_ref().ok_or_else(|| {
            let words = "Unsupported cipher or incorrect key length. Supported ciphers are: \
                         aes-128-cbc, aes-256-cbc, aes-128-gcm, aes-256-gcm.";
            Failure::Exception(words.to_owned())
        })
    }
}

/// Starts it: waits for the database for up to 30 seconds, migrates, and only then listens. As in
/// the image, neither a database that stays away nor a migration that fails stops it.
///
/// # Errors
/// [`BootError::Halted`] without `APP_KEY`; [`BootError::Configuration`] for variables that
/// cannot be used, or a port that cannot be had.
pub async fn start(platform: Platform) -> Result<Running, BootError> {
    let log = Log::default();
    let app = Arc::new(boot::assemble(&platform, log.clone()).await?);
    // Logged, and gone on from.
    let _failed = boot::migrate(&app).await;
    serve(&platform, boot::router(app), log).await
}

/// Starts it as the solidnerd image does, whose start script ends at the first thing that fails.
///
/// # Errors
/// As [`start`], and [`BootError::GaveUp`] when the migration fails.
pub async fn start_or_give_up(platform: Platform) -> Result<Running, BootError> {
    let log = Log::default();
    let app = Arc::new(boot::assemble(&platform, log.clone()).await?);
    boot::migrate(&app).await.map_err(BootError::GaveUp)?;
    serve(&platform, boot::router(app), log).await
}

/// `artisan cache:clear`: forgets what was discovered of the identity provider.
///
/// # Errors
/// The words of what kept it from doing so.
pub async fn clear_cache(platform: &Platform) -> Result<(), String> {
    let config = Configuration::read(platform).map_err(|error| error.to_string())?;
    boot::cache(platform, &config)
        .clear()
        .await
        .map_err(|error| error.to_string())
}
