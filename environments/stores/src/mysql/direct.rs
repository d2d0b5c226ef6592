//! Direct access to a database: canaries, texts, counts, statements.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Params, Value};
use phoenix_engine::environment::{DirectCopy, DriverError};

use super::Mysql;
use super::session::{close, connect, quoted, text_rows};
use crate::sql::CANARIES;

impl Mysql {
    pub(super) async fn plant(&self, copy: &DirectCopy) -> Result<(), DriverError> {
        let mut connection = connect(&self.server).await?;
        let done = async {
            connection
                .query_drop(format!(
                    "CREATE TABLE IF NOT EXISTS {CANARIES} (marker text NOT NULL, \
                     payload longtext NOT NULL) ENGINE=InnoDB CHARACTER SET utf8mb4"
                ))
                .await?;
            let there: Option<u64> = connection
                .exec_first(
                    format!("SELECT count(*) FROM {CANARIES} WHERE marker = ?"),
                    (&copy.marker,),
                )
                .await?;
            // Rows touched are no answer: one that is written again as it was counts as untouched.
            if there.unwrap_or(0) > 0 {
                let update = format!("UPDATE {CANARIES} SET payload = ? WHERE marker = ?");
                connection
                    .exec_drop(update, (&copy.text, &copy.marker))
                    .await
            } else {
                let insert = format!("INSERT INTO {CANARIES} (marker, payload) VALUES (?, ?)");
                connection
                    .exec_drop(insert, (&copy.marker, &copy.text))
                    .await
            }
        };
        done.await.map_err(|error: mysql_async::Error| {
            DriverError::new(self.doing("writing a canary straight into"), error)
        })?;
        close(connection).await;
        Ok(())
    }

    pub(super) async fn planted(&self) -> Result<Vec<DirectCopy>, DriverError> {
        let failed = |why| DriverError::new(self.doing("reading the canaries in"), why);
        let mut connection = connect(&self.server).await?;
        let there = format!(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_NAME = '{CANARIES}'"
        );
        let mut copies = Vec::new();
        if !text_rows(&mut connection, &there)
            .await
            .map_err(failed)?
            .is_empty()
        {
            let query = format!("SELECT marker, payload FROM {CANARIES}");
            for row in text_rows(&mut connection, &query).await.map_err(failed)? {
                if let [marker, text] = &row[..] {
                    copies.push(DirectCopy {
                        marker: marker.clone(),
                        text: text.clone(),
                    });
                }
            }
        }
        close(connection).await;
        Ok(copies)
    }

    /// Whether a text stands in any column of text or of bytes, letter by letter.
    pub(super) async fn holds_text(&self, text: &str) -> Result<bool, DriverError> {
        let failed = |why| DriverError::new(self.doing("looking for a text in"), why);
        let mut connection = connect(&self.server).await?;
        let columns = text_rows(
            &mut connection,
            "SELECT TABLE_NAME, COLUMN_NAME, CHARACTER_SET_NAME FROM information_schema.COLUMNS \
             JOIN information_schema.TABLES USING (TABLE_SCHEMA, TABLE_NAME) \
             WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') \
             AND (CHARACTER_SET_NAME IS NOT NULL OR DATA_TYPE IN ('json', 'binary', 'varbinary', \
                'tinyblob', 'blob', 'mediumblob', 'longblob'))",
        )
        .await
        .map_err(failed)?;
        // As JSON writes it, without the quotation marks around it.
        let escaped = serde_json::Value::from(text).to_string();
        let escaped = escaped[1..escaped.len() - 1].to_owned();
        for row in columns {
            let [table, column, characters] = &row[..] else {
                continue;
            };
            let column = quoted(column);
            // Compared as bytes, so that neither case nor accents are overlooked.
            let read = if characters.is_empty() {
                format!("CAST({column} AS BINARY)")
            } else {
                format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)")
            };
            let query = format!(
                "SELECT 1 FROM {} WHERE LOCATE(CAST(? AS BINARY), {read}) > 0 \
                 OR LOCATE(CAST(? AS BINARY), {read}) > 0 LIMIT 1",
                quoted(table)
            );
            let found: Option<u64> = connection
                .exec_first(query, (text, &escaped))
                .await
                .map_err(|error| failed(error.to_string()))?;
            if found.is_some() {
                close(connection).await;
                return Ok(true);
            }
        }
        close(connection).await;
        Ok(false)
    }

    pub(super) async fn row_count(&self) -> Result<u64, DriverError> {
        let failed = |why| DriverError::new(self.doing("counting the rows of"), why);
        let mut connection = connect(&self.server).await?;
        let query = format!(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() \
             AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_NAME <> '{CANARIES}'"
        );
        let tables = text_rows(&mut connection, &query).await.map_err(failed)?;
        let mut rows = 0;
        for table in tables.iter().flatten() {
            let count = format!("SELECT count(*) FROM {}", quoted(table));
            let counted = text_rows(&mut connection, &count).await.map_err(failed)?;
            rows += counted
                .iter()
                .flatten()
                .filter_map(|count| count.parse::<u64>().ok())
                .sum::<u64>();
        }
        close(connection).await;
        Ok(rows)
    }

    pub(super) async fn run_statement(
        &self,
        statement: &str,
        values: &[String],
    ) -> Result<u64, DriverError> {
        let failed = |error| DriverError::new(self.doing("changing"), error);
        let mut connection = connect(&self.server).await?;
        let values: Vec<Value> = values.iter().map(Value::from).collect();
        let values = if values.is_empty() {
            Params::Empty
        } else {
            Params::Positional(values)
        };
        connection
            .exec_drop(statement, values)
            .await
            .map_err(failed)?;
        let rows = connection.affected_rows();
        close(connection).await;
        Ok(rows)
    }
}
