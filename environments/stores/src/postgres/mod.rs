//! A PostgreSQL database on a real server.

mod backup;
mod catalogue;
mod direct;
mod fingerprint;
mod foreign;
mod plain;
mod restore;
mod screen;
mod session;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use phoenix_engine::environment::{DirectCopy, DriverError, Fingerprint, Loaded};
use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::plan::Unit;

pub use screen::Screening;

use crate::runbook::Runbook;
use crate::server::Server;
use crate::sql::body;
use crate::{Form, Store, Taken};

/// The page that a restore of a dump follows.
pub const RESTORE: &str = include_str!("../../../../local/runbooks/postgres-restore.md");
/// The page that a restore of a base backup follows.
pub const SNAPSHOT_RESTORE: &str =
    include_str!("../../../../local/runbooks/postgres-snapshot-restore.md");

/// What a description calls this kind of server.
const ENGINE: &str = "postgresql";

/// One database of a PostgreSQL server.
///
/// The role of the server must be a superuser: only one reads everything, row security included.
#[derive(Clone, Debug)]
pub struct Postgres {
    server: Server,
    restore: Runbook,
    snapshot_restore: Runbook,
}

impl Postgres {
    /// The database of a server, restored by the pages [`RESTORE`] and [`SNAPSHOT_RESTORE`].
    ///
    /// # Errors
    /// A page that cannot be followed.
    pub fn new(server: Server) -> Result<Self, DriverError> {
        Self::with_runbooks(server, RESTORE, SNAPSHOT_RESTORE)
    }

    /// The database of a server, restored by other pages.
    ///
    /// # Errors
    /// A page that cannot be followed.
    pub fn with_runbooks(
        server: Server,
        restore: &str,
        snapshot_restore: &str,
    ) -> Result<Self, DriverError> {
        Ok(Self {
            server,
            restore: Runbook::read(restore)?,
            snapshot_restore: Runbook::read(snapshot_restore)?,
        })
    }

    /// Whether a server lets in who comes as its user with its password, and what it answered.
    ///
    /// # Errors
    /// When it does not answer, or refuses for another reason than the password.
    pub async fn lets_in(server: &Server) -> Result<(bool, String), DriverError> {
        session::lets_in(server).await
    }

    /// The words of an error: what was being done to which database.
    fn doing(&self, what: &str) -> String {
        format!(
            "{what} the database '{}' in the container {}",
            self.server.database, self.server.container
        )
    }

    /// What the client tools read from their environment.
    fn variables(&self) -> [(&str, &str); 4] {
        [
            ("PGUSER", &self.server.user),
            ("PGDATABASE", &self.server.database),
            ("PGPASSWORD", &self.server.password),
            ("PGCONNECT_TIMEOUT", "10"),
        ]
    }
}

#[async_trait]
impl Store for Postgres {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        session::ready(&self.server, within).await
    }

    /// Logical: `pg_dump` in its custom format, under the snapshot that the fingerprint reads too;
    /// counters of sequences belong to no snapshot, so they are read from the dump. Physical: a
    /// base backup with the log that it needs, as a tar archive. Its contents are those of the
    /// moment at which it ended; the fingerprint is of the first snapshot after that, and says
    /// whether any transaction began in between. Counters of sequences that are used during a base
    /// backup can come back up to 32 further on, because the server logs them ahead.
    async fn backup(&self, form: Form, into: &Path) -> Result<Taken, DriverError> {
        match form {
            Form::Logical => self.dump(into).await,
            Form::Physical => self.base_backup(into).await,
        }
    }

    /// Follows the runbook of the recovery point's form. After a base backup was put back, the roles
    /// have the passwords of then.
    async fn restore(&self, from: &Path) -> Result<u64, DriverError> {
        self.put_back(from).await
    }

    /// Follows the same runbook, whatever database the dump is of.
    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        self.load_foreign(point).await
    }

    async fn newest(
        &self,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        self.newest_of(table, column, unit).await
    }

    async fn rows(&self, table: &str) -> Result<u64, DriverError> {
        self.rows_of(table).await
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError> {
        let snapshot = session::Snapshot::export(&self.server).await?;
        let body = fingerprint::of_snapshot(&self.server, &snapshot).await?;
        Ok(Some(body.fingerprint(fingerprint::LEFT_OUT)))
    }

    fn compare(&self, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        body::compare(before, after)
    }

    async fn write_direct(&self, copy: &DirectCopy) -> Result<bool, DriverError> {
        self.plant(copy).await.map(|()| true)
    }

    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError> {
        self.planted().await
    }

    async fn find_text(&self, text: &str) -> Result<bool, DriverError> {
        self.holds_text(text).await
    }

    async fn holds(&self) -> Result<u64, DriverError> {
        self.row_count().await
    }

    async fn sql(&self, query: &str) -> Result<Vec<String>, DriverError> {
        let client = session::connect(&self.server).await?;
        let failed = |why| DriverError::new(self.doing("asking"), why);
        // Names stand without a schema in what applications' clients ask for.
        session::text_rows(&client, "RESET search_path")
            .await
            .map_err(failed)?;
        let rows = session::text_rows(&client, query).await.map_err(failed)?;
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().next().flatten().unwrap_or_default())
            .collect())
    }

    async fn execute(&self, statement: &str, values: &[String]) -> Result<u64, DriverError> {
        self.run_statement(statement, values).await
    }
}
