//! Rows as handlers use them.

use crate::platform::{Database, DatabaseError, Row, Value};

/// Parameters of a statement, of whatever types.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::platform::Value::from($value)),*]
    };
}
pub(crate) use params;

/// The first row of a query.
///
/// # Errors
/// The database's.
pub async fn first(
    database: &dyn Database,
    sql: &str,
    params: Vec<Value>,
) -> Result<Option<Row>, DatabaseError> {
    Ok(database.query(sql, params).await?.into_iter().next())
}

/// The number in the first column of the first row; 0 without one.
///
/// # Errors
/// The database's.
pub async fn number(
    database: &dyn Database,
    sql: &str,
    params: Vec<Value>,
) -> Result<i64, DatabaseError> {
    Ok(first(database, sql, params)
        .await?
        .map_or(0, |row| row.integer(0)))
}
