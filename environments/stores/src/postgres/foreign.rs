//! Dumps that phoenix did not make, and what can be asked of what came of them.

use std::path::Path;

use phoenix_engine::environment::{DriverError, Loaded};
use phoenix_engine::foreign::{self, ForeignPoint, Found, Kind};
use phoenix_engine::plan::Unit;
use tokio_postgres::Client;

use super::Postgres;
use super::plain::Plain;
use super::restore::{Contents, listed, script};
use super::session::{connect, text_rows};
use crate::foreign::{Types, goes_elsewhere, input, not_empty, not_whole, words_of};
use crate::runbook::Place;
use crate::server::Input;

const TYPES: Types<'_> = Types {
    moments: &["timestamp", "timestamptz", "date"],
    numbers: &["int2", "int4", "int8", "numeric", "float4", "float8"],
};

impl Postgres {
    /// Loads a dump into an empty database, all or nothing, and counts what has come.
    pub(super) async fn load_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let failed = |why: String| DriverError::new(self.doing(&from(point)), why);
        let found = self.looked_at(point).await?;
        let there = self.contents().await?;
        if there.tables > 0 {
            return Err(failed(not_empty(there.tables as u64)));
        }
        let (lists, rows, says) = match found.kind {
            Kind::PgCustom => self.load_custom(point).await?,
            _ => self.load_plain(point, found.packed).await?,
        };
        let there = self.contents().await?;
        if lists != there {
            return Err(failed(format!(
                "the dump lists {} tables and {} sequences, {} and {} are there",
                lists.tables, lists.sequences, there.tables, there.sequences
            )));
        }
        let came = self.row_count().await?;
        if came < rows {
            return Err(failed(format!(
                "the dump has {rows} rows, {came} are there"
            )));
        }
        Ok(Loaded {
            says: format!("{says}: {}", words_of(there.tables as u64, came)),
        })
    }

    async fn looked_at(&self, point: &ForeignPoint) -> Result<Found, DriverError> {
        let path = point.path.clone();
        let looked =
            tokio::task::spawn_blocking(move || foreign::admitted("postgres", &path)).await;
        looked
            .map_err(|why| why.to_string())
            .and_then(|looked| looked)
            .map_err(|why| DriverError::new(self.doing(&from(point)), why))
    }

    async fn load_custom(
        &self,
        point: &ForeignPoint,
    ) -> Result<(Contents, u64, String), DriverError> {
        let doing = self.doing(&from(point));
        let block = self.restore.block("contents", Place::Server, true)?;
        let head = Input::Head(&point.path, super::backup::CONTENTS);
        let reading = format!("{doing}: reading its list of contents");
        let list = self
            .server
            .answer(&script(&reading, block), &self.variables(), head)
            .await
            .map_err(helped)?;
        let of = |what: &str| {
            let line = list.lines().find_map(|line| line.strip_prefix(what));
            line.map(|said| said.trim().to_owned())
        };
        let server = of(";     Dumped from database version:");
        self.not_newer(&doing, server.as_deref()).await?;
        self.load_by("restore", &doing, Input::File(&point.path))
            .await?;
        let says = format!(
            "of the database '{}' on PostgreSQL {}, made {}",
            of(";     dbname:").unwrap_or_default(),
            server.unwrap_or_default(),
            of("; Archive created at").unwrap_or_default(),
        );
        Ok((listed(&list), 0, says))
    }

    async fn load_plain(
        &self,
        point: &ForeignPoint,
        packed: bool,
    ) -> Result<(Contents, u64, String), DriverError> {
        let doing = self.doing(&from(point));
        let failed = |why: String| DriverError::new(doing.as_str(), why);
        let path = point.path.clone();
        let plain = tokio::task::spawn_blocking(move || read(&path, packed))
            .await
            .map_err(|why| failed(why.to_string()))?
            .map_err(|why| failed(why.to_string()))?;
        if !plain.whole {
            return Err(failed(not_whole("is complete")));
        }
        if let Some(other) = plain.elsewhere {
            return Err(failed(goes_elsewhere(&other, "--create")));
        }
        self.not_newer(&doing, plain.server.as_deref()).await?;
        self.load_by("restore-sql", &doing, input(&point.path, packed))
            .await?;
        let lists = Contents {
            tables: plain.tables,
            sequences: plain.sequences,
        };
        let says = format!("of PostgreSQL {}", plain.server.unwrap_or_default());
        Ok((lists, plain.rows, says))
    }

    /// Loads a dump by a block of the runbook.
    async fn load_by(&self, block: &str, doing: &str, dump: Input<'_>) -> Result<(), DriverError> {
        let block = self.restore.block(block, Place::Server, true)?;
        let mut printed = Vec::new();
        self.server
            .run(&script(doing, block), &self.variables(), dump, &mut printed)
            .await
            .map_err(helped)
    }

    /// A dump of a newer server may say what this one does not know, and may load all the same.
    async fn not_newer(&self, doing: &str, dumped: Option<&str>) -> Result<(), DriverError> {
        let Some(dumped) = dumped.and_then(major) else {
            return Ok(());
        };
        let here = self.version().await?;
        match major(&here) {
            Some(own) if dumped > own => Err(DriverError::new(
                doing,
                format!(
                    "the dump is of PostgreSQL {dumped}, and the server here is {own}: restore it into \
                     the version that it is of, or a newer one"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The largest moment of a column, in seconds since 1970. What has no zone is read as UTC.
    pub(super) async fn newest_of(
        &self,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        let failed = |why: String| DriverError::new(self.doing("asking"), why);
        let client = connect(&self.server).await?;
        let name = self.table(&client, table).await?;
        let columns = format!(
            "SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = {}::regclass AND a.attnum > 0 AND NOT a.attisdropped",
            literal(&name)
        );
        let columns: Vec<(String, String)> = text_rows(&client, &columns)
            .await
            .map_err(failed)?
            .into_iter()
            .filter_map(|row| match &row[..] {
                [Some(name), Some(kind)] => Some((name.clone(), kind.clone())),
                _ => None,
            })
            .collect();
        let moments = TYPES.has_moments(table, column, &columns, unit);
        let max = format!("max({})", quoted(column));
        let seconds = if moments.map_err(failed)? {
            format!("extract(epoch from {max})")
        } else {
            max
        };
        let query = format!("SELECT ({seconds})::float8 FROM {name}");
        let rows = text_rows(&client, &query).await.map_err(failed)?;
        crate::foreign::moment(rows.into_iter().flatten().flatten().next().as_deref(), unit)
            .map_err(failed)
    }

    pub(super) async fn rows_of(&self, table: &str) -> Result<u64, DriverError> {
        let failed = |why: String| DriverError::new(self.doing("counting rows of"), why);
        let client = connect(&self.server).await?;
        let name = self.table(&client, table).await?;
        let query = format!("SELECT count(*) FROM {name}");
        let rows = text_rows(&client, &query).await.map_err(failed)?;
        let count = rows.into_iter().flatten().flatten().next();
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| failed("the server gave no number".to_owned()))
    }

    /// The name of a table as statements take it; `schema.table`, or a table of the usual schemas.
    async fn table(&self, client: &Client, table: &str) -> Result<String, DriverError> {
        let failed = |why: String| DriverError::new(self.doing("asking"), why);
        // Names stand without a schema in what applications' clients ask for.
        text_rows(client, "RESET search_path")
            .await
            .map_err(failed)?;
        let parts: Vec<String> = table.splitn(2, '.').map(quoted).collect();
        let name = parts.join(".");
        let query = format!("SELECT to_regclass({})", literal(&name));
        let rows = text_rows(client, &query).await.map_err(failed)?;
        if rows.into_iter().flatten().flatten().next().is_none() {
            return Err(failed(format!("there is no table `{table}`")));
        }
        Ok(name)
    }
}

fn from(point: &ForeignPoint) -> String {
    format!("restoring from {}", point.shown)
}

/// What a tool complains about, with what helps where that is known, and without what it cites of
/// rows: these are somebody's data, and no evidence.
fn helped(error: DriverError) -> DriverError {
    let cites = |part: &&str| {
        let part = part.trim_start();
        !["DETAIL:", "CONTEXT:", "STATEMENT:"]
            .iter()
            .any(|word| part.starts_with(word))
    };
    let why: Vec<&str> = error.why.split(" | ").filter(cites).collect();
    let error = DriverError::new(error.doing, why.join(" | "));
    let help = if error.why.contains("role \"") && error.why.contains("does not exist") {
        "; a dump has no roles: let the server's first start make this one, or dump with --no-owner \
         --no-privileges"
    } else if error.why.contains("unsupported version") {
        "; the dump is of a newer pg_dump than the server's own tools: restore it into the version that \
         it is of"
    } else {
        return error;
    };
    DriverError::new(error.doing, format!("{}{help}", error.why))
}

fn read(path: &Path, packed: bool) -> std::io::Result<Plain> {
    let mut plain = Plain::default();
    crate::foreign::pass(path, packed, &mut |bytes| plain.take(bytes))?;
    Ok(plain)
}

/// `15` of `15.14 (Debian 15.14-1)`.
fn major(version: &str) -> Option<u32> {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_a_tool_cites_are_left_out() {
        let said = "the tool ended with code 3: ERROR:  duplicate key | DETAIL:  Key (email)=(a@b) \
                    already exists. | CONTEXT:  COPY people, line 2: a@b";
        let told = helped(DriverError::new("restoring", said)).why;
        assert_eq!(told, "the tool ended with code 3: ERROR:  duplicate key");
    }
}
