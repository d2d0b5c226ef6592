//! The rows of one table, streamed in the server's binary form.

use bytes::{Buf as _, BytesMut};
use futures::StreamExt as _;
use tokio_postgres::Client;

use super::session::words;
use crate::sql::body::{Sum, Table};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The signature, the flags and the length of what may follow them.
const HEADER: usize = SIGNATURE.len() + 8;

/// What to read of a table.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// As a person writes it, schema first.
    pub(super) name: String,
    /// The query that gives its rows.
    pub(super) query: String,
    /// The same with the key as one more text before all columns; `None` without a key.
    pub(super) keyed: Option<String>,
    /// The query that counts rows as far as it matters whether they are few.
    pub(super) few: String,
}

/// One row or the end, found at the start of a buffer.
enum Found {
    /// The row is not there as a whole.
    Nothing,
    /// A row of that many bytes, and where its first field lies.
    Row(usize, std::ops::Range<usize>),
    End,
}

/// Looks for a row: a count of fields, and each with its length before it.
fn find(buffer: &[u8]) -> Result<Found, String> {
    let Some(head) = buffer.first_chunk::<2>() else {
        return Ok(Found::Nothing);
    };
    let fields = i16::from_be_bytes(*head);
    if fields == -1 {
        return Ok(Found::End);
    }
    let mut at = 2;
    let mut first = 0..0;
    for field in 0..fields {
        let Some(length) = buffer.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
            return Ok(Found::Nothing);
        };
        let length = match i32::from_be_bytes(*length) {
            -1 => 0,
            length => usize::try_from(length).map_err(|_| "a field of negative length")?,
        };
        at += 4;
        if field == 0 {
            first = at..at + length;
        }
        at += length;
    }
    Ok(if at <= buffer.len() {
        Found::Row(at, first)
    } else {
        Found::Nothing
    })
}

/// Streams a table and adds its rows up. Only one row is in memory at a time.
pub(super) async fn read(client: &Client, reading: &Reading) -> Result<Table, String> {
    let few = !client
        .query_one(&reading.few, &[])
        .await
        .and_then(|row| row.try_get::<_, bool>(0))
        .map_err(|error| words(&error))?;
    let keyed = reading.keyed.as_ref().filter(|_| few);
    let copy = format!(
        "COPY ({}) TO STDOUT (FORMAT binary)",
        keyed.unwrap_or(&reading.query)
    );
    let stream = client
        .copy_out(&copy)
        .await
        .map_err(|error| words(&error))?;
    let mut stream = std::pin::pin!(stream);
    let mut buffer = BytesMut::new();
    let mut sum = Sum::default();
    let (mut started, mut ended) = (false, false);
    while let Some(part) = stream.next().await {
        buffer.extend_from_slice(&part.map_err(|error| words(&error))?);
        if !started {
            if buffer.len() < HEADER {
                continue;
            }
            if !buffer.starts_with(SIGNATURE) {
                return Err("the server's stream is not in its binary form".to_owned());
            }
            buffer.advance(HEADER);
            started = true;
        }
        loop {
            match find(&buffer)? {
                Found::Nothing => break,
                Found::End => {
                    ended = true;
                    break;
                }
                Found::Row(length, first) => {
                    let row = &buffer[..length];
                    let key =
                        keyed.map(|_| String::from_utf8_lossy(&row[first.clone()]).into_owned());
                    // The key is said twice, and is no column of the table.
                    let columns = if keyed.is_some() { first.end } else { 2 };
                    sum.add(&blake3::hash(&row[columns..]), key);
                    buffer.advance(length);
                }
            }
        }
    }
    if ended {
        Ok(sum.table())
    } else {
        Err("the server's stream ended before the last row".to_owned())
    }
}
