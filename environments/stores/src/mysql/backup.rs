//! Recovery points of a MySQL database.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use phoenix_engine::environment::DriverError;
use tokio::sync::Notify;

use super::catalogue::{COUNTER, counter};
use super::fingerprint::{LEFT_OUT, of_moment};
use super::scan::Scan;
use super::session::{Moment, close, connect, text_rows};
use super::{ENGINE, Mysql};
use crate::Taken;
use crate::server::{Input, Script};
use crate::sql::artefact::{Description, Observer, Writer};

/// Forms of recovery points, as their descriptions say them.
pub(super) const DUMP: &str = "dump";
pub(super) const HOT: &str = "copy of the running server";
pub(super) const COLD: &str = "copy of the stopped server";

const MYSQLDUMP: &str = "exec mysqldump --user=\"$DB_USER\" --single-transaction --quick --routines \
                         --triggers --events --hex-blob --tz-utc --default-character-set=utf8mb4 \
                         --max-allowed-packet=1G \"$DB_NAME\"";

const HOT_COPY: &str = r#"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mariadb-backup --backup --stream=mbstream --user="$DB_USER" --target-dir="$work"
"#;

const COLD_COPY: &str = "exec tar --create --file=- --directory=/var/lib/mysql --numeric-owner .";

impl Mysql {
    pub(super) async fn dump(&self, into: &Path) -> Result<Taken, DriverError> {
        let doing = self.doing("dumping");
        let version = self.version().await?;
        let scan = Arc::new(Mutex::new(Scan::default()));
        let underway = Arc::new(Notify::new());
        let mut writer = Writer::create(into, "database.sql", Some(watch(&scan, &underway)))?;
        let mut moment = Moment::hold(&self.server).await?;
        let script = Script {
            doing: &doing,
            text: MYSQLDUMP,
            user: "",
        };
        let variables = self.variables();
        let dump = async {
            let done = self
                .server
                .run(&script, &variables, Input::Nothing, &mut writer)
                .await;
            // One that ends at once has no more to see either.
            underway.notify_one();
            done
        };
        let fingerprint = async {
            underway.notified().await;
            moment.release().await?;
            of_moment(&self.server, moment).await
        };
        let (dumped, body) = tokio::join!(dump, fingerprint);
        dumped?;
        let mut body = body?;
        let scan = std::mem::take(&mut *scan.lock().unwrap_or_else(PoisonError::into_inner));
        if !scan.completed {
            return Err(DriverError::new(
                doing,
                "the tool ended before the last line of the dump",
            ));
        }
        // Counters move outside of every snapshot: what was dumped is what the dump says.
        for (table, statement) in &scan.tables {
            if let Some(counter) = counter(statement) {
                body.note(COUNTER, table.clone(), &format!("at {counter}"));
            }
        }
        self.describe(into, DUMP, writer, version)?;
        Ok(Taken {
            fingerprint: Some(body.fingerprint(LEFT_OUT)),
        })
    }

    pub(super) async fn copy_files(&self, into: &Path) -> Result<Taken, DriverError> {
        let script = Script {
            doing: &self.doing("looking for a tool to copy the files of"),
            text: "command -v mariadb-backup || true",
            user: "",
        };
        let tool = self.server.answer(&script, &[], Input::Nothing).await?;
        if self.cold || tool.trim().is_empty() {
            self.cold_copy(into).await
        } else {
            self.hot_copy(into).await
        }
    }

    async fn hot_copy(&self, into: &Path) -> Result<Taken, DriverError> {
        let doing = self.doing("copying the files of the running server of");
        let version = self.version().await?;
        let before = self.rows_written().await?;
        let mut writer = Writer::create(into, "server.mbstream", None)?;
        let script = Script {
            doing: &doing,
            text: HOT_COPY,
            user: "",
        };
        self.server
            .run(&script, &self.variables(), Input::Nothing, &mut writer)
            .await?;
        let mut moment = Moment::hold(&self.server).await?;
        let after = self.rows_written().await?;
        moment.release().await?;
        let body = of_moment(&self.server, moment).await?;
        self.describe(into, HOT, writer, version)?;
        let mut fingerprint = body.fingerprint(LEFT_OUT);
        fingerprint.covers.push_str(&match after.saturating_sub(before) {
            0 => "; no row was written from the start of the copy until this was read".to_owned(),
            rows => format!(
                "; read after the copy had ended: {rows} rows were written since its start, and some \
                 may be in one of the two only"
            ),
        });
        Ok(Taken {
            fingerprint: Some(fingerprint),
        })
    }

    async fn cold_copy(&self, into: &Path) -> Result<Taken, DriverError> {
        let doing = self.doing("copying the files of the stopped server of");
        let version = self.version().await?;
        let mut writer = Writer::create(into, "server.tar", None)?;
        let mut moment = Moment::hold(&self.server).await?;
        // The lock lives until the server ends, so that nothing is written in between.
        let lock = moment.keep_lock();
        let body = of_moment(&self.server, moment).await?;
        self.server.stop(&doing).await?;
        drop(lock);
        let script = Script {
            doing: &doing,
            text: COLD_COPY,
            user: "",
        };
        let copied = self.server.help(&script, Input::Nothing, &mut writer).await;
        self.server.start(&doing).await?;
        copied?;
        self.wait_alive().await?;
        self.describe(into, COLD, writer, version)?;
        Ok(Taken {
            fingerprint: Some(body.fingerprint(LEFT_OUT)),
        })
    }

    fn describe(
        &self,
        into: &Path,
        form: &str,
        writer: Writer<'_>,
        version: String,
    ) -> Result<(), DriverError> {
        let file = writer.path().to_owned();
        let (bytes, blake3) = writer.finish()?;
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
        self.number("SELECT version()").await
    }

    /// How many rows the server has written since it started.
    async fn rows_written(&self) -> Result<u64, DriverError> {
        let rows = "SELECT sum(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE \
                    VARIABLE_NAME IN ('HANDLER_WRITE', 'HANDLER_UPDATE', 'HANDLER_DELETE')";
        let sum = self.number(rows).await?;
        sum.split('.')
            .next()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| DriverError::new(self.doing("asking how much was written in"), sum))
    }

    async fn number(&self, query: &str) -> Result<String, DriverError> {
        let mut connection = connect(&self.server).await?;
        let rows = text_rows(&mut connection, query)
            .await
            .map_err(|why| DriverError::new(self.doing("asking the server of"), why))?;
        close(connection).await;
        Ok(rows.into_iter().flatten().next().unwrap_or_default())
    }
}

/// Reads a dump while it passes, and tells as soon as the tool has its snapshot.
fn watch(scan: &Arc<Mutex<Scan>>, underway: &Arc<Notify>) -> Observer<'static> {
    let (scan, underway) = (Arc::clone(scan), Arc::clone(underway));
    let mut told = false;
    Box::new(move |bytes| {
        let mut scan = scan.lock().unwrap_or_else(PoisonError::into_inner);
        scan.take(bytes);
        if scan.underway && !told {
            told = true;
            underway.notify_one();
        }
    })
}
