//! The database seam over a MySQL or MariaDB server.

use std::time::Duration;

use async_trait::async_trait;
use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, TxOpts};
use tokio::sync::OnceCell;

use super::database::{Database, DatabaseError, Engine, Row, Statement, Value};
use super::dialect;

/// Connections that one application holds.
const CONNECTIONS: usize = 8;
const CONNECT: Duration = Duration::from_secs(5);
/// Longest that one call may take: a server that stopped in mid-answer says nothing.
const ANSWER: Duration = Duration::from_secs(30);
const PING: Duration = Duration::from_secs(5);
/// The character set of bytes.
const BINARY: u16 = 63;

/// A database of a server, by a few connections that are made when they are needed.
pub struct MysqlDatabase {
    pool: Pool,
    /// Compares bytes, spaces at an end among them; MySQL and MariaDB name it differently.
    collation: OnceCell<&'static str>,
}

/// How to reach a database. The password is in no message of an error.
#[derive(Clone)]
pub struct MysqlConfig {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Account.
    pub user: String,
    /// The account's password.
    pub password: String,
    /// Database.
    pub database: String,
}

impl MysqlDatabase {
    /// A database that is connected to when it is asked something, and again when the server went
    /// away since: what the server says to that is the error of the call.
    ///
    /// # Errors
    /// When there is no host to ask.
    pub fn connect(settings: MysqlConfig) -> Result<Self, DatabaseError> {
        if settings.host.is_empty() {
            return Err(DatabaseError::Unavailable("no host is given".to_owned()));
        }
        // The pool keeps only as many as its lower bound.
        let constraints = PoolConstraints::new(CONNECTIONS, CONNECTIONS).unwrap_or_default();
        let options = OptsBuilder::default()
            .ip_or_hostname(settings.host)
            .tcp_port(settings.port)
            .user(Some(settings.user))
            .pass(Some(settings.password))
            .db_name(Some(settings.database))
            .prefer_socket(false)
            // A row that was found and was so already counts as touched, as elsewhere.
            .client_found_rows(true)
            .pool_opts(PoolOpts::default().with_constraints(constraints));
        Ok(Self {
            pool: Pool::new(options),
            collation: OnceCell::new(),
        })
    }

    /// A connection of the pool, which looks whether it still lives, and clears what a call that was
    /// given up has left on it.
    async fn connection(&self) -> Result<Conn, DatabaseError> {
        match tokio::time::timeout(CONNECT, self.pool.get_conn()).await {
            // Whatever the server says to who wants to connect: the application cannot reach its
            // rows.
            Ok(connected) => {
                connected.map_err(|error| DatabaseError::Unavailable(error.to_string()))
            }
            Err(_) => Err(DatabaseError::Unavailable(
                "connection timed out".to_owned(),
            )),
        }
    }

