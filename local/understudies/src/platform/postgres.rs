//! The database seam over a PostgreSQL server.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use phoenix_evidence::words::error_chain;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls};

use super::database::{Database, DatabaseError, Engine, Row, Statement, Value};
use super::dialect;

/// Connections that one application holds.
const CONNECTIONS: usize = 8;
const CONNECT: Duration = Duration::from_secs(5);
/// Longest that one call may take: a server that stopped in mid-answer says nothing.
const ANSWER: Duration = Duration::from_secs(30);
const PING: Duration = Duration::from_secs(5);

/// A database of a server, by a few connections that are made when they are needed.
pub struct PostgresDatabase {
    config: Config,
    idle: Mutex<Vec<Client>>,
    permits: Semaphore,
    closed: AtomicBool,
}

/// How to reach a database. The password is in no message of an error.
#[derive(Clone)]
pub struct PostgresConfig {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// The role's password.
    pub password: String,
    /// Database.
    pub database: String,
}

impl PostgresDatabase {
    /// A database that is connected to when it is asked something, and again when the server went
    /// away since: what the server says to that is the error of the call.
    ///
    /// # Errors
    /// When there is no host to ask.
    pub fn connect(settings: PostgresConfig) -> Result<Self, DatabaseError> {
        if settings.host.is_empty() {
            return Err(DatabaseError::Unavailable("no host is given".to_owned()));
        }
        let mut config = Config::new();
        config
            .host(settings.host)
            .port(settings.port)
            .user(settings.user)
            .password(settings.password)
            .dbname(settings.database)
            .connect_timeout(CONNECT)
            .tcp_user_timeout(CONNECT)
            .keepalives_idle(CONNECT);
        Ok(Self {
            config,
            idle: Mutex::default(),
            permits: Semaphore::new(CONNECTIONS),
            closed: AtomicBool::new(false),
        })
    }

    /// Ends every connection; every later call finds the database unavailable.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.idle_connections().clear();
    }

    fn idle_connections(&self) -> std::sync::MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lease(&self) -> Result<Lease<'_>, DatabaseError> {
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        loop {
            let client = self.idle_connections().pop();
            match client {
                Some(client) if client.is_closed() => {}
                Some(client) => return Ok(Lease::new(self, permit, client, true)),
                None => {
                    let client = self.open().await?;
                    return Ok(Lease::new(self, permit, client, false));
                }
            }
        }
    }

    async fn open(&self) -> Result<Client, DatabaseError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(DatabaseError::Unavailable("connection closed".to_owned()));
        }
        // Whatever the server says to who wants to connect: the application cannot reach its rows.
        let unavailable = |error| DatabaseError::Unavailable(words(&error));
        let connected = tokio::time::timeout(CONNECT, self.config.connect(NoTls)).await;
        let (client, connection) = connected
            .map_err(|_| DatabaseError::Unavailable("connection timed out".to_owned()))?
            .map_err(unavailable)?;
        // It ends with the client; what ends it otherwise is told to whoever uses the client.
        tokio::spawn(async move {
            let _ended = connection.await;
        });
        Ok(client)
    }

    /// A connection on which the statement is prepared. A server that went away since the last call
    /// is noticed here, where nothing was done yet: it is asked once more on a new connection.
    async fn prepared(
        &self,
        sql: &str,
    ) -> Result<(Lease<'_>, tokio_postgres::Statement), DatabaseError> {
        let sql = dialect::postgres(sql);
        let mut lease = self.lease().await?;
        let mut prepared = lease.client()?.prepare(&sql).await;
        if lease.reused && prepared.as_ref().is_err_and(gone) {
            lease.replace(self.open().await?);
            prepared = lease.client()?.prepare(&sql).await;
        }
        match prepared {
            Ok(statement) => Ok((lease, statement)),
            Err(error) => Err(lease.failed(&error)),
        }
    }
}

/// A connection in use. It goes back when its work came to an end; a call that was given up leaves
/// nobody knows what on it.
struct Lease<'a> {
    database: &'a PostgresDatabase,
    client: Option<Client>,
    reused: bool,
    finished: bool,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Lease<'a> {
    fn new(
        database: &'a PostgresDatabase,
        permit: SemaphorePermit<'a>,
        client: Client,
        reused: bool,
    ) -> Self {
        Self {
            database,
            client: Some(client),
            reused,
            finished: false,
            _permit: permit,
        }
    }

    fn client(&mut self) -> Result<&mut Client, DatabaseError> {
        self.client
            .as_mut()
            .ok_or_else(|| DatabaseError::Unavailable("connection lost".to_owned()))
    }

    fn replace(&mut self, client: Client) {
        self.client = Some(client);
        self.reused = false;
    }

    fn finish(mut self) {
        self.finished = true;
    }

    fn failed(self, error: &tokio_postgres::Error) -> DatabaseError {
        self.finish();
        classified(error)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let closed = self.database.closed.load(Ordering::Relaxed);
        if let Some(client) = self.client.take()
            && self.finished
            && !closed
            && !client.is_closed()
        {
            self.database.idle_connections().push(client);
        }
    }
}

async fn in_time<T>(
    within: Duration,
    call: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(within, call).await {
        Ok(done) => done,
        Err(_) => Err(DatabaseError::Unavailable(format!(
            "no answer within {} s",
            within.as_secs()
        ))),
    }
}

fn references(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params
        .iter()
        .map(|value| value as &(dyn ToSql + Sync))
        .collect()
}

