//! The rows of one table of MySQL or MariaDB, streamed in the server's binary form.

use futures::future::BoxFuture;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Value};

use crate::{Sum, Table};

/// Streams the rows of a query, in a form in which numbers lose no digit, and adds them up. `key` names
/// the places of the columns by which rows are told.
///
/// # Errors
/// What the server answers, or a stream that is not whole.
#[must_use]
pub fn read<'a>(
    connection: &'a mut Conn,
    query: &'a str,
    key: &'a [usize],
) -> BoxFuture<'a, Result<Table, mysql_async::Error>> {
    Box::pin(stream(connection, query, key))
}

async fn stream(
    connection: &mut Conn,
    query: &str,
    key: &[usize],
) -> Result<Table, mysql_async::Error> {
    let mut sum = Sum::default();
    let mut bytes = Vec::new();
    let mut result = connection.exec_iter(query, ()).await?;
    while let Some(row) = result.next().await? {
        let values = row.unwrap();
        bytes.clear();
        for value in &values {
            write(value, &mut bytes);
        }
        sum.add(&bytes, || {
            let words: Vec<String> = key.iter().map(|at| text(&values[*at])).collect();
            (!key.is_empty()).then(|| words.join(", "))
        });
    }
    Ok(sum.table())
}

/// A value as a person reads it.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::NULL => String::new(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => other.as_sql(true).trim_matches('\'').to_owned(),
    }
}

/// A value as bytes that no other value has.
fn write(value: &Value, to: &mut Vec<u8>) {
    let (kind, bytes): (u8, &[u8]) = match value {
        Value::NULL => (b'n', &[]),
        Value::Bytes(bytes) => {
            to.push(b'b');
            to.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            to.extend_from_slice(bytes);
            return;
        }
        Value::Int(number) => (b'i', &number.to_le_bytes()),
        Value::UInt(number) => (b'u', &number.to_le_bytes()),
        Value::Float(number) => (b'f', &number.to_le_bytes()),
        Value::Double(number) => (b'd', &number.to_le_bytes()),
        Value::Date(..) | Value::Time(..) => {
            let text = value.as_sql(true);
            to.push(b't');
            to.extend_from_slice(&(text.len() as u64).to_le_bytes());
            to.extend_from_slice(text.as_bytes());
            return;
        }
    };
    to.push(kind);
    to.extend_from_slice(bytes);
}
