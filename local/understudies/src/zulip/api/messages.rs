//! Messages: send, read, list, search, edit, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::platform::{Engine, Row, Value as Parameter};
use crate::shared::rows::params;
use crate::zulip::Application;
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;
use crate::zulip::messages::{COLUMNS, TABLES, lexeme, rendered, shown};

/// Longest message, in characters; what is longer is cut, and says so.
const CONTENT_MAX: usize = 10_000;
const CUT: &str = "\n[message truncated]";
/// Longest topic, in characters.
const TOPIC_MAX: usize = 60;
/// Messages of one answer, at most.
const PAGE_MAX: i64 = 5000;

/// A message as it is kept.
fn normalised(content: &str) -> Result<String, Refusal> {
    let content = content.trim_end().trim_start_matches('\n');
    if content.is_empty() {
        return Err(Refusal::bad("Message must not be empty"));
    }
    if content.contains('\0') {
        return Err(Refusal::bad("Message must not contain null bytes"));
    }
    Ok(cut(content, CONTENT_MAX, CUT))
}

fn cut(text: &str, max: usize, end: &str) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept = max - end.chars().count();
    text.chars().take(kept).chain(end.chars()).collect()
}

/// The names of the channels in `to`: a name, or one in JSON, alone or in a list.
fn channel(to: &str) -> String {
    match serde_json::from_str(to) {
        Ok(Value::String(name)) => name,
        Ok(Value::Array(names)) => match names.as_slice() {
            [Value::String(name)] => name.clone(),
            _ => to.to_owned(),
        },
        _ => to.to_owned(),
    }
}

/// `POST /api/v1/messages`.
pub(super) async fn send(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    if !["stream", "channel"].contains(&parameters.required("type")?) {
        return Err(Refusal::bad("Invalid type"));
    }
    let name = channel(parameters.required("to")?);
    let content = normalised(parameters.required("content")?)?;
    let topic = match parameters.get("topic").unwrap_or_default().trim() {
        "" => "(no topic)".to_owned(),
        topic => cut(topic, TOPIC_MAX, "..."),
    };
    let stream = app.stream(user.realm, &name).await?.ok_or_else(|| {
        let words = format!("Channel '{name}' does not exist");
        Refusal::new(
            axum::http::StatusCode::BAD_REQUEST,
            "STREAM_DOES_NOT_EXIST",
            words,
        )
    })?;
    let id = app.send(&user, stream, &topic, &content).await?;
    Ok(success(json!({"id": id})))
}

/// An id of a path; another word is no such page.
fn id_of(text: &str) -> Result<i64, Refusal> {
    match text.parse() {
        Ok(id) if id >= 0 => Ok(id),
        _ => Err(Refusal::not_found("Not found")),
    }
}

/// `GET /api/v1/messages/{id}`.
pub(super) async fn show(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let (message, raw) = app.message(id_of(&id)?).await?;
    let message = shown(message, parameters.apply_markdown());
    Ok(success(json!({"raw_content": raw, "message": message})))
}

/// `PATCH /api/v1/messages/{id}`.
pub(super) async fn edit(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let content = match parameters.required("content")?.trim() {
        "" => "(deleted)".to_owned(),
        _ => normalised(parameters.required("content")?)?,
    };
    app.edit(&user, id_of(&id)?, &content).await?;
    Ok(success(json!({})))
}

/// `DELETE /api/v1/messages/{id}`.
pub(super) async fn remove(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    app.remove(&user, id_of(&id)?).await?;
    Ok(success(json!({})))
}

/// `GET /api/v1/messages/{id}/history`.
pub(super) async fn history(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let history = app.history(id_of(&id)?).await?;
    Ok(success(json!({"message_history": history})))
}

/// `POST /api/v1/messages/render`.
pub(super) async fn render(
    _caller: Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let content = parameters.required("content")?;
    Ok(success(json!({"rendered": rendered(content)})))
}

#[derive(Deserialize)]
struct Term {
    operator: String,
    operand: Value,
}

/// `GET /api/v1/messages`: around an anchor, narrowed to a channel, a topic, or words.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let before = parameters.count("num_before")?;
    let after = parameters.count("num_after")?;
    if before.saturating_add(after) > PAGE_MAX {
        return Err(Refusal::bad(format!(
            "Too many messages requested (maximum {PAGE_MAX})."
        )));
    }
    let anchor = match parameters.required("anchor")? {
        "newest" => i64::MAX,
        "oldest" => 0,
        number => number.parse().map_err(|_| Refusal::bad("Invalid anchor"))?,
    };
    let terms: Vec<Term> = match parameters.get("narrow") {
        None | Some("") => Vec::new(),
        Some(_) => parameters.json("narrow")?,
    };
    let dictionary = app.platform.behaviour.dictionary;
    let mut condition = "m.realm_id = ?".to_owned();
    let mut values: Vec<Parameter> = params![user.realm];
    let mut words = Vec::new();
    for term in &terms {
        let operand = term.operand.as_str().unwrap_or_default();
        match term.operator.as_str() {
            "stream" | "channel" => {
                condition.push_str(" AND s.name = ?");
                values.push(operand.into());
            }
            "topic" => {
                condition.push_str(" AND m.subject = ?");
                values.push(operand.into());
            }
            "search" if app.database.engine() == Engine::Postgres => {
                condition.push_str(
                    " AND m.search_tsvector @@ plainto_tsquery('zulip.english_us_search', ?)",
                );
                values.push(operand.into());
            }
            "search" => {
                words.extend(
                    operand
                        .split_whitespace()
                        .map(|word| lexeme(word, dictionary)),
                );
            }
            other => {
                return Err(Refusal::new(
                    axum::http::StatusCode::BAD_REQUEST,
                    "BAD_NARROW",
                    format!("Invalid narrow operator: unknown operator {other}"),
                ));
            }
        }
    }
    let fits = |row: &Row| {
        let lexemes: Vec<String> = row
            .text(4)
            .split_whitespace()
            .map(|word| lexeme(word, dictionary))
            .collect();
        words.iter().all(|word| lexemes.contains(word))
    };
    let mut found = Vec::new();
    let mut whole = Vec::new();
    // The anchor itself is counted on neither side.
    for (count, side, order) in [
        (before, "m.id < ?", "DESC"),
        (1, "m.id = ?", "ASC"),
        (after, "m.id > ?", "ASC"),
    ] {
        // Words are looked for after the query: how many rows that takes is not known before.
        let limit = if words.is_empty() { count } else { i64::MAX };
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE {condition} AND {side} ORDER BY m.id {order} \
             LIMIT ?"
        );
        let mut values = values.clone();
        values.extend(params![anchor, limit]);
        let rows = app.database.query(&sql, values).await?;
        let mut rows: Vec<Row> = rows.into_iter().filter(fits).collect();
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        whole.push(rows.len() < wanted);
        rows.truncate(wanted);
        found.extend(rows);
    }
    found.sort_by_key(|row| row.integer(0));
    let mut messages = Vec::new();
    for row in &found {
        let message = app.cached(row).await;
        messages.push(shown(message, parameters.apply_markdown()));
    }
    Ok(success(json!({
        "messages": messages, "anchor": anchor, "history_limited": false,
        "found_anchor": found.iter().any(|row| row.integer(0) == anchor),
        "found_oldest": anchor == 0 || whole.first() == Some(&true),
        "found_newest": anchor == i64::MAX || whole.last() == Some(&true),
    })))
}
