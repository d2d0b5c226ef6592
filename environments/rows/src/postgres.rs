//! The rows of one table of PostgreSQL, streamed in the server's binary form.

use std::error::Error as _;

use bytes::{Buf as _, BytesMut};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use tokio_postgres::{Client, Config, NoTls};

use crate::{Sum, Table};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The signature, the flags and the length of what may follow them.
const HEADER: usize = SIGNATURE.len() + 8;

/// What to read of a table.
#[derive(Clone, Debug)]
pub struct Reading {
    /// As a person writes it, schema first.
    pub name: String,
    /// The query that gives its rows.
    pub query: String,
    /// The same with the key as one more text before all columns; `None` without a key.
    pub keyed: Option<String>,
    /// The query that counts rows as far as it matters whether they are few.
    pub few: String,
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

/// The rows of a stream, added up as they come.
struct Rows {
    /// The key is said before all columns, and is no column of the table.
    keyed: bool,
    sum: Sum,
    started: bool,
    ended: bool,
    /// The part of a row that goes on in the next piece.
    cut: BytesMut,
}

impl Rows {
    fn new(keyed: bool) -> Self {
        Self {
            keyed,
            sum: Sum::default(),
            started: false,
            ended: false,
            cut: BytesMut::new(),
        }
    }

    /// Takes the next piece. The server sends a row at a time, though it need not: most are digested
    /// where they lie.
    fn push(&mut self, piece: &[u8]) -> Result<(), String> {
        if self.cut.is_empty() {
            let taken = self.take(piece)?;
            self.cut.extend_from_slice(&piece[taken..]);
        } else {
            let mut cut = std::mem::take(&mut self.cut);
            cut.extend_from_slice(piece);
            let taken = self.take(&cut)?;
            cut.advance(taken);
            self.cut = cut;
        }
        Ok(())
    }

    /// Adds up the whole rows that bytes begin with, and says how many bytes they are.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut at = 0;
        if !self.started {
            if bytes.len() < HEADER {
                return Ok(0);
            }
            if !bytes.starts_with(SIGNATURE) {
                return Err("the server's stream is not in its binary form".to_owned());
            }
            at = HEADER;
            self.started = true;
        }
        while !self.ended {
            match find(&bytes[at..])? {
                Found::Nothing => break,
                Found::End => self.ended = true,
                Found::Row(length, first) => {
                    let row = &bytes[at..at + length];
                    let columns = if self.keyed { first.end } else { 2 };
                    let keyed = self.keyed;
                    self.sum.add(&row[columns..], || {
                        keyed.then(|| String::from_utf8_lossy(&row[first]).into_owned())
                    });
                    at += length;
                }
            }
        }
        Ok(at)
    }
}

/// A session. What it receives is taken in by a task of its own, which ends with the client; what goes
/// wrong in that is the answer to the client's next call.
#[must_use]
pub fn connect(config: Config) -> BoxFuture<'static, Result<Client, tokio_postgres::Error>> {
    Box::pin(async move {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    })
}

/// The words of an error: the server's own where it has answered, else what the connection met.
#[must_use]
pub fn words(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        let mut text = format!("{} ({})", answer.message(), answer.code().code());
        if let Some(detail) = answer.detail() {
            text.push_str(": ");
            text.push_str(detail);
        }
        return text;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Streams a table and adds its rows up. Only one row is in memory at a time.
///
/// # Errors
/// What the server answers, or a stream that is not whole.
#[must_use]
pub fn read<'a>(client: &'a Client, reading: &'a Reading) -> BoxFuture<'a, Result<Table, String>> {
    Box::pin(stream(client, reading))
}

async fn stream(client: &Client, reading: &Reading) -> Result<Table, String> {
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
    let mut rows = Rows::new(keyed.is_some());
    while let Some(part) = stream.next().await {
        rows.push(&part.map_err(|error| words(&error))?)?;
    }
    if rows.ended {
        Ok(rows.sum.table())
    } else {
        Err("the server's stream ended before the last row".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows: a number of four bytes and a text, then nothing and a text.
    fn stream() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(&[0; 8]);
        for row in [
            &b"\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x03one"[..],
            b"\0\x02\xff\xff\xff\xff\0\0\0\x01x",
        ] {
            bytes.extend_from_slice(row);
        }
        bytes.extend_from_slice(b"\xff\xff");
        bytes
    }

    fn added_up(pieces: std::slice::Chunks<'_, u8>) -> (bool, Table) {
        let mut rows = Rows::new(false);
        for piece in pieces {
            rows.push(piece).unwrap();
        }
        (rows.ended, rows.sum.table())
    }

    #[test]
    fn rows_are_the_same_in_any_pieces() {
        let whole = added_up(stream().chunks(4096));
        assert!(whole.0);
        assert_eq!(whole.1.rows, 2);
        for size in 1..40 {
            assert_eq!(added_up(stream().chunks(size)), whole, "pieces of {size}");
        }
        let cut = stream();
        assert!(!added_up(cut[..cut.len() - 2].chunks(4096)).0);
    }
}
