//! Dumps that phoenix did not make, and what can be asked of what came of them.

use std::path::Path;

use phoenix_engine::environment::{DriverError, Loaded};
use phoenix_engine::foreign::{self, ForeignPoint};
use phoenix_engine::plan::Unit;

use super::Mysql;
use super::scan::Scan;
use super::session::{close, connect, quoted, text_rows};
use crate::foreign::{Types, goes_elsewhere, input, not_empty, not_whole, words_of};

const TYPES: Types<'_> = Types {
    moments: &["timestamp", "datetime", "date"],
    numbers: &["int", "bigint", "decimal", "double", "float"],
};

impl Mysql {
    /// Loads a dump into an empty database, and counts what has come.
    pub(super) async fn load_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let doing = self.doing(&format!("restoring from {}", point.shown));
        let failed = |why: String| DriverError::new(doing.as_str(), why);
        let path = point.path.clone();
        let (packed, scan) = tokio::task::spawn_blocking(move || {
            let found = foreign::admitted("mysql", &path)?;
            read(&path, found.packed)
                .map(|scan| (found.packed, scan))
                .map_err(|why| why.to_string())
        })
        .await
        .map_err(|why| failed(why.to_string()))?
        .map_err(failed)?;
        let there = self.tables().await?;
        if there > 0 {
            return Err(failed(not_empty(there)));
        }
        if !scan.completed {
            return Err(failed(not_whole("was completed")));
        }
        if let Some(other) = scan.uses.iter().find(|name| **name != self.server.database) {
            return Err(failed(goes_elsewhere(other, "--databases")));
        }
        self.not_newer(&doing, &scan).await?;
        let there = scan.tables.len() as u64;
        self.load_counted(&doing, input(&point.path, packed), there)
            .await?;
        let came = self.row_count().await?;
        Ok(Loaded {
            says: format!(
                "of the database '{}' on {}: {}",
                scan.database.unwrap_or_default(),
                scan.server.unwrap_or_default(),
                words_of(there, came)
            ),
        })
    }

    /// A dump of a newer server may say what this one does not know, and may load all the same. The
    /// versions of MySQL and MariaDB cannot be told against each other.
    async fn not_newer(&self, doing: &str, scan: &Scan) -> Result<(), DriverError> {
        let here = self.version().await?;
        let Some(dumped) = scan.server.as_deref() else {
            return Ok(());
        };
        let family = |version: &str| version.to_lowercase().contains("mariadb");
        match (release(dumped), release(&here)) {
            (Some(old), Some(own)) if family(dumped) == family(&here) && old > own => {
                Err(DriverError::new(
                    doing,
                    format!(
                        "the dump is of the version {dumped}, and the server here is {here}: restore it \
                         into the version that it is of, or a newer one"
                    ),
                ))
            }
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
        let columns = self.columns(table).await?;
        let moments = TYPES.has_moments(table, column, &columns, unit);
        let max = format!("max({})", quoted(column));
        let seconds = if moments.map_err(failed)? {
            format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {max}) / 1e6")
        } else {
            max
        };
        let query = format!("SELECT {seconds} FROM {}", quoted(table));
        crate::foreign::moment(self.first(&query).await?.as_deref(), unit).map_err(failed)
    }

    pub(super) async fn rows_of(&self, table: &str) -> Result<u64, DriverError> {
        self.columns(table).await?;
        let query = format!("SELECT count(*) FROM {}", quoted(table));
        let count = self.first(&query).await?;
        count.and_then(|count| count.parse().ok()).ok_or_else(|| {
            DriverError::new(self.doing("counting rows of"), "the server gave no number")
        })
    }

    /// The columns of a table that has to be there, with their types.
    async fn columns(&self, table: &str) -> Result<Vec<(String, String)>, DriverError> {
        let failed = |why: String| DriverError::new(self.doing("asking"), why);
        let mut connection = connect(&self.server).await?;
        let query = format!(
            "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{}' ORDER BY ORDINAL_POSITION",
            table.replace('\\', "\\\\").replace('\'', "''")
        );
        let rows = text_rows(&mut connection, &query).await.map_err(failed)?;
        close(connection).await;
        if rows.is_empty() {
            return Err(failed(format!("there is no table `{table}`")));
        }
        Ok(rows
            .into_iter()
            .filter_map(|row| match &row[..] {
                [name, kind] => Some((name.clone(), kind.clone())),
                _ => None,
            })
            .collect())
    }

    /// The first value of a query; `None` for none, and for NULL.
    async fn first(&self, query: &str) -> Result<Option<String>, DriverError> {
        let mut connection = connect(&self.server).await?;
        let rows = text_rows(&mut connection, query)
            .await
            .map_err(|why| DriverError::new(self.doing("asking"), why))?;
        close(connection).await;
        let value = rows.into_iter().flatten().next();
        Ok(value.filter(|value| !value.is_empty()))
    }
}

fn read(path: &Path, packed: bool) -> std::io::Result<Scan> {
    let mut scan = Scan::default();
    crate::foreign::pass(path, packed, &mut |bytes| scan.take(bytes))?;
    Ok(scan)
}

/// `(10, 11)` of `10.11.6-MariaDB`: between patches nothing is taken away.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-']).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert!(release("10.11.6-MariaDB-0+deb12u1") > release("10.6.22-MariaDB"));
        assert_eq!(release("8.0.36"), release("8.0.12"));
        assert_eq!(release("of none"), None);
    }
}
