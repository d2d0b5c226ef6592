//! What an understudy stands on: its database, files, clock, names and trust. The application's
//! own configuration comes by its own environment variables; this is the rest of the machine.

pub mod database;
mod dialect;
pub mod memcached;
pub mod memory;
pub mod mysql;
pub mod postgres;
pub mod rabbitmq;
pub mod redis;
pub mod sqlite;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub use database::{Database, DatabaseError, Engine, Row, Statement, Value};
pub use memcached::MemcachedCache;
pub use mysql::{MysqlConfig, MysqlDatabase};
pub use postgres::{PostgresConfig, PostgresDatabase};
pub use rabbitmq::RabbitQueue;
pub use redis::RedisCache;
pub use sqlite::SqliteDatabase;

/// A clock of one service's own, so that a fault can shift one service and no other.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Now, in milliseconds since the Unix epoch, with this service's shift.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond() + self.offset_ms.load(Ordering::Relaxed)
    }

    /// Now, in whole seconds since the Unix epoch, with this service's shift.
    #[must_use]
    pub fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Shifts this service's clock by so many milliseconds from true time.
    pub fn shift_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

/// How closely the understudy keeps the real application's limits.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Impose the application's request rate limits (answers 429).
    pub rate_limits: bool,
    /// How long a write takes to show in what is read from projections and search indexes.
    pub projection_lag: Duration,
    /// Whether the database server carries the English dictionary that Zulip's own image of
    /// PostgreSQL brings along. It is part of the server, not of the data: no dump contains it.
    pub dictionary: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            rate_limits: true,
            projection_lag: Duration::from_millis(20),
            dictionary: true,
        }
    }
}

/// Cache (memcached, Redis) and queue (RabbitMQ) that Zulip cannot be healthy without.
/// `None` is a stack where nobody deployed it.
#[derive(Clone, Default)]
pub struct Backing {
    /// memcached.
    pub memcached: Option<Arc<dyn Cache>>,
    /// Redis.
    pub redis: Option<Arc<dyn Cache>>,
    /// RabbitMQ.
    pub rabbitmq: Option<Arc<dyn Queue>>,
}

/// Bytes by key, which may be lost.
#[async_trait::async_trait]
pub trait Cache: Send + Sync {
    /// The value, if it is still there. `Err` when the server cannot be asked.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String>;
    /// Keeps a value; `ttl` `None` is until flushed.
    async fn set(&self, key: &str, value: Vec<u8>, ttl: Option<Duration>) -> Result<(), String>;
    /// Forgets one value.
    async fn delete(&self, key: &str) -> Result<(), String>;
    /// Forgets everything.
    async fn flush(&self) -> Result<(), String>;
}

/// A work queue.
#[async_trait::async_trait]
pub trait Queue: Send + Sync {
    /// Appends a message.
    async fn publish(&self, queue: &str, message: Vec<u8>) -> Result<(), String>;
    /// Takes the oldest message, waiting until there is one.
    async fn next(&self, queue: &str) -> Result<Vec<u8>, String>;
    /// A round trip.
    async fn ping(&self) -> Result<(), String>;
}

/// Everything an understudy is started with.
#[derive(Clone)]
pub struct Platform {
    /// The application's environment variables, by the names that the upstream image reads.
    pub env: BTreeMap<String, String>,
    /// Where to listen: loopback and port 0 when embedded.
    pub listen: SocketAddr,
    /// Its database, or `None` where the application is to find none (it keeps trying or exits,
    /// as the real one does).
    pub database: Arc<dyn Database>,
    /// The folder mounted where the application keeps files (`/config`, `/mattermost/data`, `/data`).
    pub files: PathBuf,
    /// A second folder for what is mounted elsewhere (`/mattermost/config`); the same as `files`
    /// where the application has one volume.
    pub config: PathBuf,
    /// Cache and queue.
    pub backing: Backing,
    /// This service's clock.
    pub clock: Clock,
    /// Names that resolve to an address for this service's own outgoing calls.
    pub resolver: Resolver,
    /// Certificate authorities (PEM) that this service trusts for its outgoing calls.
    pub trust_pem: Vec<String>,
    /// Limits and lag.
    pub behaviour: Behaviour,
}

/// Names as one service sees them: a fault can change them for one service and no other.
#[derive(Clone, Default)]
pub struct Resolver {
    names: Arc<std::sync::RwLock<BTreeMap<String, SocketAddr>>>,
    asks_the_system: bool,
    localhost_is_here: bool,
}

impl Resolver {
    /// One that asks the machine for names that it does not have itself, as a process of its own
    /// does. The default knows its own names and no others.
    #[must_use]
    pub fn of_the_system() -> Self {
        Self {
            asks_the_system: true,
            ..Self::default()
        }
    }

