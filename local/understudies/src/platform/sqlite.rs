//! The database seam over a SQLite file.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql};

use super::database::{Database, DatabaseError, Engine, Row, Statement, Value};

/// A database in one SQLite file.
pub struct SqliteDatabase {
    path: PathBuf,
    /// Device and inode of the file when it was opened.
    opened: (u64, u64),
    connection: Arc<Mutex<Option<Connection>>>,
}

impl SqliteDatabase {
    /// Opens the file; one that is not there is created, as an empty database server would be.
    ///
    /// # Errors
    /// When the folder is not there or the file is no database.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = Connection::open(path).map_err(unavailable)?;
        connection
            .busy_timeout(Duration::from_secs(5))
            .map_err(unavailable)?;
        // NORMAL: durable against a crash of the process, which is the crash that happens here.
        connection
            .execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
            )
            .map_err(unavailable)?;
        let meta =
            std::fs::metadata(path).map_err(|e| DatabaseError::Unavailable(e.to_string()))?;
        Ok(Self {
            path: path.to_owned(),
            opened: (meta.dev(), meta.ino()),
            connection: Arc::new(Mutex::new(Some(connection))),
        })
    }

    /// Closes the file; every later call finds the database unavailable.
    pub fn close(&self) {
        if let Ok(mut connection) = self.connection.lock() {
            connection.take();
        }
    }

    /// A file that was deleted or replaced goes on answering to whoever holds it open: a database
    /// server that was destroyed does not.
    fn still_there(&self) -> Result<(), DatabaseError> {
        match std::fs::metadata(&self.path) {
            Ok(meta) if (meta.dev(), meta.ino()) == self.opened => Ok(()),
            Ok(_) => Err(DatabaseError::Unavailable(
                "another database has its place".to_owned(),
            )),
            Err(error) => Err(DatabaseError::Unavailable(error.to_string())),
        }
    }

    async fn with<T, F>(&self, act: F) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.still_there()?;
        let connection = Arc::clone(&self.connection);
        tokio::task::spawn_blocking(move || {
            let mut connection = connection
                .lock()
                .map_err(|_| DatabaseError::Unavailable("connection lost".to_owned()))?;
            let connection = connection
                .as_mut()
                .ok_or_else(|| DatabaseError::Unavailable("connection closed".to_owned()))?;
            act(connection).map_err(refused)
        })
        .await
        .map_err(|error| DatabaseError::Unavailable(error.to_string()))?
    }
}

impl Drop for SqliteDatabase {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl Database for SqliteDatabase {
    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<u64, DatabaseError> {
        let sql = sql.to_owned();
        self.with(move |connection| {
            let changed = connection
                .prepare_cached(&sql)?
                .execute(rusqlite::params_from_iter(params.iter()))?;
            Ok(changed as u64)
        })
        .await
    }

    async fn insert(&self, sql: &str, params: Vec<Value>) -> Result<i64, DatabaseError> {
        let sql = sql.to_owned();
        self.with(move |connection| {
            connection
                .prepare_cached(&sql)?
                .execute(rusqlite::params_from_iter(params.iter()))?;
            Ok(connection.last_insert_rowid())
        })
        .await
    }

    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        let sql = sql.to_owned();
        self.with(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let columns = statement.column_count();
            let mut rows = statement.query(rusqlite::params_from_iter(params.iter()))?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let values = (0..columns)
                    .map(|at| row.get_ref(at).map(value_of))
                    .collect::<rusqlite::Result<_>>()?;
                all.push(Row(values));
            }
            Ok(all)
        })
        .await
    }

    async fn transaction(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        self.with(move |connection| {
            let transaction = connection.transaction()?;
            for statement in &statements {
                transaction
                    .prepare_cached(&statement.sql)?
                    .execute(rusqlite::params_from_iter(statement.params.iter()))?;
            }
            transaction.commit()
        })
        .await
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        self.with(|connection| {
            connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
        })
        .await
    }

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Text(value.to_string()),
        ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
        ValueRef::Blob(value) => Value::Blob(value.to_vec()),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn unavailable(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::Unavailable(error.to_string())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn refused(error: rusqlite::Error) -> DatabaseError {
    match &error {
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == ErrorCode::ConstraintViolation =>
        {
            DatabaseError::Unique(error.to_string())
        }
        rusqlite::Error::SqliteFailure(failure, _)
            if matches!(
                failure.code,
                ErrorCode::CannotOpen | ErrorCode::DatabaseBusy | ErrorCode::SystemIoFailure
            ) =>
        {
            DatabaseError::Unavailable(error.to_string())
        }
        _ => DatabaseError::Refused(error.to_string()),
    }
}
