//! Recovery points of a PostgreSQL database.

use std::path::Path;

use phoenix_engine::environment::DriverError;

use super::catalogue::{COUNTER, counter};
use super::fingerprint::{LEFT_OUT, of_snapshot};
use super::session::{Snapshot, connect, text_rows};
use super::{ENGINE, Postgres};
use crate::Taken;
use crate::server::{Input, Script};
use crate::sql::artefact::{Description, Writer};

/// Forms of recovery points, as their descriptions say them.
pub(super) const DUMP: &str = "dump";
pub(super) const BASE_BACKUP: &str = "base backup";

/// The table of contents of a dump stands at its start; no schema comes near this many bytes.
pub(super) const CONTENTS: u64 = 64 << 20;

const PG_DUMP: &str =
    "exec pg_dump --format=custom --compress=1 --no-password --snapshot=\"$SNAPSHOT\"";

/// `fetch` puts the log that the copy needs at its end; a stream of it would need a second pipe.
const PG_BASEBACKUP: &str = "exec pg_basebackup --pgdata=- --format=tar --wal-method=fetch \
                             --checkpoint=fast --no-password --dbname=\"dbname=$PGDATABASE\"";

/// Prints the statements that set counters. The list of contents is cut down to them, so that no
/// row is needed.
const COUNTERS: &str = r#"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/dump"
pg_restore --list "$work/dump" > "$work/all"
grep ' SEQUENCE SET ' "$work/all" > "$work/counters" || exit 0
pg_restore --use-list="$work/counters" --file=- "$work/dump"
"#;

impl Postgres {
    pub(super) async fn dump(&self, into: &Path) -> Result<Taken, DriverError> {
        let doing = self.doing("dumping");
        let snapshot = Snapshot::export(&self.server).await?;
        let mut writer = Writer::create(into, "database.dump", None)?;
        let script = Script {
            doing: &doing,
            text: PG_DUMP,
            user: "",
        };
        let variables = [&self.variables()[..], &[("SNAPSHOT", snapshot.id())]].concat();
        let (dumped, body) = tokio::join!(
            self.server
                .run(&script, &variables, Input::Nothing, &mut writer),
            of_snapshot(&self.server, &snapshot),
        );
        dumped?;
        let mut body = body?;
        let version = self.version().await?;
        drop(snapshot);
        let file = writer.path().to_owned();
        let (bytes, blake3) = writer.finish()?;
        // Counters move outside of every snapshot: what was dumped is what the dump says.
        let script = Script {
            doing: &self.doing("reading counters from the dump of"),
            text: COUNTERS,
            user: "",
        };
        let statements = self
            .server
            .answer(&script, &self.variables(), Input::Head(&file, CONTENTS))
            .await?;
        for (name, value, taken) in statements.lines().filter_map(set_statement) {
            body.note(COUNTER, name, &counter(value, taken));
        }
        self.describe(into, DUMP, &file, version, bytes, blake3)?;
        Ok(Taken {
            fingerprint: Some(body.fingerprint(LEFT_OUT)),
        })
    }

    pub(super) async fn base_backup(&self, into: &Path) -> Result<Taken, DriverError> {
        let doing = self.doing("making a base backup of");
        let version = self.version().await?;
        let before = self.next_transaction().await?;
        let mut writer = Writer::create(into, "base.tar", None)?;
        let script = Script {
            doing: &doing,
            text: PG_BASEBACKUP,
            user: "",
        };
        self.server
            .run(&script, &self.variables(), Input::Nothing, &mut writer)
            .await?;
        let snapshot = Snapshot::export(&self.server).await?;
        let after = transaction_of(&snapshot)
            .await
            .map_err(|why| DriverError::new(&doing, why))?;
        let body = of_snapshot(&self.server, &snapshot).await?;
        let file = writer.path().to_owned();
        let (bytes, blake3) = writer.finish()?;
        self.describe(into, BASE_BACKUP, &file, version, bytes, blake3)?;
        let mut fingerprint = body.fingerprint(LEFT_OUT);
        fingerprint.covers.push_str(&match after.saturating_sub(before) {
            0 => "; nothing was written from the start of the base backup until this was read"
                .to_owned(),
            began => format!(
                "; read after the base backup had ended: {began} transactions began since its start, \
                 and some may be in one of the two only"
            ),
        });
        Ok(Taken {
            fingerprint: Some(fingerprint),
        })
    }

    fn describe(
        &self,
        into: &Path,
        form: &str,
        file: &Path,
        version: String,
        bytes: u64,
        blake3: String,
    ) -> Result<(), DriverError> {
        Description {
            engine: ENGINE.to_owned(),
            version,
            database: self.server.database.clone(),
            form: form.to_owned(),
            file: file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            bytes,
            blake3,
        }
        .write(into)
    }

    /// The server's version, as it says it.
    pub(super) async fn version(&self) -> Result<String, DriverError> {
        let client = connect(&self.server).await?;
        let rows = text_rows(&client, "SHOW server_version")
            .await
            .map_err(|why| DriverError::new(self.doing("asking the version of"), why))?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    async fn next_transaction(&self) -> Result<u64, DriverError> {
        let snapshot = Snapshot::export(&self.server).await?;
        transaction_of(&snapshot)
            .await
            .map_err(|why| DriverError::new(self.doing("asking for the last transaction of"), why))
    }
}

/// The first transaction that a snapshot has not seen begin.
async fn transaction_of(snapshot: &Snapshot) -> Result<u64, String> {
    let query = "SELECT pg_snapshot_xmax(pg_current_snapshot())";
    text_rows(snapshot.client(), query)
        .await?
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| "the server gave no number".to_owned())
}

/// Reads `SELECT pg_catalog.setval('public.a_id_seq', 12, true);`.
fn set_statement(line: &str) -> Option<(String, &str, bool)> {
    let rest = line.strip_prefix("SELECT pg_catalog.setval('")?;
    let (rest, taken) = rest.strip_suffix(");")?.rsplit_once(", ")?;
    let (name, value) = rest.rsplit_once("', ")?;
    Some((name.replace("''", "'"), value, taken == "true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_from_what_a_dump_sets() {
        assert_eq!(
            set_statement("SELECT pg_catalog.setval('public.\"O''Hara, x_seq\"', 12, false);"),
            Some(("public.\"O'Hara, x_seq\"".to_owned(), "12", false))
        );
        assert_eq!(
            set_statement("SELECT pg_catalog.set_config('search_path', '', false);"),
            None
        );
    }
}
