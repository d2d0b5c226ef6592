//! The one seam behind which an understudy keeps its rows.
//!
//! Statements are written in the SQL that SQLite, PostgreSQL and MySQL share: `?` placeholders,
//! `TEXT`, `BIGINT` and `BLOB` columns, explicit primary keys, no upserts that only one engine
//! knows. What differs between engines (placeholders, `BYTEA` for `BLOB`, a generated key) is the
//! implementation's to translate.

use async_trait::async_trait;

/// A value of a row or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit signed integer. Booleans are 0 and 1.
    Integer(i64),
    /// Text, UTF-8.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// One row; columns in the order of the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

/// What a database answers when it does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// A unique constraint refused the write.
    #[error("unique constraint: {0}")]
    Unique(String),
    /// The database cannot be reached or is not there: the application keeps trying.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// It answered, and refused.
    #[error("database refused: {0}")]
    Refused(String),
}

/// What a database runs on, where an application has to know: text search is the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    Mysql,
}

/// One statement of a transaction.
#[derive(Clone, Debug)]
pub struct Statement {
    /// SQL with `?` placeholders.
    pub sql: String,
    /// Its parameters.
    pub params: Vec<Value>,
}

/// A database. Every call is durable when it returns.
#[async_trait]
pub trait Database: Send + Sync {
    /// One statement outside a transaction; the number of rows that it touched.
    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<u64, DatabaseError>;
    /// An `INSERT` into a table whose integer key `id` the database gives; the key.
    async fn insert(&self, sql: &str, params: Vec<Value>) -> Result<i64, DatabaseError>;
    /// A query, whole.
    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DatabaseError>;
    /// All of the statements or none.
    async fn transaction(&self, statements: Vec<Statement>) -> Result<(), DatabaseError>;
    /// Answers when the database does; an error otherwise. Used by health paths.
    async fn ping(&self) -> Result<(), DatabaseError>;
    /// What it runs on.
    fn engine(&self) -> Engine;
}

impl Row {
    /// A column as text; empty when it is NULL.
    #[must_use]
    pub fn text(&self, column: usize) -> String {
        match self.0.get(column) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::Blob(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            Some(Value::Null) | None => String::new(),
        }
    }

    /// A column as a number; 0 when it is none.
    #[must_use]
    pub fn integer(&self, column: usize) -> i64 {
        match self.0.get(column) {
            Some(Value::Integer(number)) => *number,
            Some(Value::Text(text)) => text.parse().unwrap_or(0),
            _ => 0,
        }
    }

    /// A column as bytes; none when it is NULL.
    #[must_use]
    pub fn blob(&self, column: usize) -> Vec<u8> {
        match self.0.get(column) {
            Some(Value::Blob(bytes)) => bytes.clone(),
            Some(Value::Text(text)) => text.clone().into_bytes(),
            _ => Vec::new(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(i64::from(flag))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}