#[async_trait]
impl Database for PostgresDatabase {
    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<u64, DatabaseError> {
        in_time(ANSWER, async {
            let (mut lease, statement) = self.prepared(sql).await?;
            let params = references(&params);
            match lease.client()?.execute(&statement, &params).await {
                Ok(changed) => {
                    lease.finish();
                    Ok(changed)
                }
                Err(error) => Err(lease.failed(&error)),
            }
        })
        .await
    }

    async fn insert(&self, sql: &str, params: Vec<Value>) -> Result<i64, DatabaseError> {
        let sql = format!("{sql} RETURNING id");
        let rows = self.query(&sql, params).await?;
        rows.first()
            .map(|row| row.integer(0))
            .ok_or_else(|| DatabaseError::Refused("the insert gave no key".to_owned()))
    }

    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        in_time(ANSWER, async {
            let (mut lease, statement) = self.prepared(sql).await?;
            let params = references(&params);
            match lease.client()?.query(&statement, &params).await {
                Ok(rows) => {
                    lease.finish();
                    rows.iter().map(row_of).collect()
                }
                Err(error) => Err(lease.failed(&error)),
            }
        })
        .await
    }

    async fn transaction(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        in_time(ANSWER, async {
            let mut lease = self.lease().await?;
            // The same as in `prepared`: nothing was done before the transaction is open.
            if lease.reused && lease.client()?.simple_query("").await.is_err() {
                lease.replace(self.open().await?);
            }
            match all_or_none(lease.client()?, &statements).await {
                Ok(()) => {
                    lease.finish();
                    Ok(())
                }
                Err(error) => Err(lease.failed(&error)),
            }
        })
        .await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        in_time(PING, async {
            let (lease, _) = self.prepared("SELECT 1").await?;
            lease.finish();
            Ok(())
        })
        .await
    }

    fn engine(&self) -> Engine {
        Engine::Postgres
    }
}

async fn all_or_none(
    client: &mut Client,
    statements: &[Statement],
) -> Result<(), tokio_postgres::Error> {
    // Dropped without its commit, it is rolled back.
    let transaction = client.transaction().await?;
    for statement in statements {
        let prepared = transaction
            .prepare(&dialect::postgres(&statement.sql))
            .await?;
        transaction
            .execute(&prepared, &references(&statement.params))
            .await?;
    }
    transaction.commit().await
}

/// A value as the type that the server wants, as leniently as SQLite takes it.
impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Integer(value), &Type::INT8) => value.to_sql(ty, out),
            (Self::Integer(value), &Type::INT4) => i32::try_from(*value)?.to_sql(ty, out),
            (Self::Integer(value), &Type::INT2) => i16::try_from(*value)?.to_sql(ty, out),
            (Self::Integer(value), &Type::BOOL) => (*value != 0).to_sql(ty, out),
            (Self::Integer(value), &Type::TEXT | &Type::VARCHAR) => {
                value.to_string().to_sql(ty, out)
            }
            (Self::Text(value), &Type::INT8) => value.parse::<i64>()?.to_sql(ty, out),
            (Self::Text(value), &Type::BYTEA) => value.as_bytes().to_sql(ty, out),
            (Self::Text(value), _) => value.to_sql(ty, out),
            (Self::Blob(value), &Type::BYTEA) => value.to_sql(ty, out),
            _ => Err(format!("no value for a parameter of the type {ty}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn row_of(row: &tokio_postgres::Row) -> Result<Row, DatabaseError> {
    let mut values = Vec::with_capacity(row.len());
    for (at, column) in row.columns().iter().enumerate() {
        let value = match *column.type_() {
            Type::INT8 => row.try_get(at).map(|v: Option<i64>| v.map(Value::Integer)),
            Type::INT4 => row
                .try_get(at)
                .map(|v: Option<i32>| v.map(|v| Value::Integer(v.into()))),
            Type::INT2 => row
                .try_get(at)
                .map(|v: Option<i16>| v.map(|v| Value::Integer(v.into()))),
            Type::BOOL => row.try_get(at).map(|v: Option<bool>| v.map(Value::from)),
            Type::BYTEA => row.try_get(at).map(|v: Option<Vec<u8>>| v.map(Value::Blob)),
            _ => row.try_get(at).map(|v: Option<String>| v.map(Value::Text)),
        };
        let value = value.map_err(|error| DatabaseError::Refused(words(&error)))?;
        values.push(value.unwrap_or(Value::Null));
    }
    Ok(Row(values))
}

/// Whether the connection ended, by the server's word or without one.
fn gone(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        None => {
            error.is_closed()
                || StdError::source(error).is_some_and(<dyn StdError>::is::<std::io::Error>)
        }
        Some(code) => [
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
            &SqlState::CANNOT_CONNECT_NOW,
        ]
        .contains(&code),
    }
}

fn classified(error: &tokio_postgres::Error) -> DatabaseError {
    let words = words(error);
    match error.code() {
        _ if gone(error) => DatabaseError::Unavailable(words),
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => DatabaseError::Unique(words),
        // Connections, resources, and what a second try may bring through.
        Some(code)
            if ["08", "53", "40"]
                .iter()
                .any(|class| code.code().starts_with(class)) =>
        {
            DatabaseError::Unavailable(words)
        }
        _ => DatabaseError::Refused(words),
    }
}

/// The server's own words where it has some.
fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) => told.message().to_owned(),
        None => error_chain(error),
    }
}