    /// As libcurl has it: `localhost` and every name below it are this machine, whatever DNS says.
    #[must_use]
    pub fn with_localhost_here(self) -> Self {
        Self {
            localhost_is_here: true,
            ..self
        }
    }

    /// Whether names that are not here are the machine's to resolve.
    #[must_use]
    pub fn asks_the_system(&self) -> bool {
        self.asks_the_system
    }

    /// Makes a name resolve to an address (port included).
    pub fn set(&self, name: &str, address: SocketAddr) {
        if let Ok(mut names) = self.names.write() {
            names.insert(name.to_owned(), address);
        }
    }

    /// Makes a name unknown.
    pub fn remove(&self, name: &str) {
        if let Ok(mut names) = self.names.write() {
            names.remove(name);
        }
    }

    /// The address of a name. Port 0 leaves the port to whoever asks.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SocketAddr> {
        let known = self
            .names
            .read()
            .ok()
            .and_then(|names| names.get(name).copied());
        let lower = name.trim_end_matches('.').to_ascii_lowercase();
        let is_localhost = lower == "localhost" || lower.ends_with(".localhost");
        known.or_else(|| {
            (self.localhost_is_here && is_localhost)
                .then(|| SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0)))
        })
    }
}

/// A started understudy. Dropping it stops it at once; [`Running::stop`] stops it in order.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it logged so far, one line each: the words that a person would see in its container log.
    pub log: Log,
    stop: tokio_util::sync::CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Wraps a serving task. `stop` must end the task's server when cancelled.
    #[must_use]
    pub fn new(
        address: SocketAddr,
        log: Log,
        stop: tokio_util::sync::CancellationToken,
        task: tokio::task::JoinHandle<()>,
    ) -> Self {
        Self {
            address,
            log,
            stop,
            task,
        }
    }

    /// Stops accepting, lets requests under way finish, and releases every file it holds open.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

/// A container's log, in memory and bounded.
#[derive(Clone, Default)]
pub struct Log {
    kept: Arc<std::sync::Mutex<Kept>>,
    arrived: Arc<tokio::sync::Notify>,
}

#[derive(Default)]
struct Kept {
    /// How many lines went before the first that is kept.
    gone: usize,
    lines: Vec<String>,
}

impl Log {
    const LINES_MAX: usize = 10_000;

    /// Appends a line; beyond the bound the oldest go.
    pub fn line(&self, line: impl Into<String>) {
        if let Ok(mut kept) = self.kept.lock() {
            if kept.lines.len() >= Self::LINES_MAX {
                kept.lines.drain(..Self::LINES_MAX / 2);
                kept.gone += Self::LINES_MAX / 2;
            }
            kept.lines.push(line.into());
        }
        self.arrived.notify_waiters();
    }

    /// All lines kept.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.since(0).1
    }

    /// The lines kept of those after the first `seen`, and how many there were in all.
    #[must_use]
    pub fn since(&self, seen: usize) -> (usize, Vec<String>) {
        let Ok(kept) = self.kept.lock() else {
            return (seen, Vec::new());
        };
        let from = seen.saturating_sub(kept.gone).min(kept.lines.len());
        (kept.gone + kept.lines.len(), kept.lines[from..].to_vec())
    }

    /// As [`Log::since`], once there is a line after the first `seen`.
    pub async fn after(&self, seen: usize) -> (usize, Vec<String>) {
        loop {
            // Asked for before looking, so that nothing that comes in between is missed.
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let found = self.since(seen);
            if found.0 > seen {
                return found;
            }
            arrived.await;
        }
    }
}

/// Why an understudy did not start: what the real one would have printed before it exited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootError {
    /// A required variable is missing or wrong; the process exits.
    #[error("{0}")]
    Configuration(String),
    /// The container runs, nothing listens, and that will not change by itself.
    #[error("{0}")]
    Halted(String),
    /// It gave up waiting for what it needs.
    #[error("{0}")]
    GaveUp(String),
}

#[cfg(test)]
mod tests {
    use super::Log;

    #[tokio::test]
    async fn a_reader_of_a_log_misses_nothing_that_is_kept() {
        let log = Log::default();
        let waiting = tokio::spawn({
            let log = log.clone();
            async move { log.after(0).await }
        });
        tokio::task::yield_now().await;
        log.line("first");
        let first = (1, vec!["first".to_owned()]);
        assert_eq!(waiting.await.expect("no panic"), first);
        assert_eq!(log.since(1), (1, Vec::new()));
        for number in 0..Log::LINES_MAX {
            log.line(number.to_string());
        }
        // The first half is gone, the line that was seen among it.
        let (all, kept) = log.since(1);
        assert_eq!((all, kept.len()), (10_001, 5_001));
        assert_eq!(log.since(9_999).1, ["9998", "9999"]);
        assert_eq!(log.since(20_000), (10_001, Vec::new()));
    }
}
