//! Passwords of databases. A server asks for the one that its role was made with: at its first start,
//! or before the disaster, where a snapshot brought the role back.

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::Store;
use phoenix_stores::mysql::Mysql;
use phoenix_stores::postgres::Postgres;

use crate::driver::Compose;
use crate::stores::Reach;

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

    /// The password by which the harness comes into a server of PostgreSQL, where it is not the one of
    /// now: a former one, where only that is known to the role. What the stack is locked out of has to
    /// be looked at all the more.
    pub(crate) async fn former_password(&self, store: &Store, reach: &Reach) -> Option<String> {
        let mut secrets = self.stack.secrets.iter();
        let secret = secrets.find(|secret| secret.opens.as_ref() == Some(&store.name))?;
        let former: Vec<String> = {
            let live = self.live.lock().await;
            let former = live.secrets.former(&secret.name);
            former.map(str::to_owned).collect()
        };
        if former.is_empty() {
            return None;
        }
        let takes = |password: String| async move {
            let server = reach.server(store, reach.postgres_user(), password);
            Postgres::lets_in(&server)
                .await
                .ok()
                .map(|(taken, _)| taken)
        };
        if takes(reach.of("POSTGRES_PASSWORD")).await != Some(false) {
            return None;
        }
        for password in former {
            if takes(password.clone()).await == Some(true) {
                return Some(password);
            }
        }
        None
    }
}
