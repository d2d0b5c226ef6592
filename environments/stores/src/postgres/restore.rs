//! Putting a recovery point back, by the runbooks.

use std::path::Path;
use std::time::Duration;

use phoenix_engine::environment::DriverError;
use tokio::time::Instant;

use super::backup::{BASE_BACKUP, CONTENTS, DUMP};
use super::catalogue::USER_SCHEMAS;
use super::session::{connect, text_rows};
use super::{ENGINE, Postgres};
use crate::runbook::{Block, Place};
use crate::server::{Input, Script};
use crate::sql::artefact::Description;

/// How long a server may take to replay the log of a base backup.
const REPLAY: Duration = Duration::from_secs(600);
/// How often it is asked whether it has.
const AGAIN: Duration = Duration::from_millis(200);

/// How many tables and sequences there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) tables: usize,
    pub(super) sequences: usize,
}

impl Postgres {
    pub(super) async fn put_back(&self, from: &Path) -> Result<u64, DriverError> {
        let (folder, database) = (from.to_owned(), self.server.database.clone());
        let point =
            tokio::task::spawn_blocking(move || Description::verified(&folder, ENGINE, &database))
                .await
                .map_err(|error| DriverError::new(self.doing("restoring"), error))??;
        let file = from.join(&point.file);
        match point.form.as_str() {
            DUMP => self.load(&file).await?,
            BASE_BACKUP => self.replace(&file).await?,
            other => {
                return Err(DriverError::new(
                    self.doing("restoring"),
                    format!("the recovery point is a '{other}', which nothing here can put back"),
                ));
            }
        }
        Ok(point.bytes)
    }

    /// Loads a dump into an empty database, all or nothing, and counts what has come.
    async fn load(&self, dump: &Path) -> Result<(), DriverError> {
        let failed = |why: String| DriverError::new(self.doing("restoring"), why);
        let there = self.contents().await?;
        if there.tables > 0 {
            return Err(failed(format!(
                "it is not empty, it has {} tables; a dump is put into a fresh database",
                there.tables
            )));
        }
        let block = self.restore.block("contents", Place::Server, true)?;
        let list = self
            .server
            .answer(
                &script(
                    &self.doing("reading the list of contents of a dump of"),
                    block,
                ),
                &self.variables(),
                Input::Head(dump, CONTENTS),
            )
            .await?;
        let database = list
            .lines()
            .find_map(|line| line.trim().strip_prefix(";     dbname: "));
        if database.is_some_and(|database| database != self.server.database) {
            return Err(failed(format!(
                "the dump is of the database '{}'",
                database.unwrap_or_default()
            )));
        }
        let block = self.restore.block("restore", Place::Server, true)?;
        let mut printed = Vec::new();
        self.server
            .run(
                &script(&self.doing("restoring"), block),
                &self.variables(),
                Input::File(dump),
                &mut printed,
            )
            .await?;
        let (listed, there) = (listed(&list), self.contents().await?);
        if listed != there {
            return Err(failed(format!(
                "the dump lists {} tables and {} sequences, {} and {} are there",
                listed.tables, listed.sequences, there.tables, there.sequences
            )));
        }
        Ok(())
    }

    /// Replaces the files of the server, and waits until it has replayed the log.
    async fn replace(&self, archive: &Path) -> Result<(), DriverError> {
        let doing = self.doing("putting a base backup back into the server of");
        let replace = self
            .snapshot_restore
            .block("replace", Place::Helper, true)?;
        let ready = self.snapshot_restore.block("ready", Place::Server, false)?;
        self.server.stop(&doing).await?;
        let mut printed = Vec::new();
        self.server
            .help(&script(&doing, replace), Input::File(archive), &mut printed)
            .await?;
        self.server.start(&doing).await?;
        let doing = self.doing("waiting for the server to recover with");
        let until = Instant::now() + REPLAY;
        loop {
            let asked = self
                .server
                .answer(&script(&doing, ready), &self.variables(), Input::Nothing)
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

    /// What is in the database now, without what extensions brought along.
    pub(super) async fn contents(&self) -> Result<Contents, DriverError> {
        let client = connect(&self.server).await?;
        let query = format!(
            "SELECT c.relkind IN ('r', 'p') FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't' AND {USER_SCHEMAS} \
             AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass \
                AND objid = c.oid AND deptype = 'e')"
        );
        let rows = text_rows(&client, &query)
            .await
            .map_err(|why| DriverError::new(self.doing("counting what is in"), why))?;
        let tables = rows
            .iter()
            .flatten()
            .flatten()
            .filter(|word| *word == "t")
            .count();
        Ok(Contents {
            tables,
            sequences: rows.len() - tables,
        })
    }
}

pub(super) fn script<'a>(doing: &'a str, block: &'a Block) -> Script<'a> {
    Script {
        doing,
        text: &block.script,
        user: "",
    }
}

/// Counts a dump's list: `215; 1259 16386 TABLE public users zulip`.
pub(super) fn listed(list: &str) -> Contents {
    let count = |kind: &str| {
        list.lines()
            .filter(|line| !line.starts_with(';'))
            .filter(|line| {
                let mut words = line.split(' ').skip(3);
                let (first, second) = (words.next(), words.next());
                first == Some(kind) && !matches!(second, Some("DATA" | "ATTACH" | "SET" | "OWNED"))
            })
            .count()
    };
    Contents {
        tables: count("TABLE"),
        sequences: count("SEQUENCE"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_a_list_are_counted_once() {
        let list = ";\n; Archive created\n215; 1259 16386 TABLE public users zulip\n\
                    3001; 0 16386 TABLE DATA public users zulip\n\
                    214; 1259 16385 SEQUENCE public users_id_seq zulip\n\
                    3002; 0 0 SEQUENCE OWNED BY public users_id_seq zulip\n\
                    3003; 0 0 SEQUENCE SET public users_id_seq zulip\n\
                    2999; 0 0 TABLE ATTACH public events_2026 zulip\n";
        assert_eq!(
            listed(list),
            Contents {
                tables: 1,
                sequences: 1
            }
        );
    }
}
