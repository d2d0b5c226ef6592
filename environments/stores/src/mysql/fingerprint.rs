//! Fingerprint of a database at one moment: every row of every table, and the catalogue.

use std::sync::{Arc, Mutex};

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use phoenix_engine::environment::DriverError;
use phoenix_rows::Table;
use tokio::task::JoinSet;

use super::catalogue;
use super::session::{Moment, close, quoted, text_rows};
use crate::server::Server;
use crate::sql::body::Body;

/// What no fingerprint of a MySQL database covers.
pub(super) const LEFT_OUT: &str =
    "passwords of accounts, statistics, sequence objects, other databases of the server";

/// What to read of a table.
struct Reading {
    name: String,
    query: String,
    /// Places of the columns of the primary key.
    key: Vec<usize>,
}

/// Columns of all tables, largest table last: table, column, place in the primary key.
const COLUMNS: &str = "
    SELECT t.TABLE_NAME, c.COLUMN_NAME, coalesce(k.SEQ_IN_INDEX, 0)
    FROM information_schema.TABLES t
    JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME)
    LEFT JOIN information_schema.STATISTICS k ON k.TABLE_SCHEMA = t.TABLE_SCHEMA
        AND k.TABLE_NAME = t.TABLE_NAME AND k.COLUMN_NAME = c.COLUMN_NAME
        AND k.INDEX_NAME = 'PRIMARY'
    WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
    ORDER BY t.DATA_LENGTH, t.TABLE_NAME, c.ORDINAL_POSITION";

async fn readings(connection: &mut Conn) -> Result<Vec<Reading>, String> {
    let mut tables: Vec<(String, Vec<(String, u32)>)> = Vec::new();
    for row in text_rows(connection, COLUMNS).await? {
        let [table, column, place] = &row[..] else {
            continue;
        };
        if tables.last().is_none_or(|(last, _)| last != table) {
            tables.push((table.clone(), Vec::new()));
        }
        if let Some((_, columns)) = tables.last_mut() {
            columns.push((quoted(column), place.parse().unwrap_or(0)));
        }
    }
    Ok(tables.into_iter().map(reading).collect())
}

fn reading((name, columns): (String, Vec<(String, u32)>)) -> Reading {
    let mut key: Vec<(u32, usize)> = columns
        .iter()
        .enumerate()
        .filter(|(_, (_, place))| *place > 0)
        .map(|(at, (_, place))| (*place, at))
        .collect();
    key.sort_unstable();
    let key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
    let list: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
    let mut query = format!("SELECT {} FROM {}", list.join(", "), quoted(&name));
    // In the order in which they lie, so that the server reads them once through.
    if !key.is_empty() {
        let by: Vec<&str> = key.iter().map(|at| list[*at]).collect();
        query.push_str(&format!(" ORDER BY {}", by.join(", ")));
    }
    Reading { name, query, key }
}

/// Everything at a moment. Tables are read by several sessions.
pub(super) async fn of_moment(server: &Server, moment: Moment) -> Result<Body, DriverError> {
    let failed = |why: String| {
        DriverError::new(
            format!(
                "fingerprinting the database '{}' in the container {}",
                server.database, server.container
            ),
            why,
        )
    };
    let mut readers = moment.readers;
    let Some(first) = readers.first_mut() else {
        return Err(failed("no session was opened".to_owned()));
    };
    let readings = readings(first).await.map_err(&failed)?;
    let mut body = Body::default();
    let names: Vec<String> = readings
        .iter()
        .map(|reading| reading.name.clone())
        .collect();
    catalogue::read(first, &names, &mut body)
        .await
        .map_err(&failed)?;
    let queue = Arc::new(Mutex::new(readings));
    // Each on a task of its own: to digest a row is work too. They end with the set.
    let mut sessions = JoinSet::new();
    for reader in readers {
        sessions.spawn(read_tables(reader, Arc::clone(&queue)));
    }
    while let Some(read) = sessions.join_next().await {
        let read = read.map_err(|why| failed(why.to_string()))?;
        body.tables.extend(read.map_err(&failed)?);
    }
    Ok(body)
}

/// Reads tables until none is left in the queue.
async fn read_tables(
    mut reader: Conn,
    queue: Arc<Mutex<Vec<Reading>>>,
) -> Result<Vec<(String, Table)>, String> {
    let mut read = Vec::new();
    // Text comes as the bytes that are stored, not in this session's character set.
    reader
        .query_drop("SET character_set_results = NULL")
        .await
        .map_err(|error| error.to_string())?;
    while let Some(reading) = next(&queue) {
        let table = phoenix_rows::mysql::read(&mut reader, &reading.query, &reading.key)
            .await
            .map_err(|error| format!("table {}: {error}", reading.name))?;
        read.push((reading.name, table));
    }
    close(reader).await;
    Ok(read)
}

fn next(queue: &Mutex<Vec<Reading>>) -> Option<Reading> {
    queue
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .pop()
}
