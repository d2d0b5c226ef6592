//! Direct access to a database: canaries, texts, counts, statements.

use phoenix_engine::environment::{DirectCopy, DriverError};
use tokio_postgres::Client;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use super::Postgres;
use super::catalogue::USER_SCHEMAS;
use super::session::{connect, text_rows, words};
use crate::sql::CANARIES;

/// A value in the server's text form, whatever type its place has.
#[derive(Debug)]
struct Text<'a>(&'a str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut bytes::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

impl Postgres {
    pub(super) async fn plant(&self, copy: &DirectCopy) -> Result<(), DriverError> {
        let mut client = connect(&self.server).await?;
        let done = async {
            let transaction = client.transaction().await?;
            transaction
                .batch_execute(&format!(
                    "CREATE TABLE IF NOT EXISTS public.{CANARIES} \
                     (marker text NOT NULL, payload text NOT NULL)"
                ))
                .await?;
            let values: [&(dyn ToSql + Sync); 2] = [&copy.marker, &copy.text];
            let update = format!("UPDATE public.{CANARIES} SET payload = $2 WHERE marker = $1");
            if transaction.execute(&update, &values).await? == 0 {
                let insert =
                    format!("INSERT INTO public.{CANARIES} (marker, payload) VALUES ($1, $2)");
                transaction.execute(&insert, &values).await?;
            }
            transaction.commit().await
        };
        done.await.map_err(|error| {
            DriverError::new(self.doing("writing a canary straight into"), words(&error))
        })
    }

    pub(super) async fn planted(&self) -> Result<Vec<DirectCopy>, DriverError> {
        let client = connect(&self.server).await?;
        let failed = |why| DriverError::new(self.doing("reading the canaries in"), why);
        let there = format!("SELECT 1 WHERE to_regclass('public.{CANARIES}') IS NOT NULL");
        if text_rows(&client, &there).await.map_err(failed)?.is_empty() {
            return Ok(Vec::new());
        }
        let query = format!("SELECT marker, payload FROM public.{CANARIES} ORDER BY ctid");
        let rows = text_rows(&client, &query).await.map_err(failed)?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let mut row = row.into_iter().map(Option::unwrap_or_default);
                DirectCopy {
                    marker: row.next().unwrap_or_default(),
                    text: row.next().unwrap_or_default(),
                }
            })
            .collect())
    }

    /// Whether a text stands in any column: in one of text or of a type that is written as text, or
    /// byte for byte in one of bytes or in a large object.
    pub(super) async fn holds_text(&self, text: &str) -> Result<bool, DriverError> {
        let client = connect(&self.server).await?;
        self.search(&client, text)
            .await
            .map_err(|why| DriverError::new(self.doing("looking for a text in"), why))
    }

    async fn search(&self, client: &Client, text: &str) -> Result<bool, String> {
        let query = format!(
            "SELECT format('%I.%I', n.nspname, c.relname), string_agg(CASE a.atttypid
                WHEN 'bytea'::regtype THEN format('position($2::bytea IN %I) > 0', a.attname)
                WHEN 'json'::regtype THEN format('(strpos(%1$I::text, $1) > 0 OR \
                    strpos(%1$I::text, $3) > 0)', a.attname)
                WHEN 'jsonb'::regtype THEN format('(strpos(%1$I::text, $1) > 0 OR \
                    strpos(%1$I::text, $3) > 0)', a.attname)
                ELSE format('strpos(%I::text, $1) > 0', a.attname) END, ' OR ')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             JOIN pg_type t ON t.oid = a.atttypid
             WHERE c.relkind = 'r' AND {USER_SCHEMAS} AND (t.typcategory IN ('S', 'A', 'U', 'E', 'C')
                OR t.typtype IN ('d', 'e', 'c'))
             GROUP BY 1 ORDER BY 1"
        );
        let mut queries: Vec<String> = text_rows(client, &query)
            .await?
            .into_iter()
            .filter_map(|row| match &row[..] {
                [Some(table), Some(found)] => Some(format!("FROM ONLY {table} WHERE {found}")),
                _ => None,
            })
            .collect();
        queries.push(
            "FROM pg_largeobject_metadata WHERE position($2::bytea IN lo_get(oid)) > 0".to_owned(),
        );
        // As JSON writes it, without the quotation marks around it.
        let escaped = serde_json::Value::from(text).to_string();
        let escaped = &escaped[1..escaped.len() - 1];
        for query in queries {
            // All three are named in each query, so that each has the same types.
            let query = format!(
                "SELECT EXISTS (SELECT 1 {query}) FROM (SELECT $1::text, $2::bytea, $3::text) given"
            );
            let row = client
                .query_one(&query, &[&text, &text.as_bytes(), &escaped])
                .await
                .map_err(|error| words(&error))?;
            if row.try_get(0).map_err(|error| words(&error))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn row_count(&self) -> Result<u64, DriverError> {
        let failed = |why| DriverError::new(self.doing("counting the rows of"), why);
        let client = connect(&self.server).await?;
        let query = format!(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
             JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.relname <> '{CANARIES}' \
             AND {USER_SCHEMAS}"
        );
        let mut rows = 0;
        for table in text_rows(&client, &query)
            .await
            .map_err(failed)?
            .into_iter()
            .flatten()
            .flatten()
        {
            let count = format!("SELECT count(*) FROM ONLY {table}");
            let counted = text_rows(&client, &count).await.map_err(failed)?;
            rows += counted
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|count| count.parse::<u64>().ok())
                .sum::<u64>();
        }
        Ok(rows)
    }

    pub(super) async fn run_statement(
        &self,
        statement: &str,
        values: &[String],
    ) -> Result<u64, DriverError> {
        let client = connect(&self.server).await?;
        let texts: Vec<Text<'_>> = values.iter().map(|value| Text(value)).collect();
        let values: Vec<&(dyn ToSql + Sync)> = texts
            .iter()
            .map(|value| value as &(dyn ToSql + Sync))
            .collect();
        // Names stand without a schema in what applications' clients ask for.
        let done = async {
            client.batch_execute("RESET search_path").await?;
            client.execute(&numbered(statement), &values).await
        };
        done.await
            .map_err(|error| DriverError::new(self.doing("changing"), words(&error)))
    }
}

/// Writes `$1`, `$2` … for the `?` places of a statement; one inside quotation marks is none.
fn numbered(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len() + 8);
    let mut quoted = None;
    let mut places = 0;
    for letter in statement.chars() {
        match (quoted, letter) {
            (None, '?') => {
                places += 1;
                text.push_str(&format!("${places}"));
                continue;
            }
            (None, '\'' | '"') => quoted = Some(letter),
            (Some(mark), letter) if mark == letter => quoted = None,
            _ => {}
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_outside_of_quotation_marks() {
        assert_eq!(
            numbered("UPDATE \"a?\" SET b = ?, c = 'why? it''s ?' WHERE d = ?"),
            "UPDATE \"a?\" SET b = $1, c = 'why? it''s ?' WHERE d = $2"
        );
    }
}
