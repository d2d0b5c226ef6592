//! memcached over the network, by its text protocol.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::Cache;

/// Longest that one command may take, the making of a connection included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest key that the server takes, in bytes.
const KEY_MAX: usize = 250;
/// A longer life than this the server reads as a date.
const LIFE_MAX_S: u64 = 30 * 24 * 60 * 60;
/// Largest value that is read; the server's own limit is 1 MiB unless it is told otherwise.
const VALUE_MAX: usize = 128 * 1024 * 1024;

/// A memcached server, by one connection that is made when it is needed and again when it was lost.
pub struct MemcachedCache {
    /// Host and port.
    address: String,
    connection: Mutex<Option<BufReader<TcpStream>>>,
}

impl MemcachedCache {
    /// A server at `host:port`. Nothing is asked of it before the first call.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            connection: Mutex::default(),
        }
    }

    /// The version that the server names.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn version(&self) -> Result<String, String> {
        let answer = self.ask(b"version\r\n").await?;
        answer
            .line
            .strip_prefix("VERSION ")
            .map(str::to_owned)
            .ok_or_else(|| answer.unexpected())
    }

    /// One command. Every command here may be given twice, so a lost connection is noticed by
    /// asking once more on a new one.
    async fn ask(&self, command: &[u8]) -> Result<Answer, String> {
        let asked = async {
            let mut held = self.connection.lock().await;
            // Taken out while it is in use: a call that is given up leaves half an answer on it.
            if let Some(mut connection) = held.take()
                && let Ok(answer) = exchange(&mut connection, command).await
            {
                *held = Some(connection);
                return Ok(answer);
            }
            let stream = TcpStream::connect(&self.address).await?;
            let mut connection = BufReader::new(stream);
            let answer = exchange(&mut connection, command).await?;
            *held = Some(connection);
            Ok::<_, std::io::Error>(answer)
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("memcached: {error}")),
            Err(_) => Err("memcached: no answer in time".to_owned()),
        }
    }
}

/// The first line of an answer, and the value that came with it.
struct Answer {
    line: String,
    value: Option<Vec<u8>>,
}

impl Answer {
    fn unexpected(&self) -> String {
        format!("memcached answered: {}", self.line)
    }
}

async fn exchange(
    connection: &mut BufReader<TcpStream>,
    command: &[u8],
) -> std::io::Result<Answer> {
    connection.get_mut().write_all(command).await?;
    let line = line(connection).await?;
    let Some(header) = line.strip_prefix("VALUE ") else {
        return Ok(Answer { line, value: None });
    };
    let broken = || std::io::Error::other(format!("an answer that is none: {line}"));
    let length: usize = header
        .rsplit(' ')
        .next()
        .and_then(|length| length.parse().ok())
        .filter(|length| *length <= VALUE_MAX)
        .ok_or_else(broken)?;
    let mut value = vec![0; length + 2];
    connection.read_exact(&mut value).await?;
    value.truncate(length);
    if self::line(connection).await? != "END" {
        return Err(broken());
    }
    Ok(Answer {
        line,
        value: Some(value),
    })
}

async fn line(connection: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// The key as the server takes it: one that is too long, or has characters that end a word, is
/// there by its hash.
fn key(key: &str) -> String {
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && !key.is_empty() && key.len() <= KEY_MAX {
        return key.to_owned();
    }
    let mut hashed = String::from("sha256:");
    for byte in Sha256::digest(key) {
        let _infallible = write!(hashed, "{byte:02x}");
    }
    hashed
}

#[async_trait]
impl Cache for MemcachedCache {
    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let answer = self
            .ask(format!("get {}\r\n", key(name)).as_bytes())
            .await?;
        match (answer.value, answer.line.as_str()) {
            (Some(value), _) => Ok(Some(value)),
            (None, "END") => Ok(None),
            (None, line) => Err(format!("memcached answered: {line}")),
        }
    }

    async fn set(&self, name: &str, value: Vec<u8>, ttl: Option<Duration>) -> Result<(), String> {
        // Whole seconds, and 0 is for ever: a shorter life is rounded up, one too long is a month.
        let life = ttl.map_or(0, |ttl| {
            (ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)).clamp(1, LIFE_MAX_S)
        });
        let mut command = format!("set {} 0 {life} {}\r\n", key(name), value.len()).into_bytes();
        command.extend_from_slice(&value);
        command.extend_from_slice(b"\r\n");
        let answer = self.ask(&command).await?;
        if answer.line == "STORED" {
            Ok(())
        } else {
            Err(answer.unexpected())
        }
    }

    async fn delete(&self, name: &str) -> Result<(), String> {
        let answer = self
            .ask(format!("delete {}\r\n", key(name)).as_bytes())
            .await?;
        match answer.line.as_str() {
            // Deleted by the first of two tries, or never there: gone either way.
            "DELETED" | "NOT_FOUND" => Ok(()),
            _ => Err(answer.unexpected()),
        }
    }

    async fn flush(&self) -> Result<(), String> {
        let answer = self.ask(b"flush_all\r\n").await?;
        if answer.line == "OK" {
            Ok(())
        } else {
            Err(answer.unexpected())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn a_key_that_the_server_refuses_is_hashed() {
        assert_eq!(key("user:1"), "user:1");
        for refused in ["", "a b", "a\r\nflush_all", "ü", &"k".repeat(251)] {
            let hashed = key(refused);
            assert!(
                hashed.len() <= 250 && hashed.starts_with("sha256:"),
                "{hashed}"
            );
        }
        assert_ne!(key("a b"), key("a c"));
    }
}
