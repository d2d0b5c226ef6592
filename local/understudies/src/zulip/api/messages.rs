//! Messages: send, read, list, search, edit, delete.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::platform::Value as Parameter;
use crate::shared::rows::params;
use crate::zulip::Application;
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;
use crate::zulip::messages::{COLUMNS, TABLES, message_of, stem};

/// Longest message, in characters.
const CONTENT_MAX: usize = 10_000;
/// Messages of one answer, at most.
const PAGE_MAX: i64 = 5000;

#[derive(Deserialize)]
pub(super) struct Send {
    #[serde(rename = "type")]
    kind: String,
    to: String,
    #[serde(default)]
    topic: String,
    content: String,
}

/// `POST /api/v1/messages`.
pub(super) async fn send(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Form(form): Form<Send>,
) -> Result<Json<Value>, Refusal> {
    if !["stream", "channel"].contains(&form.kind.as_str()) {
        return Err(Refusal::bad("Invalid type parameter"));
    }
    if form.content.trim().is_empty() {
        return Err(Refusal::bad("Message must not be empty"));
    }
    if form.content.chars().count() > CONTENT_MAX {
        return Err(Refusal::bad("Message is too long"));
    }
    let name = serde_json::from_str::<String>(&form.to).unwrap_or(form.to);
    let stream = app
        .stream(user.realm, &name)
        .await?
        .ok_or_else(|| Refusal::bad(format!("Channel '{name}' does not exist")))?;
    let topic = if form.topic.is_empty() {
        "(no topic)"
    } else {
        &form.topic
    };
    let id = app.send(&user, stream, topic, &form.content).await?;
    Ok(success(json!({"id": id})))
}

/// `GET /api/v1/messages/{id}`.
pub(super) async fn show(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Refusal> {
    let message = app.message(id).await?;
    Ok(success(
        json!({"raw_content": message["content"], "message": message}),
    ))
}

#[derive(Deserialize)]
pub(super) struct Edit {
    content: String,
}

/// `PATCH /api/v1/messages/{id}`.
pub(super) async fn edit(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<i64>,
    Form(form): Form<Edit>,
) -> Result<Json<Value>, Refusal> {
    app.edit(&user, id, &form.content).await?;
    Ok(success(json!({})))
}

/// `DELETE /api/v1/messages/{id}`.
pub(super) async fn remove(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Refusal> {
    app.remove(&user, id).await?;
    Ok(success(json!({})))
}

#[derive(Deserialize)]
pub(super) struct List {
    anchor: String,
    #[serde(default)]
    num_before: i64,
    #[serde(default)]
    num_after: i64,
    #[serde(default)]
    narrow: String,
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
    Query(query): Query<List>,
) -> Result<Json<Value>, Refusal> {
    if query.num_before + query.num_after > PAGE_MAX || query.num_before < 0 || query.num_after < 0
    {
        return Err(Refusal::bad(format!(
            "Too many messages requested (maximum {PAGE_MAX})."
        )));
    }
    let anchor = match query.anchor.as_str() {
        "newest" => i64::MAX,
        "oldest" => 0,
        number => number.parse().map_err(|_| Refusal::bad("Invalid anchor"))?,
    };
    let terms: Vec<Term> = if query.narrow.is_empty() {
        Vec::new()
    } else {
        serde_json::from_str(&query.narrow)
            .map_err(|error| Refusal::bad(format!("Invalid narrow: {error}")))?
    };
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
            "search" => words.extend(operand.split_whitespace().map(stem)),
            other => {
                return Err(Refusal::bad(format!("Invalid narrow operator: {other}")));
            }
        }
    }
    let mut messages = Vec::new();
    let mut found_oldest = true;
    for (count, side, order) in [
        (query.num_before, "m.id <= ?", "DESC"),
        (query.num_after, "m.id > ?", "ASC"),
    ] {
        if count == 0 {
            continue;
        }
        // Words are looked for after the query: how many rows that takes is not known before.
        let limit = if words.is_empty() { count } else { i64::MAX };
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE {condition} AND {side} ORDER BY m.id {order} \
             LIMIT ?"
        );
        let mut values = values.clone();
        values.extend(params![anchor, limit]);
        let rows = app.database.query(&sql, values).await?;
        let fits = |message: &Value| {
            let content = message["content"].as_str().unwrap_or_default();
            let stems: Vec<String> = content.split_whitespace().map(stem).collect();
            words.iter().all(|word| stems.contains(word))
        };
        let mut side: Vec<Value> = rows.iter().map(message_of).filter(fits).collect();
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        if order == "DESC" {
            found_oldest = side.len() < wanted;
        }
        side.truncate(wanted);
        messages.extend(side);
    }
    messages.sort_by_key(|message| message["id"].as_i64());
    Ok(success(json!({
        "messages": messages, "found_oldest": found_oldest, "found_newest": true,
        "found_anchor": false, "history_limited": false,
    })))
}
