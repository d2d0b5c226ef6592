//! The organisation and its people.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::answers::Refusal;
use super::{Application, worker};
use crate::platform::{DatabaseError, Platform, Row, Statement};
use crate::shared::rows::{first, params};
use crate::shared::text::{random_bytes, random_from};

/// Characters of API keys.
const KEY: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Upstream hashes with Argon2; bcrypt at this cost is what the workspace has, and nothing outside
/// sees the difference.
const BCRYPT_COST: u32 = 6;
const OWNER: i64 = 100;
const MEMBER: i64 = 400;

const COLUMNS: &str = "id, realm_id, delivery_email, full_name, password, api_key, role, is_active";

/// An account.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) realm: i64,
    pub(super) email: String,
    pub(super) full_name: String,
    pub(super) password: String,
    pub(super) api_key: String,
    role: i64,
    pub(super) active: bool,
}

impl User {
    fn of(row: &Row) -> Self {
        Self {
            id: row.integer(0),
            realm: row.integer(1),
            email: row.text(2),
            full_name: row.text(3),
            password: row.text(4),
            api_key: row.text(5),
            role: row.integer(6),
            active: row.integer(7) != 0,
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.role <= 200
    }

    pub(super) fn json(&self) -> Json {
        json!({
            "user_id": self.id, "email": self.email, "delivery_email": self.email,
            "full_name": self.full_name, "is_admin": self.is_admin(),
            "is_owner": self.role == OWNER, "role": self.role, "is_active": self.active,
            "is_bot": false,
        })
    }
}

/// The organisation at the root domain.
#[derive(Clone, Debug)]
pub(super) struct Realm {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) uuid: String,
}

impl Application {
    /// The organisation at the root domain, if there is one.
    pub(super) async fn realm(&self) -> Result<Realm, Refusal> {
        let row = first(
            self.database.as_ref(),
            "SELECT id, name, uuid FROM zerver_realm WHERE string_id = ''",
            params![],
        )
        .await?
        .ok_or_else(Refusal::no_realm)?;
        Ok(Realm {
            id: row.integer(0),
            name: row.text(1),
            uuid: row.text(2),
        })
    }

    pub(super) async fn user(&self, id: i64) -> Result<Option<User>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM zerver_userprofile WHERE id = ?");
        let row = first(self.database.as_ref(), &sql, params![id]).await?;
        Ok(row.as_ref().map(User::of))
    }

    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<User>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM zerver_userprofile WHERE delivery_email = ?");
        let row = first(self.database.as_ref(), &sql, params![email.to_lowercase()]).await?;
        Ok(row.as_ref().map(User::of))
    }

    pub(super) async fn users(&self) -> Result<Vec<User>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM zerver_userprofile ORDER BY id");
        let rows = self.database.query(&sql, params![]).await?;
        Ok(rows.iter().map(User::of).collect())
    }

    /// Registers somebody whom the provider vouches for, and has them greeted.
    pub(super) async fn register(
        &self,
        realm: i64,
        email: &str,
        full_name: &str,
    ) -> Result<User, Refusal> {
        // `!` is no hash of any password: there is none to log in with.
        let id = self
            .database
            .insert(
                "INSERT INTO zerver_userprofile (realm_id, delivery_email, full_name, password, \
                 api_key, role, is_active, date_joined) VALUES (?, ?, ?, '!', ?, ?, 1, ?)",
                params![
                    realm,
                    email.to_lowercase(),
                    full_name,
                    random_from(KEY, 32),
                    MEMBER,
                    self.clock.now_s()
                ],
            )
            .await?;
        worker::greet(self, id).await;
        self.user(id)
            .await?
            .ok_or_else(|| Refusal::internal("the new account is not there"))
    }
}

/// Whether a hash is of this password.
pub(super) async fn verify(password: &str, hash: &str) -> bool {
    let (password, hash) = (password.to_owned(), hash.to_owned());
    tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false))
        .await
        .unwrap_or(false)
}

/// What `manage.py create_realm` is given.
#[derive(Clone, Debug)]
pub struct NewRealm<'a> {
    /// Name of the organisation.
    pub name: &'a str,
    /// E-mail of its owner.
    pub email: &'a str,
    /// Name of its owner.
    pub full_name: &'a str,
    /// Password of its owner.
    pub password: &'a str,
}

/// `manage.py create_realm` with an empty subdomain, run in the container of a migrated server.
/// Whether it made one: an organisation that is there already is left alone.
///
/// # Errors
/// The words of the database or of the hasher.
pub async fn create_realm(platform: &Platform, new: &NewRealm<'_>) -> Result<bool, String> {
    let database = platform.database.as_ref();
    let known = first(
        database,
        "SELECT id FROM zerver_realm WHERE string_id = ''",
        params![],
    )
    .await
    .map_err(|error| error.to_string())?;
    if known.is_some() {
        return Ok(false);
    }
    let password = new.password.to_owned();
    let hash = tokio::task::spawn_blocking(move || bcrypt::hash(password, BCRYPT_COST))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let now = platform.clock.now_s();
    let uuid = URL_SAFE_NO_PAD.encode(random_bytes(16));
    let statement = |sql: &str, params| Statement {
        sql: sql.to_owned(),
        params,
    };
    // All or nothing: an organisation without its owner could not be made again.
    let made = database
        .transaction(vec![
            statement(
                "INSERT INTO zerver_realm (string_id, name, uuid, date_created) \
                 VALUES ('', ?, ?, ?)",
                params![new.name, uuid, now],
            ),
            statement(
                "INSERT INTO zerver_userprofile (realm_id, delivery_email, full_name, password, \
                 api_key, role, is_active, date_joined) \
                 SELECT id, ?, ?, ?, ?, ?, 1, ? FROM zerver_realm WHERE string_id = ''",
                params![
                    new.email.to_lowercase(),
                    new.full_name,
                    hash,
                    random_from(KEY, 32),
                    OWNER,
                    now
                ],
            ),
            statement(
                "INSERT INTO zerver_stream (realm_id, name) \
                 SELECT id, 'general' FROM zerver_realm WHERE string_id = ''",
                params![],
            ),
            statement(
                "INSERT INTO zerver_subscription (user_profile_id, stream_id) \
                 SELECT u.id, s.id FROM zerver_realm r \
                 JOIN zerver_userprofile u ON u.realm_id = r.id \
                 JOIN zerver_stream s ON s.realm_id = r.id WHERE r.string_id = ''",
                params![],
            ),
            statement(
                "INSERT INTO zerver_realmauditlog (realm_id, event_type, event_time) \
                 SELECT id, 'realm_created', ? FROM zerver_realm WHERE string_id = ''",
                params![now],
            ),
        ])
        .await;
    match made {
        Ok(()) => Ok(true),
        // Somebody else made it at the same time.
        Err(DatabaseError::Unique(_)) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
