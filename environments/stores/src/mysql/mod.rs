//! A database on a MySQL or MariaDB server.

mod backup;
mod catalogue;
mod direct;
mod fingerprint;
mod foreign;
mod restore;
mod scan;
mod session;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use phoenix_engine::environment::{DirectCopy, DriverError, Fingerprint, Loaded};
use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::plan::Unit;

use crate::runbook::Runbook;
use crate::server::Server;
use crate::sql::body;
use crate::{Form, Store, Taken};

/// The page that a restore of a dump follows.
pub const RESTORE: &str = include_str!("../../../../local/runbooks/mysql-restore.md");
/// The page that a restore of the server's files follows.
pub const SNAPSHOT_RESTORE: &str =
    include_str!("../../../../local/runbooks/mysql-snapshot-restore.md");

/// What a description calls this kind of server.
const ENGINE: &str = "mysql";

/// One database of a MySQL or MariaDB server.
///
/// The account of the server must have all privileges, those to lock all tables and to read all
/// grants among them.
#[derive(Clone, Debug)]
pub struct Mysql {
    server: Server,
    restore: Runbook,
    snapshot_restore: Runbook,
    cold: bool,
}

impl Mysql {
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
            cold: false,
        })
    }

    /// Physical recovery points with the server stopped, even where it has a tool to copy its files
    /// while it runs.
    #[must_use]
    pub fn cold(mut self) -> Self {
        self.cold = true;
        self
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

    /// What the scripts and the client tools read from their environment.
    fn variables(&self) -> [(&str, &str); 3] {
        [
            ("DB_USER", &self.server.user),
            ("DB_NAME", &self.server.database),
            ("MYSQL_PWD", &self.server.password),
        ]
    }
}

#[async_trait]
impl Store for Mysql {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        session::ready(&self.server, within).await
    }

    /// Logical: `mysqldump` in one transaction. A read lock over all tables is held until the tool
    /// and the sessions of the fingerprint have their snapshots, some milliseconds; counters belong
    /// to no snapshot, so they are read from the dump. Tables without transactions (MyISAM) are
    /// outside of every snapshot: under load they can differ.
    ///
    /// Physical: `mariadb-backup` where the server's image has it; its contents are those of the
    /// moment at which it ended, and the fingerprint is of the first moment after that, and says
    /// whether any row was written in between. Else a copy of the files of the server while it is
    /// stopped, which nothing can be written into.
    async fn backup(&self, form: Form, into: &Path) -> Result<Taken, DriverError> {
        match form {
            Form::Logical => self.dump(into).await,
            Form::Physical => self.copy_files(into).await,
        }
    }

    /// Follows the runbook of the recovery point's form. After the files of a server were put back,
    /// the accounts have the passwords of then.
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
        let mut moment = session::Moment::hold(&self.server).await?;
        moment.release().await?;
        let body = fingerprint::of_moment(&self.server, moment).await?;
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
        let mut connection = session::connect(&self.server).await?;
        let rows = session::text_rows(&mut connection, query)
            .await
            .map_err(|why| DriverError::new(self.doing("asking"), why))?;
        session::close(connection).await;
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().next().unwrap_or_default())
            .collect())
    }

    async fn execute(&self, statement: &str, values: &[String]) -> Result<u64, DriverError> {
        self.run_statement(statement, values).await
    }
}
