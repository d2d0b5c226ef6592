//! Passwords of databases: made when a server first starts, carried by its snapshots, asked for at
//! every connection.

use async_trait::async_trait;
use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Policy, Secret, Store, StoreKind};
use phoenix_understudies::platform::{Database, DatabaseError, Engine, Row, Statement, Value};

use crate::driver::Embedded;
use crate::store::role;

/// A database whose role has another password than the one that is shown.
pub(crate) struct ShutOut;

impl ShutOut {
    const WORDS: &'static str = "password authentication failed";

    fn refuses<T>() -> Result<T, DatabaseError> {
        Err(DatabaseError::Unavailable(Self::WORDS.to_owned()))
    }
}

#[async_trait]
impl Database for ShutOut {
    async fn execute(&self, _sql: &str, _params: Vec<Value>) -> Result<u64, DatabaseError> {
        Self::refuses()
    }

    async fn insert(&self, _sql: &str, _params: Vec<Value>) -> Result<i64, DatabaseError> {
        Self::refuses()
    }

    async fn query(&self, _sql: &str, _params: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        Self::refuses()
    }

    async fn transaction(&self, _statements: Vec<Statement>) -> Result<(), DatabaseError> {
        Self::refuses()
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        Self::refuses()
    }

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }
}

impl Embedded {
    /// The secret that opens a database, where one is declared.
    fn password_of(&self, store: &str) -> Option<&Secret> {
        let mut secrets = self.stack.secrets.iter();
        secrets.find(|secret| secret.opens.as_deref() == Some(store))
    }

    /// What servers do at their first start: a role with the password that they are given.
    pub(crate) async fn make_roles(&self, built: &[&str]) -> Result<(), DriverError> {
        let live = self.live.lock().await;
        for name in built {
            let store = self.store(name)?;
            let secret = self
                .password_of(name)
                .and_then(|secret| live.secrets.get(&secret.name));
            let (Some(password), StoreKind::Database) = (secret, store.kind) else {
                continue;
            };
            let path = self.path(store);
            let made = role::of(&path).and_then(|known| match known {
                Some(_) => Ok(()),
                None => role::make(&path, role::known_by(password)),
            });
            made.map_err(|why| DriverError::new(format!("make the role of {name}"), why))?;
        }
        Ok(())
    }

    /// Restores by `act`, and leaves the role as it has to be: a dump of a database holds no roles, so
    /// that the server's own stays; a snapshot holds the server with all of them.
    pub(crate) fn under_its_role<T>(
        &self,
        store: &Store,
        act: impl FnOnce() -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        let dumped = store.kind == StoreKind::Database
            && self.password_of(&store.name).is_some()
            && !matches!(store.policy, Policy::Snapshot { .. });
        if !dumped {
            return act();
        }
        let path = self.path(store);
        let own = role::of(&path).map_err(std::io::Error::other)?;
        let done = act()?;
        if let Some(known) = own {
            role::make(&path, known).map_err(std::io::Error::other)?;
        }
        Ok(done)
    }

    /// Whether a database lets in who shows a password; `None` where it never had a role.
    pub(crate) fn takes(&self, store: &Store, password: &str) -> Result<bool, DriverError> {
        let known = role::of(&self.path(store))
            .map_err(|why| DriverError::new(format!("connect to {}", store.name), why))?;
        Ok(known.is_none_or(|known| known == role::known_by(password)))
    }

    /// Whether the database of a store lets in who shows the password of now.
    pub(crate) async fn is_let_in(
        &self,
        secret: &str,
    ) -> Result<Option<(bool, String)>, DriverError> {
        let declared = self.stack.secret(secret);
        let Some(store) = declared.and_then(|secret| secret.opens.as_deref()) else {
            return Ok(None);
        };
        let live = self.live.lock().await;
        let Some(password) = live.secrets.get(secret) else {
            return Ok(None);
        };
        let taken = self.takes(self.store(store)?, password)?;
        let words = if taken { "let in" } else { ShutOut::WORDS };
        Ok(Some((taken, words.to_owned())))
    }

    /// Whether a service whose password opens this database is shut out of it.
    pub(crate) fn shuts_out(
        &self,
        store: &Store,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<bool, DriverError> {
        let Some(password) = self
            .password_of(&store.name)
            .and_then(|one| value(&one.name))
        else {
            return Ok(false);
        };
        Ok(!self.takes(store, &password)?)
    }
}
