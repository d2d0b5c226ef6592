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
    match *value {
        Value::NULL => to.push(b'n'),
        Value::Bytes(ref bytes) => {
            to.push(b'b');
            to.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            to.extend_from_slice(bytes);
        }
        Value::Int(number) => put(to, b'i', &number.to_le_bytes()),
        Value::UInt(number) => put(to, b'u', &number.to_le_bytes()),
        Value::Float(number) => put(to, b'f', &number.to_le_bytes()),
        Value::Double(number) => put(to, b'd', &number.to_le_bytes()),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            put(to, b't', &year.to_le_bytes());
            to.extend_from_slice(&[month, day, hour, minute, second]);
            to.extend_from_slice(&micros.to_le_bytes());
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            put(to, b's', &days.to_le_bytes());
            to.extend_from_slice(&[u8::from(negative), hours, minutes, seconds]);
            to.extend_from_slice(&micros.to_le_bytes());
        }
    }
}

fn put(to: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    to.push(kind);
    to.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_part_of_each_value_is_in_its_bytes() {
        let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        let rows = [
            vec![Value::NULL],
            vec![Value::NULL, Value::NULL],
            vec![bytes("")],
            vec![bytes("a"), bytes("bc")],
            vec![bytes("ab"), bytes("c")],
            vec![Value::Int(1)],
            vec![Value::UInt(1)],
            vec![Value::Float(0.0)],
            vec![Value::Float(-0.0)],
            vec![Value::Double(0.0)],
            vec![Value::Double(-0.0)],
            vec![Value::Date(1, 2, 3, 4, 5, 6, 7)],
            vec![Value::Date(9, 2, 3, 4, 5, 6, 7)],
            vec![Value::Date(1, 9, 3, 4, 5, 6, 7)],
            vec![Value::Date(1, 2, 9, 4, 5, 6, 7)],
            vec![Value::Date(1, 2, 3, 9, 5, 6, 7)],
            vec![Value::Date(1, 2, 3, 4, 9, 6, 7)],
            vec![Value::Date(1, 2, 3, 4, 5, 9, 7)],
            vec![Value::Date(1, 2, 3, 4, 5, 6, 9)],
            vec![Value::Time(false, 1, 2, 3, 4, 5)],
            vec![Value::Time(true, 1, 2, 3, 4, 5)],
            vec![Value::Time(false, 9, 2, 3, 4, 5)],
            vec![Value::Time(false, 1, 9, 3, 4, 5)],
            vec![Value::Time(false, 1, 2, 9, 4, 5)],
            vec![Value::Time(false, 1, 2, 3, 9, 5)],
            vec![Value::Time(false, 1, 2, 3, 4, 9)],
        ];
        let written = rows.iter().map(|row| {
            let mut bytes = Vec::new();
            for value in row {
                write(value, &mut bytes);
            }
            bytes
        });
        assert_eq!(written.collect::<BTreeSet<_>>().len(), rows.len());
    }
}
