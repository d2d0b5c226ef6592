//! A SQLite file as a database.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use phoenix_engine::differences::{self, Keyed};
use phoenix_engine::environment::{DirectCopy, Fingerprint};
use rusqlite::backup::Backup;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

/// Rows of other tables than the application's own.
const CANARIES: &str = "phoenix_canary";

/// What is known of one table: how many rows, and a digest that their order does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Table {
    rows: u64,
    digest: String,
    schema: String,
    counter: Option<i64>,
    /// Rows by key, while there are no more than [`NAMED_ROWS`].
    named: BTreeMap<String, u64>,
}

/// Up to so many rows a table's rows are kept by key, so that a difference can name them; a larger
/// table is told by its counts and its digest.
const NAMED_ROWS: usize = 20_000;

type Tables = BTreeMap<String, Table>;

impl Table {
    fn keyed(&self) -> Keyed<'_> {
        Keyed {
            rows: self.rows,
            named: &self.named,
        }
    }
}

pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

/// Copies the database as of one moment, and fingerprints that very moment: one read transaction
/// sees both, whatever the application writes meanwhile.
pub(crate) fn copy_out(from: &Path, to: &Path) -> rusqlite::Result<Fingerprint> {
    let source = open(from)?;
    source.execute_batch("BEGIN")?;
    let fingerprint = fingerprint_of(&source)?;
    let mut target = Connection::open(to)?;
    Backup::new(&source, &mut target)?.run_to_completion(256, Duration::ZERO, None)?;
    source.execute_batch("COMMIT")?;
    // One file, nothing beside it.
    target.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;")?;
    Ok(fingerprint)
}

/// Fingerprint of a database file: every row of every table, its schema and counters. Rows are
/// streamed.
///
/// # Errors
/// What SQLite cannot read.
pub fn fingerprint(path: &Path) -> rusqlite::Result<Fingerprint> {
    let connection = open(path)?;
    connection.execute_batch("BEGIN")?;
    let fingerprint = fingerprint_of(&connection)?;
    connection.execute_batch("COMMIT")?;
    Ok(fingerprint)
}

fn fingerprint_of(connection: &Connection) -> rusqlite::Result<Fingerprint> {
    let mut tables = Tables::new();
    for name in names(connection)? {
        tables.insert(name.clone(), table(connection, &name)?);
    }
    let rows: u64 = tables.values().map(|table| table.rows).sum();
    let body = serde_json::to_value(&tables).unwrap_or_default();
    Ok(Fingerprint {
        digest: blake3::hash(body.to_string().as_bytes()).to_hex()[..32].to_owned(),
        covers: format!("{} tables, {rows} rows, nothing left out", tables.len()),
        body,
    })
}

/// All tables but SQLite's own.
pub(crate) fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             ORDER BY name",
        )?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Rows of all tables but the canaries'.
pub(crate) fn rows(path: &Path) -> rusqlite::Result<u64> {
    let connection = open(path)?;
    let mut rows = 0;
    for name in names(&connection)?.iter().filter(|name| *name != CANARIES) {
        let sql = format!("SELECT count(*) FROM {}", quoted(name));
        rows += connection.query_row(&sql, [], |row| row.get::<_, u64>(0))?;
    }
    Ok(rows)
}

/// A name as SQL takes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Streams the rows of a table. Digests of rows are added, not folded by XOR: two equal rows count
/// twice.
fn table(connection: &Connection, name: &str) -> rusqlite::Result<Table> {
    let key = key_columns(connection, name)?;
    let mut statement = connection.prepare(&format!("SELECT * FROM {}", quoted(name)))?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let (mut count, mut sum) = (0, [0_u64; 4]);
    let mut named = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let mut hasher = blake3::Hasher::new();
        for at in 0..columns {
            match row.get_ref(at)? {
                ValueRef::Null => hasher.update(b"n"),
                ValueRef::Integer(value) => hasher.update(b"i").update(&value.to_le_bytes()),
                ValueRef::Real(value) => hasher.update(b"r").update(&value.to_le_bytes()),
                ValueRef::Text(value) => hasher
                    .update(b"t")
                    .update(&(value.len() as u64).to_le_bytes())
                    .update(value),
                ValueRef::Blob(value) => hasher
                    .update(b"b")
                    .update(&(value.len() as u64).to_le_bytes())
                    .update(value),
            };
        }
        let digest = hasher.finalize();
        let mut first = 0;
        for (at, bytes) in digest.as_bytes().chunks_exact(8).enumerate() {
            let value = bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
            sum[at] = sum[at].wrapping_add(value);
            if at == 0 {
                first = value;
            }
        }
        count += 1;
        if count <= NAMED_ROWS as u64 && !key.is_empty() {
            named.insert(key_of(row, &key)?, first);
        }
    }
    if count > NAMED_ROWS as u64 {
        named.clear();
    }
    let schema: Vec<String> = connection
        .prepare(
            "SELECT sql FROM sqlite_master WHERE tbl_name = ?1 AND sql IS NOT NULL ORDER BY sql",
        )?
        .query_map([name], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Table {
        rows: count,
        digest: sum.iter().map(|lane| format!("{lane:016x}")).collect(),
        schema: blake3::hash(schema.join("\n").as_bytes()).to_hex()[..16].to_owned(),
        counter: counter(connection, name),
        named,
    })
}

