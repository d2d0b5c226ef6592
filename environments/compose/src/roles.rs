//! Passwords of databases. A server asks for the one that its role was made with: at its first start,
//! or before the disaster, where a snapshot brought the role back.

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::Secret;
use phoenix_stores::mysql::Mysql;
use phoenix_stores::postgres::Postgres;
use phoenix_stores::server::Server;

use crate::driver::Compose;

impl Compose {
    /// Whether the database that a secret opens lets in who shows its value of now.
    pub(crate) async fn is_let_in(
        &self,
        secret: &str,
    ) -> Result<Option<(bool, String)>, DriverError> {
        let declared = self.stack.secret(secret);
        let Some(store) = declared.and_then(|secret| self.stack.store(secret.opens.as_deref()?))
        else {
            return Ok(None);
        };
        let value = self
            .live
            .lock()
            .await
            .secrets
            .get(secret)
            .map(str::to_owned);
        let Some(password) = value else {
            return Ok(None);
        };
        let reach = self.reach(store).await?;
        match store.engine.as_str() {
            "postgres" => {
                let server = reach.server(store, reach.postgres_user(), password);
                Postgres::lets_in(&server).await.map(Some)
            }
            "mysql" => {
                let user = match reach.of("MYSQL_USER") {
                    none if none.is_empty() => reach.of("MARIADB_USER"),
                    user => user,
                };
                let server = reach.server(store, user, password);
                Mysql::lets_in(&server).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A server as the harness comes into it: with the password of now, or with a former one where only
    /// that is known to the role. What the stack is locked out of has to be looked at all the more.
    pub(crate) async fn known_to(&self, store: &str, mut server: Server) -> Server {
        let secret = |secret: &&Secret| secret.opens.as_deref() == Some(store);
        let Some(secret) = self.stack.secrets.iter().find(secret) else {
            return server;
        };
        let former: Vec<String> = {
            let live = self.live.lock().await;
            live.secrets
                .former(&secret.name)
                .map(str::to_owned)
                .collect()
        };
        if former.is_empty() || !matches!(Postgres::lets_in(&server).await, Ok((false, _))) {
            return server;
        }
        for password in former {
            let mut other = server.clone();
            other.password = password;
            if matches!(Postgres::lets_in(&other).await, Ok((true, _))) {
                server = other;
                break;
            }
        }
        server
    }
}
