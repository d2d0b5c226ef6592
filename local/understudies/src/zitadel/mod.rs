//! Understudy of Zitadel, the v4 line (`ghcr.io/zitadel/zitadel`), with the bundled Login V1.
//!
//! Everything lives in one database. The master key wraps the rows of `system_encryption_keys` in
//! AES-CFB without authentication, as the original does: another master key unwraps rubbish and
//! says nothing. Health, discovery, key set and the password check go on as if nothing had
//! happened; tokens cannot be signed, and tokens handed out before are refused.
//!
//! What the operator adds to make the other applications' logins work is modelled as actions at
//! `POST /management/v1/actions` (`numericUserId`: a small numeric `id` in userinfo, which
//! Mattermost's GitLab adapter needs).
//!
//! Passwords and client secrets are bcrypt at cost 4, where the original takes 14 and 4.

mod api;
mod bootstrap;
mod configuration;
mod connect;
mod errors;
mod grants;
mod keys;
mod login;
mod oidc;
mod schema;
mod server;
mod tokens;
mod users;

use crate::platform::{BootError, Platform, Running};

/// Starts it: waits for the database, sets up what is missing, and listens last.
///
/// # Errors
/// When the configuration is wrong, or the database does not answer within
/// `ZITADEL_DATABASE_POSTGRES_AWAITINITIALCONN`.
pub async fn start(platform: Platform) -> Result<Running, BootError> {
    server::start(platform).await
}
