//! Accounts: rows of `users`, their sessions and tokens.

use serde_json::{Value as Json, json};

use super::failure::Failure;
use super::{Application, ids};
use crate::platform::{DatabaseError, Row, Value};
use crate::shared::rows::{first, number, params};

/// How long a session lasts, in milliseconds: 30 days.
const SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// What upstream hashes passwords with, one step cheaper than its default of 10: nobody attacks an
/// understudy, and every run logs in.
const BCRYPT_COST: u32 = 6;

const COLUMNS: &str =
    "id, createat, username, password, authdata, authservice, email, nickname, roles, deleteat";

/// An account.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) auth_service: String,
    pub(super) email: String,
    pub(super) roles: String,
    auth_data: String,
    nickname: String,
    created_ms: i64,
    deleted_ms: i64,
}

impl User {
    fn of(row: &Row) -> Self {
        Self {
            id: row.text(0),
            created_ms: row.integer(1),
            username: row.text(2),
            password: row.text(3),
            auth_data: row.text(4),
            auth_service: row.text(5),
            email: row.text(6),
            nickname: row.text(7),
            roles: row.text(8),
            deleted_ms: row.integer(9),
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.roles.split(' ').any(|role| role == "system_admin")
    }

    pub(super) fn json(&self) -> Json {
        json!({
            "id": self.id, "create_at": self.created_ms, "delete_at": self.deleted_ms,
            "username": self.username, "auth_data": self.auth_data,
            "auth_service": self.auth_service, "email": self.email, "email_verified": true,
            "nickname": self.nickname, "first_name": "", "last_name": "", "roles": self.roles,
        })
    }
}

/// A new account.
pub(super) struct NewUser<'a> {
    pub(super) username: &'a str,
    pub(super) email: &'a str,
    pub(super) nickname: &'a str,
    /// Bcrypt hash; empty for an account of a provider.
    pub(super) password: &'a str,
    /// Service and id there, for an account of a provider.
    pub(super) auth: Option<(&'a str, &'a str)>,
}

impl Application {
    async fn user_where(&self, what: &str, value: Value) -> Result<Option<User>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE {what} = ?");
        let row = first(self.database.as_ref(), &sql, vec![value]).await?;
        Ok(row.as_ref().map(User::of))
    }

    pub(super) async fn user(&self, id: &str) -> Result<Option<User>, DatabaseError> {
        self.user_where("id", id.into()).await
    }

    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        self.user_where("email", email.to_lowercase().into()).await
    }

    pub(super) async fn user_by_name(&self, name: &str) -> Result<Option<User>, DatabaseError> {
        self.user_where("username", name.to_lowercase().into())
            .await
    }

    /// By service and the id that the service gives: nothing else is asked.
    pub(super) async fn user_by_auth(
        &self,
        service: &str,
        data: &str,
    ) -> Result<Option<User>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE authservice = ? AND authdata = ?");
        let row = first(self.database.as_ref(), &sql, params![service, data]).await?;
        Ok(row.as_ref().map(User::of))
    }

    pub(super) async fn users(&self) -> Result<Vec<User>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM users ORDER BY username");
        let rows = self.database.query(&sql, params![]).await?;
        Ok(rows.iter().map(User::of).collect())
    }

    pub(super) async fn count_users(&self) -> Result<i64, DatabaseError> {
        number(
            self.database.as_ref(),
            "SELECT COUNT(*) FROM users",
            params![],
        )
        .await
    }

    /// Makes an account; the very first of a database is its administrator.
    pub(super) async fn create_user(&self, new: &NewUser<'_>) -> Result<User, Failure> {
        let roles = if self.count_users().await? == 0 {
            "system_admin system_user"
        } else {
            "system_user"
        };
        let now = self.clock.now_ms();
        let (service, data) = match new.auth {
            Some((service, data)) => (service, Value::from(data)),
            None => ("", Value::Null),
        };
        let id = ids::id();
        let made = self
            .database
            .execute(
                "INSERT INTO users (id, createat, updateat, deleteat, username, password, \
                 authdata, authservice, email, nickname, roles, mfaactive, mfasecret) \
                 VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, 0, '')",
                vec![
                    id.as_str().into(),
                    now.into(),
                    now.into(),
                    new.username.to_lowercase().into(),
                    new.password.into(),
                    data,
                    service.into(),
                    new.email.to_lowercase().into(),
                    new.nickname.into(),
                    roles.into(),
                ],
            )
            .await;
        match made {
            Ok(_) => {}
            Err(DatabaseError::Unique(what)) if what.contains("email") => {
                return Err(Failure::bad(
                    "app.user.save.email_exists.app_error",
                    "An account with that email already exists.",
                ));
            }
            Err(DatabaseError::Unique(_)) => {
                return Err(Failure::bad(
                    "app.user.save.username_exists.app_error",
                    "An account with that username already exists.",
                ));
            }
            Err(error) => return Err(error.into()),
        }
        self.user(&id)
            .await?
            .ok_or_else(|| Failure::internal("app.user.get.app_error", "the new user is not there"))
    }

    /// Opens a session; its token.
    pub(super) async fn open_session(&self, user: &User) -> Result<String, DatabaseError> {
        let token = ids::id();
        let now = self.clock.now_ms();
        self.database
            .execute(
                "INSERT INTO sessions (id, token, createat, expiresat, userid) \
                 VALUES (?, ?, ?, ?, ?)",
                params![
                    ids::id(),
                    token.as_str(),
                    now,
                    now + SESSION_MS,
                    user.id.as_str()
                ],
            )
            .await?;
        Ok(token)
    }

    /// Whose session or personal token this is.
    pub(super) async fn user_of_token(&self, token: &str) -> Result<Option<User>, DatabaseError> {
        let database = self.database.as_ref();
        let session = first(
            database,
            "SELECT userid FROM sessions WHERE token = ? AND expiresat > ?",
            params![token, self.clock.now_ms()],
        )
        .await?;
        let row = match session {
            Some(row) => Some(row),
            None if self.config.user_access_tokens => {
                first(
                    database,
                    "SELECT userid FROM useraccesstokens WHERE token = ? AND isactive = 1",
                    params![token],
                )
                .await?
            }
            None => None,
        };
        match row {
            Some(row) => self.user(&row.text(0)).await,
            None => Ok(None),
        }
    }
}

/// Hashes a password, off the async threads.
pub(super) async fn hash(password: &str) -> Result<String, Failure> {
    let password = password.to_owned();
    let failed = |error: String| Failure::internal("app.user.password.app_error", error);
    tokio::task::spawn_blocking(move || bcrypt::hash(password, BCRYPT_COST))
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))
}

/// Whether a hash is of this password.
pub(super) async fn verify(password: &str, hash: &str) -> bool {
    let (password, hash) = (password.to_owned(), hash.to_owned());
    tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false))
        .await
        .unwrap_or(false)
}
