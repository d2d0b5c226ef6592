//! Lists: `?count&offset&sort&filter[field:operator]` over the fields that a list shows.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json_, json};

use super::answer::ApiError;
use crate::bookstack::Application;
use crate::bookstack::rows::{number, object};
use crate::platform::Value;
use crate::shared::text::params;

const COUNT_DEFAULT: i64 = 100;
const COUNT_MAX: i64 = 500;

/// A table, what is shown of it, and which of its rows there are to be seen.
pub(super) struct Listing<'a> {
    pub(super) table: &'a str,
    pub(super) columns: &'a [&'a str],
    /// SQL, without parameters.
    pub(super) condition: &'a str,
}

impl Listing<'_> {
    /// The rows asked for by a query string, and how many fit without the window.
    pub(super) async fn rows(
        &self,
        app: &Application,
        query: &str,
    ) -> Result<(Vec<Map<String, Json_>>, i64), ApiError> {
        let query = params(query);
        let mut condition = self.condition.to_owned();
        let mut values = Vec::new();
        for (name, value) in &query {
            let Some(filter) = name
                .strip_prefix("filter[")
                .and_then(|f| f.strip_suffix(']'))
            else {
                continue;
            };
            let (field, operator) = filter.split_once(':').unwrap_or((filter, "eq"));
            // Unknown fields and operators are left out, as upstream leaves them out.
            let (Some(column), Some(operator)) = (self.column(field), operator_of(operator)) else {
                continue;
            };
            condition.push_str(&format!(" AND {column} {operator} ?"));
            values.push(parameter(column, value));
        }
        let sort = query.get("sort").map(String::as_str).unwrap_or_default();
        let (direction, field) = match sort.strip_prefix('-') {
            Some(field) => ("DESC", field),
            None => ("ASC", sort.trim_start_matches(['+', ' '])),
        };
        let order = self.column(field).unwrap_or("id");
        let window = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
        let count = window("count").unwrap_or(COUNT_DEFAULT).clamp(1, COUNT_MAX);
        let offset = window("offset").unwrap_or(0).max(0);
        let (table, columns) = (self.table, self.columns.join(", "));
        let total = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
        let total = number(app.database.as_ref(), &total, values.clone()).await?;
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE {condition} \
             ORDER BY {order} {direction}, id ASC LIMIT {count} OFFSET {offset}"
        );
        let rows = app.database.query(&sql, values).await?;
        Ok((
            rows.iter().map(|row| object(self.columns, row)).collect(),
            total,
        ))
    }

    /// `{"data","total"}`.
    pub(super) async fn answer(
        &self,
        app: &Application,
        query: &str,
    ) -> Result<Response, ApiError> {
        let (rows, total) = self.rows(app, query).await?;
        Ok(data(rows, total))
    }

    /// One row by its id.
    pub(super) async fn one(
        &self,
        app: &Application,
        id: i64,
    ) -> Result<Option<Map<String, Json_>>, ApiError> {
        let (table, columns) = (self.table, self.columns.join(", "));
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE {} AND id = ?",
            self.condition
        );
        let rows = app.database.query(&sql, vec![Value::Integer(id)]).await?;
        Ok(rows.first().map(|row| object(self.columns, row)))
    }

    fn column(&self, field: &str) -> Option<&str> {
        let field = if field == "order" {
            "sort_order"
        } else {
            field
        };
        self.columns
            .iter()
            .find(|column| **column == field)
            .copied()
    }
}

/// `{"data","total"}`.
pub(super) fn data(rows: Vec<Map<String, Json_>>, total: i64) -> Response {
    Json(json!({ "data": rows, "total": total })).into_response()
}

fn operator_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "eq" => "=",
        "ne" => "<>",
        "gt" => ">",
        "lt" => "<",
        "gte" => ">=",
        "lte" => "<=",
        "like" => "LIKE",
        _ => return None,
    })
}

/// Numbers where the column has numbers: not every engine compares them with text.
fn parameter(column: &str, value: &str) -> Value {
    let text = matches!(
        column,
        "name" | "slug" | "email" | "external_auth_id" | "extension"
    ) || column.ends_with("_at");
    match value.parse::<i64>() {
        Ok(number) if !text => Value::Integer(number),
        _ => Value::Text(value.to_owned()),
    }
}
