//! Rows as the handlers use them: typed reads, JSON of a row, moments in upstream's two spellings.

use serde_json::{Map, Value as Json};

use crate::platform::{Row, Value};

pub(super) use crate::shared::rows::{first, number, params};

/// A row as JSON, by its columns' names: moments in ISO 8601, flags as booleans.
pub(super) fn object(columns: &[&str], row: &Row) -> Map<String, Json> {
    columns
        .iter()
        .zip(&row.0)
        .map(|(column, value)| {
            let json = match value {
                Value::Integer(number) if FLAGS.contains(column) => Json::from(*number != 0),
                Value::Integer(number) => Json::from(*number),
                Value::Text(moment) if column.ends_with("_at") => Json::from(iso(moment)),
                Value::Text(text) => Json::from(text.as_str()),
                Value::Null | Value::Blob(_) => Json::Null,
            };
            let name = if *column == "sort_order" {
                "order"
            } else {
                column
            };
            (name.to_owned(), json)
        })
        .collect()
}

const FLAGS: &[&str] = &["draft", "template", "external"];

/// `YYYY-MM-DD HH:MM:SS` in UTC, as Laravel writes moments into rows.
pub(super) fn moment(now_s: i64) -> String {
    jiff::Timestamp::from_second(now_s)
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// `YYYY-MM`, the folder of an upload.
pub(super) fn month(now_s: i64) -> String {
    moment(now_s).chars().take(7).collect()
}

/// `YYYY-MM-DDTHH:MM:SS.000000Z`, as Laravel writes moments into JSON.
pub(super) fn iso(moment: &str) -> String {
    format!("{}.000000Z", moment.replacen(' ', "T", 1))
}
