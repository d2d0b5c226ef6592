//! Putting a recovery point back, by the runbooks.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use phoenix_engine::environment::DriverError;
use tokio::time::Instant;

use super::backup::{COLD, DUMP, HOT};
use super::scan::Scan;
use super::session::{close, connect, text_rows};
use super::{ENGINE, Mysql};
use crate::runbook::{Block, Place};
use crate::server::{Input, Script};
use crate::sql::artefact::Description;

/// How long a server may take to come back with other files.
const RECOVERY: Duration = Duration::from_secs(600);
/// How often it is asked whether it has.
const AGAIN: Duration = Duration::from_millis(200);

impl Mysql {
    pub(super) async fn put_back(&self, from: &Path) -> Result<u64, DriverError> {
        let (folder, database) = (from.to_owned(), self.server.database.clone());
        let point =
            tokio::task::spawn_blocking(move || Description::verified(&folder, ENGINE, &database))
                .await
                .map_err(|error| DriverError::new(self.doing("restoring"), error))??;
        let file = from.join(&point.file);
        match point.form.as_str() {
            DUMP => self.load(&file).await?,
            HOT => self.replace("replace-by-copy", &file).await?,
            COLD => self.replace("replace-by-archive", &file).await?,
            other => {
                return Err(DriverError::new(
                    self.doing("restoring"),
                    format!("the recovery point is a '{other}', which nothing here can put back"),
                ));
            }
        }
        Ok(point.bytes)
    }

    /// Loads a dump into an empty database, and counts what has come.
    async fn load(&self, dump: &Path) -> Result<(), DriverError> {
        let failed = |why: String| DriverError::new(self.doing("restoring"), why);
        let there = self.tables().await?;
        if there > 0 {
            return Err(failed(format!(
                "it is not empty, it has {there} tables; a dump is put into a fresh database"
            )));
        }
        let path = dump.to_owned();
        let scan = tokio::task::spawn_blocking(move || scan(&path))
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(error.to_string()))?;
        if !scan.completed {
            return Err(failed(
                "the dump is not whole: its last line is not that it was completed".to_owned(),
            ));
        }
        if scan.database.as_ref() != Some(&self.server.database) {
            return Err(failed(format!(
                "the dump is of the database '{}'",
                scan.database.unwrap_or_default()
            )));
        }
        let tables = scan.tables.len() as u64;
        self.load_counted(&self.doing("restoring"), Input::File(dump), tables)
            .await
    }

    /// Loads a dump by the runbook, and counts the tables that came.
    pub(super) async fn load_counted(
        &self,
        doing: &str,
        dump: Input<'_>,
        tables: u64,
    ) -> Result<(), DriverError> {
        let block = self.restore.block("restore", Place::Server, true)?;
        let mut printed = Vec::new();
        self.server
            .run(&script(doing, block), &self.variables(), dump, &mut printed)
            .await?;
        let there = self.tables().await?;
        if there == tables {
            return Ok(());
        }
        let why = format!("the dump has {tables} tables, {there} are there");
        Err(DriverError::new(doing, why))
    }

    /// Replaces the files of the server, and waits until it answers.
    async fn replace(&self, step: &str, archive: &Path) -> Result<(), DriverError> {
        let doing = self.doing("putting the files of the server back for");
        let block = self.snapshot_restore.block(step, Place::Helper, true)?;
        self.server.stop(&doing).await?;
        let mut printed = Vec::new();
        self.server
            .help(&script(&doing, block), Input::File(archive), &mut printed)
            .await?;
        self.server.start(&doing).await?;
        self.wait_alive().await
    }

    /// Waits until the server answers at all, whatever passwords its accounts have.
    pub(super) async fn wait_alive(&self) -> Result<(), DriverError> {
        let block = self.snapshot_restore.block("ready", Place::Server, false)?;
        let doing = self.doing("waiting for the server to come back with");
        let until = Instant::now() + RECOVERY;
        loop {
            let asked = self
                .server
                .answer(&script(&doing, block), &self.variables(), Input::Nothing)
                .await;
            match asked {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= until => return Err(error),
                Err(error) => {
                    if !self.server.runs(&doing).await? {
                        let last = self.server.last_words().await;
                        return Err(DriverError::new(error.doing, format!("it ended: {last}")));
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    pub(super) async fn tables(&self) -> Result<u64, DriverError> {
        let mut connection = connect(&self.server).await?;
        let query = "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
                     AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')";
        let rows = text_rows(&mut connection, query)
            .await
            .map_err(|why| DriverError::new(self.doing("counting the tables of"), why))?;
        close(connection).await;
        Ok(rows
            .into_iter()
            .flatten()
            .filter_map(|count| count.parse::<u64>().ok())
            .sum())
    }
}

pub(super) fn script<'a>(doing: &'a str, block: &'a Block) -> Script<'a> {
    Script {
        doing,
        text: &block.script,
        user: "",
    }
}

fn scan(path: &Path) -> std::io::Result<Scan> {
    let mut file = std::fs::File::open(path)?;
    let mut scan = Scan::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(scan);
        }
        scan.take(&buffer[..read]);
    }
}
