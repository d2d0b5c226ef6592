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
pub struct MysqlSettings {
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
    /// Nothing is asked of the server before the first call.
    #[must_use]
    pub fn new(settings: &MysqlSettings) -> Self {
        let constraints = PoolConstraints::new(0, CONNECTIONS).unwrap_or_default();
        let options = OptsBuilder::default()
            .ip_or_hostname(settings.host.clone())
            .tcp_port(settings.port)
            .user(Some(settings.user.clone()))
            .pass(Some(settings.password.clone()))
            .db_name(Some(settings.database.clone()))
            .prefer_socket(false)
            // A row that was found and was so already counts as touched, as elsewhere.
            .client_found_rows(true)
            .pool_opts(PoolOpts::default().with_constraints(constraints));
        Self {
            pool: Pool::new(options),
            collation: OnceCell::new(),
        }
    }

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
    call: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(done) => done,
        Err(_) => Err(DatabaseError::Unavailable(format!(
            "no answer within {} s",
            ANSWER.as_secs()
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
        in_time(async {
            let mut conn = self.connection().await?;
            let sql = self.translated(&mut conn, sql).await?;
            conn.exec_drop(sql, parameters(&params))
                .await
                .map_err(classified)?;
            Ok(conn.affected_rows())
        })
        .await
    }

    async fn insert(&self, sql: &str, params: Vec<Value>) -> Result<i64, DatabaseError> {
        in_time(async {
            let mut conn = self.connection().await?;
            conn.exec_drop(sql, parameters(&params))
                .await
                .map_err(classified)?;
            conn.last_insert_id()
                .and_then(|id| i64::try_from(id).ok())
                .ok_or_else(|| DatabaseError::Refused("the insert gave no key".to_owned()))
        })
        .await
    }

    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        in_time(async {
            let mut conn = self.connection().await?;
            let sql = self.translated(&mut conn, sql).await?;
            let rows: Vec<mysql_async::Row> = conn
                .exec(sql, parameters(&params))
                .await
                .map_err(classified)?;
            rows.into_iter().map(row_of).collect()
        })
        .await
    }

    /// Statements that change tables commit what was before them, as this engine has it.
    async fn transaction(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        in_time(async {
            let mut conn = self.connection().await?;
            let mut translated = Vec::with_capacity(statements.len());
            for statement in &statements {
                let sql = self.translated(&mut conn, &statement.sql).await?;
                translated.push((sql, parameters(&statement.params)));
            }
            let mut transaction = conn
                .start_transaction(TxOpts::default())
                .await
                .map_err(classified)?;
            for (sql, params) in translated {
                if let Err(error) = transaction.exec_drop(sql, params).await {
                    // The first error is the one to tell; the connection's end rolls back as well.
                    let _ended = transaction.rollback().await;
                    return Err(classified(error));
                }
            }
            transaction.commit().await.map_err(classified)
        })
        .await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        in_time(async {
            let mut conn = self.connection().await?;
            conn.ping().await.map_err(classified)
        })
        .await
    }

    fn engine(&self) -> Engine {
        Engine::Mysql
    }
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
