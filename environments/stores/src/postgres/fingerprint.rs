//! Fingerprint of a database under one snapshot: every row of every table, and the catalogue.

use std::sync::{Arc, Mutex};

use phoenix_engine::environment::DriverError;
use phoenix_rows::postgres::Reading;
use phoenix_rows::{NAMED_ROWS, Table};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::catalogue::{self, USER_SCHEMAS};
use super::session::{Snapshot, text_rows};
use crate::server::Server;
use crate::sql::READERS;
use crate::sql::body::Body;

/// What no fingerprint of a PostgreSQL database covers.
pub(super) const LEFT_OUT: &str = "passwords of roles, comments, statistics, publications and \
                                   subscriptions, rows of materialised views, of foreign and of \
                                   temporary tables, other databases of the server";

/// The tables that hold rows, largest last, with their columns: name, whether the binary form of
/// its type means the same in every database, and its place in the primary key.
///
/// A type of the user's own, or an array of one, holds numbers that a restore gives anew; so do
/// names of objects. Such values are read as text.
const COLUMNS: &str = "
    SELECT format('%I.%I', n.nspname, c.relname), quote_ident(a.attname),
        CASE WHEN t.typtype = 'e' THEN true
             WHEN t.typtype = 'd' THEN b.oid < 16384 AND b.typtype = 'b' AND b.typsend <> 0
                  AND b.typname !~ '^_?reg'
             ELSE t.oid < 16384 AND t.typtype IN ('b', 'r', 'm') AND t.typsend <> 0
                  AND t.typname !~ '^_?reg' END,
        array_position(i.indkey::int2[], a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {user}
    ORDER BY pg_relation_size(c.oid), c.oid, a.attnum";

/// Columns of a table as they are read, and their places in its primary key.
type Columns = Vec<(String, Option<u32>)>;

/// What is to be read, largest last.
pub(super) async fn readings(client: &Client) -> Result<Vec<Reading>, String> {
    let mut tables: Vec<(String, Columns)> = Vec::new();
    for row in text_rows(client, &COLUMNS.replace("{user}", USER_SCHEMAS)).await? {
        let mut row = row.into_iter();
        let (Some(table), column) = (row.next().flatten(), row.next().flatten()) else {
            continue;
        };
        let portable = row.next().flatten().as_deref() == Some("t");
        let place = row.next().flatten().and_then(|place| place.parse().ok());
        if tables.last().is_none_or(|(last, _)| *last != table) {
            tables.push((table, Vec::new()));
        }
        if let (Some(column), Some((_, columns))) = (column, tables.last_mut()) {
            let read = if portable {
                column
            } else {
                format!("({column})::text")
            };
            columns.push((read, place));
        }
    }
    let mut readings: Vec<Reading> = tables.into_iter().map(reading).collect();
    let large = text_rows(client, "SELECT 1 FROM pg_largeobject_metadata LIMIT 1").await?;
    if !large.is_empty() {
        let from = "FROM pg_largeobject_metadata";
        readings.push(Reading {
            name: "of large objects".to_owned(),
            query: format!("SELECT oid, lo_get(oid) {from}"),
            keyed: Some(format!("SELECT oid::text, oid, lo_get(oid) {from}")),
            few: many(from),
        });
    }
    Ok(readings)
}

fn reading((name, columns): (String, Vec<(String, Option<u32>)>)) -> Reading {
    let list: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
    let list = list.join(", ");
    let mut key: Vec<&(String, Option<u32>)> = columns
        .iter()
        .filter(|(_, place)| place.is_some())
        .collect();
    key.sort_unstable_by_key(|(_, place)| *place);
    let key: Vec<&str> = key.into_iter().map(|(column, _)| column.as_str()).collect();
    Reading {
        query: format!("SELECT {list} FROM ONLY {name}"),
        keyed: (!key.is_empty()).then(|| {
            format!(
                "SELECT concat_ws(', ', {}), {list} FROM ONLY {name}",
                key.join(", ")
            )
        }),
        few: many(&format!("FROM ONLY {name}")),
        name,
    }
}

/// A query that tells whether rows are too many to be named.
fn many(from: &str) -> String {
    format!("SELECT EXISTS (SELECT 1 {from} OFFSET {NAMED_ROWS})")
}

/// Everything under a snapshot. Tables are read by several sessions.
pub(super) async fn of_snapshot(server: &Server, snapshot: &Snapshot) -> Result<Body, DriverError> {
    let failed = |why: String| {
        DriverError::new(
            format!(
                "fingerprinting the database '{}' in the container {}",
                server.database, server.container
            ),
            why,
        )
    };
    let readings = readings(snapshot.client()).await.map_err(&failed)?;
    let count = readings.len();
    let queue = Arc::new(Mutex::new(readings));
    // Each on a task of its own: to digest a row is work too. They end with the set.
    let mut readers = JoinSet::new();
    for _ in 0..READERS.min(count) {
        let client = snapshot.join(server).await?;
        readers.spawn(read_tables(client, Arc::clone(&queue)));
    }
    let mut body = Body::default();
    catalogue::read(snapshot.client(), &mut body)
        .await
        .map_err(&failed)?;
    while let Some(read) = readers.join_next().await {
        let read = read.map_err(|why| failed(why.to_string()))?;
        body.tables.extend(read.map_err(&failed)?);
    }
    Ok(body)
}

/// Reads tables until none is left in the queue.
async fn read_tables(
    client: Client,
    queue: Arc<Mutex<Vec<Reading>>>,
) -> Result<Vec<(String, Table)>, String> {
    let mut read = Vec::new();
    while let Some(reading) = next(&queue) {
        let table = phoenix_rows::postgres::read(&client, &reading)
            .await
            .map_err(|why| format!("table {}: {why}", reading.name))?;
        read.push((reading.name, table));
    }
    Ok(read)
}

/// The next of a queue that several readers empty.
pub(super) fn next(queue: &Mutex<Vec<Reading>>) -> Option<Reading> {
    queue
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .pop()
}