    async fn translated(&self, conn: &mut Conn, sql: &str) -> Result<String, DatabaseError> {
        let collation = self
            .collation
            .get_or_try_init(|| async {
                let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
                Ok::<_, mysql_async::Error>(match version {
                    Some(version) if version.contains("MariaDB") => "utf8mb4_nopad_bin",
                    _ => "utf8mb4_0900_bin",
                })
            })
            .await
            .map_err(classified)?;
        Ok(dialect::mysql(sql, collation))
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

fn parameters(params: &[Value]) -> Params {
    if params.is_empty() {
        return Params::Empty;
    }
    let values = params.iter().map(|value| match value {
        Value::Null => mysql_async::Value::NULL,
        Value::Integer(value) => mysql_async::Value::Int(*value),
        Value::Text(value) => mysql_async::Value::Bytes(value.clone().into_bytes()),
        Value::Blob(value) => mysql_async::Value::Bytes(value.clone()),
    });
    Params::Positional(values.collect())
}

#[async_trait]
impl Database for MysqlDatabase {
    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<u64, DatabaseError> {
        in_time(ANSWER, async {
            let mut conn = self.connection().await?;
            let sql = self.translated(&mut conn, sql).await?;
            let done = conn.exec_drop(sql, parameters(&params)).await;
            done.map_err(classified)?;
            Ok(conn.affected_rows())
        })
        .await
    }

    async fn insert(&self, sql: &str, params: Vec<Value>) -> Result<i64, DatabaseError> {
        in_time(ANSWER, async {
            let mut conn = self.connection().await?;
            let done = conn.exec_drop(sql, parameters(&params)).await;
            done.map_err(classified)?;
            conn.last_insert_id()
                .and_then(|key| i64::try_from(key).ok())
                .ok_or_else(|| DatabaseError::Refused("the insert gave no key".to_owned()))
        })
        .await
    }

    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        in_time(ANSWER, async {
            let mut conn = self.connection().await?;
            let sql = self.translated(&mut conn, sql).await?;
            let rows = conn.exec(sql, parameters(&params)).await;
            let rows: Vec<mysql_async::Row> = rows.map_err(classified)?;
            rows.into_iter().map(row_of).collect()
        })
        .await
    }

    /// Statements that change tables commit what was before them, as this engine has it.
    async fn transaction(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        in_time(ANSWER, async {
            let mut conn = self.connection().await?;
            let mut translated = Vec::with_capacity(statements.len());
            for statement in &statements {
                let sql = self.translated(&mut conn, &statement.sql).await?;
                translated.push((sql, parameters(&statement.params)));
            }
            let done = all_or_none(&mut conn, translated).await;
            done.map_err(classified)
        })
        .await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        in_time(PING, async {
            let mut conn = self.connection().await?;
            conn.ping().await.map_err(classified)
        })
        .await
    }

    fn engine(&self) -> Engine {
        Engine::Mysql
    }
}

async fn all_or_none(
    conn: &mut Conn,
    statements: Vec<(String, Params)>,
) -> Result<(), mysql_async::Error> {
    let mut transaction = conn.start_transaction(TxOpts::default()).await?;
    for (sql, params) in statements {
        if let Err(error) = transaction.exec_drop(sql, params).await {
            // The first error is the one to tell; a connection that ends rolls back as well.
            let _ended = transaction.rollback().await;
            return Err(error);
        }
    }
    transaction.commit().await
}

fn row_of(row: mysql_async::Row) -> Result<Row, DatabaseError> {
    let columns = row.columns();
    let values = row.unwrap_raw();
    let value = |(column, value): (&mysql_async::Column, Option<mysql_async::Value>)| {
        let is_bytes = column.character_set() == BINARY
            && matches!(
                column.column_type(),
                ColumnType::MYSQL_TYPE_BLOB
                    | ColumnType::MYSQL_TYPE_LONG_BLOB
                    | ColumnType::MYSQL_TYPE_VAR_STRING
                    | ColumnType::MYSQL_TYPE_STRING
            );
        Ok(match value {
            None | Some(mysql_async::Value::NULL) => Value::Null,
            Some(mysql_async::Value::Int(value)) => Value::Integer(value),
            Some(mysql_async::Value::UInt(value)) => Value::Integer(
                i64::try_from(value).map_err(|why| DatabaseError::Refused(why.to_string()))?,
            ),
            Some(mysql_async::Value::Bytes(bytes)) if is_bytes => Value::Blob(bytes),
            Some(mysql_async::Value::Bytes(bytes)) => {
                Value::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            Some(other) => Value::Text(other.as_sql(true)),
        })
    };
    columns
        .iter()
        .zip(values)
        .map(value)
        .collect::<Result<_, _>>()
        .map(Row)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn classified(error: mysql_async::Error) -> DatabaseError {
    let words = error.to_string();
    match &error {
        mysql_async::Error::Server(told) => match told.code {
            // A key that is there twice.
            1062 | 1586 => DatabaseError::Unique(words),
            // Too many connections, no access, no such or no chosen database, shutting down, and
            // what a second try may bring through.
            1040 | 1044..=1046 | 1049 | 1053 | 1205 | 1213 => DatabaseError::Unavailable(words),
            _ => DatabaseError::Refused(words),
        },
        error if error.is_fatal() => DatabaseError::Unavailable(words),
        _ => DatabaseError::Refused(words),
    }
}