/// Places of the columns of the primary key, by their order in it; none of a table without one.
fn key_columns(connection: &Connection, name: &str) -> rusqlite::Result<Vec<usize>> {
    let mut columns: Vec<(i64, usize)> = connection
        .prepare(&format!("PRAGMA table_info({})", quoted(name)))?
        .query_map([], |row| Ok((row.get(5)?, row.get(0)?)))?
        .collect::<rusqlite::Result<_>>()?;
    columns.retain(|(place, _)| *place > 0);
    columns.sort_unstable();
    Ok(columns.into_iter().map(|(_, column)| column).collect())
}

/// The key of a row, as a person would write it.
fn key_of(row: &rusqlite::Row<'_>, key: &[usize]) -> rusqlite::Result<String> {
    let mut words = Vec::with_capacity(key.len());
    for at in key {
        words.push(match row.get_ref(*at)? {
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Real(value) => value.to_string(),
            ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
            ValueRef::Blob(value) => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        });
    }
    Ok(words.join(", "))
}

/// The auto-increment counter of a table, where it has one.
fn counter(connection: &Connection, name: &str) -> Option<i64> {
    connection
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .ok()
}

/// What differs, table by table; of a small table the rows, by key.
pub fn compare(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let read = |from: &Fingerprint| -> Tables {
        serde_json::from_value(from.body.clone()).unwrap_or_default()
    };
    let (before, after) = (read(before), read(after));
    let mut lines = Vec::new();
    for (name, old) in &before {
        match after.get(name) {
            None => lines.push(format!("table {name} is missing ({} rows)", old.rows)),
            Some(new) if new.rows != old.rows => {
                lines.push(format!(
                    "table {name}: {} rows, {} before{}",
                    new.rows,
                    old.rows,
                    differences::rows(old.keyed(), new.keyed())
                ));
            }
            Some(new) if new.digest != old.digest => {
                lines.push(format!(
                    "table {name}: {} rows as before, other content{}",
                    new.rows,
                    differences::rows(old.keyed(), new.keyed())
                ));
            }
            Some(new) if new.schema != old.schema => {
                lines.push(format!("table {name}: other columns, indexes or triggers"));
            }
            Some(new) if new.counter != old.counter => {
                lines.push(format!(
                    "table {name}: its counter is {:?}, {:?} before",
                    new.counter, old.counter
                ));
            }
            Some(_) => {}
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        lines.push(format!("table {name} is new"));
    }
    lines
}

pub(crate) fn write_direct(path: &Path, copy: &DirectCopy) -> rusqlite::Result<()> {
    let connection = open(path)?;
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {CANARIES} (marker TEXT NOT NULL, payload TEXT NOT NULL)"
    ))?;
    let sql = format!("UPDATE {CANARIES} SET payload = ?2 WHERE marker = ?1");
    let changed = connection.execute(&sql, (&copy.marker, &copy.text))?;
    if changed == 0 {
        let sql = format!("INSERT INTO {CANARIES} (marker, payload) VALUES (?1, ?2)");
        connection.execute(&sql, (&copy.marker, &copy.text))?;
    }
    Ok(())
}

pub(crate) fn list_direct(path: &Path) -> rusqlite::Result<Vec<DirectCopy>> {
    let connection = open(path)?;
    if !names(&connection)?.iter().any(|name| name == CANARIES) {
        return Ok(Vec::new());
    }
    connection
        .prepare(&format!(
            "SELECT marker, payload FROM {CANARIES} ORDER BY rowid"
        ))?
        .query_map([], |row| {
            Ok(DirectCopy {
                marker: row.get(0)?,
                text: row.get(1)?,
            })
        })?
        .collect()
}

/// Whether a text stands in any column of any table.
pub(crate) fn find_text(path: &Path, text: &str) -> rusqlite::Result<bool> {
    let connection = open(path)?;
    for name in names(&connection)? {
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT * FROM {} LIMIT 0", quoted(&name)))?
            .column_names()
            .iter()
            .map(|column| format!("instr({}, ?1) > 0", quoted(column)))
            .collect();
        let sql = format!(
            "SELECT 1 FROM {} WHERE {} LIMIT 1",
            quoted(&name),
            columns.join(" OR ")
        );
        if connection.prepare(&sql)?.exists([text])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// First column of every row of a query, as text.
pub(crate) fn query(path: &Path, sql: &str) -> rusqlite::Result<Vec<String>> {
    let connection = open(path)?;
    let mut statement = connection.prepare(sql)?;
    statement
        .query_map([], |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Null => String::new(),
                ValueRef::Integer(value) => value.to_string(),
                ValueRef::Real(value) => value.to_string(),
                ValueRef::Text(value) | ValueRef::Blob(value) => {
                    String::from_utf8_lossy(value).into_owned()
                }
            })
        })?
        .collect()
}
