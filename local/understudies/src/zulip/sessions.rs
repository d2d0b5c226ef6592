//! Sessions: a random key in a cookie, the account in a row, signed with the secret key. The same
//! cookie names a login under way, which is nobody's session yet.

use axum::http::HeaderMap;

use super::answers::Refusal;
use super::realm::User;
use super::{Application, signing};
use crate::shared::rows::{first, params};
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::token;

const SALT: &str = "django.contrib.sessions";
/// How long a session lasts, in seconds: two weeks.
const SESSION_S: i64 = 14 * 24 * 60 * 60;

impl Application {
    /// Name of the session's cookie.
    pub(super) fn session_cookie(&self) -> &'static str {
        if self.config.https {
            "__Host-sessionid"
        } else {
            "sessionid"
        }
    }

    /// A cookie with the session of an account.
    pub(super) async fn open_session(&self, user: i64) -> Result<String, Refusal> {
        let key = token(24);
        let data = signing::sign(&self.config.secret_key, SALT, &user.to_string());
        self.database
            .execute(
                "INSERT INTO django_session (session_key, session_data, expire_date) \
                 VALUES (?, ?, ?)",
                params![key.as_str(), data, self.clock.now_s() + SESSION_S],
            )
            .await?;
        Ok(set_cookie(self.session_cookie(), &key, self.config.https))
    }

    /// Whose session the cookie is; nobody's when another secret key signed it.
    pub(super) async fn visitor(&self, headers: &HeaderMap) -> Result<Option<User>, Refusal> {
        let Some(key) = cookie(headers, self.session_cookie()) else {
            return Ok(None);
        };
        let row = first(
            self.database.as_ref(),
            "SELECT session_data FROM django_session WHERE session_key = ? AND expire_date > ?",
            params![key, self.clock.now_s()],
        )
        .await?;
        let user = row
            .and_then(|row| signing::unsign(&self.config.secret_key, SALT, &row.text(0)))
            .and_then(|user| user.parse::<i64>().ok());
        match user {
            Some(user) => Ok(self.user(user).await?.filter(|user| user.active)),
            None => Ok(None),
        }
    }
}
