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
}
