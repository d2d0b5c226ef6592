//! Channels: which there are, who is in them, what is talked about.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::platform::DatabaseError;
use crate::shared::rows::{number, params};
use crate::zulip::Application;
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;

/// Longest name of a channel, in characters.
const NAME_MAX: usize = 60;

#[derive(Deserialize)]
struct Wanted {
    name: String,
}

/// `POST /api/v1/users/me/subscriptions`: makes the channels that are not there.
pub(super) async fn subscribe(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let mut wanted: Vec<Wanted> = parameters.json("subscriptions")?;
    for one in &mut wanted {
        one.name = one.name.trim().to_owned();
        if one.name.is_empty() {
            return Err(Refusal::bad("Channel name can't be empty."));
        }
        if one.name.chars().count() > NAME_MAX {
            return Err(Refusal::bad(format!(
                "Channel name too long (limit: {NAME_MAX} characters)."
            )));
        }
        if one.name.chars().any(char::is_control) {
            return Err(Refusal::bad("Invalid character in channel name."));
        }
    }
    let (mut subscribed, mut already) = (Vec::new(), Vec::new());
    for one in wanted {
        let stream = match app.stream(user.realm, &one.name).await? {
            Some(stream) => stream,
            None => {
                app.database
                    .insert(
                        "INSERT INTO zerver_stream (realm_id, name) VALUES (?, ?)",
                        params![user.realm, one.name.as_str()],
                    )
                    .await?
            }
        };
        let added = app
            .database
            .execute(
                "INSERT INTO zerver_subscription (user_profile_id, stream_id) VALUES (?, ?)",
                params![user.id, stream],
            )
            .await;
        match added {
            Ok(_) => {
                let event = json!({
                    "op": "add", "subscriptions": [{"stream_id": stream, "name": one.name}],
                });
                app.events
                    .tell(&[user.id], "subscription", |_| event.clone());
                subscribed.push(one.name);
            }
            Err(DatabaseError::Unique(_)) => already.push(one.name),
            Err(error) => return Err(error.into()),
        }
    }
    let id = user.id.to_string();
    Ok(success(json!({
        "subscribed": {id.as_str(): subscribed}, "already_subscribed": {id.as_str(): already},
    })))
}

/// `DELETE /api/v1/users/me/subscriptions`.
pub(super) async fn unsubscribe(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let names: Vec<String> = parameters.json("subscriptions")?;
    let (mut removed, mut not_removed) = (Vec::new(), Vec::new());
    for name in names {
        let stream = app
            .stream(user.realm, &name)
            .await?
            .ok_or_else(|| Refusal::bad(format!("Channel(s) ({name}) do not exist")))?;
        let gone = app
            .database
            .execute(
                "DELETE FROM zerver_subscription WHERE user_profile_id = ? AND stream_id = ?",
                params![user.id, stream],
            )
            .await?;
        if gone > 0 {
            removed.push(name);
        } else {
            not_removed.push(name);
        }
    }
    Ok(success(
        json!({"removed": removed, "not_removed": not_removed}),
    ))
}

/// `GET /api/v1/users/me/subscriptions`.
pub(super) async fn subscriptions(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
) -> Result<Json<Value>, Refusal> {
    let own = app.streams(user.realm, Some(user.id)).await?;
    Ok(success(json!({"subscriptions": own})))
}

/// `GET /api/v1/streams`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
) -> Result<Json<Value>, Refusal> {
    let all = app.streams(user.realm, None).await?;
    Ok(success(json!({"streams": all})))
}

/// `GET /api/v1/get_stream_id`.
pub(super) async fn id(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let name = parameters.required("stream")?;
    let id = app
        .stream(user.realm, name)
        .await?
        .ok_or_else(|| Refusal::bad(format!("Invalid channel name '{name}'")))?;
    Ok(success(json!({"stream_id": id})))
}

/// A channel of the organisation.
async fn known(app: &Application, realm: i64, id: &str) -> Result<i64, Refusal> {
    let invalid = || Refusal::bad("Invalid channel ID");
    let id: i64 = id.parse().map_err(|_| invalid())?;
    let sql = "SELECT COUNT(*) FROM zerver_stream WHERE realm_id = ? AND id = ?";
    match number(app.database.as_ref(), sql, params![realm, id]).await? {
        0 => Err(invalid()),
        _ => Ok(id),
    }
}

/// `GET /api/v1/streams/{id}/members`.
pub(super) async fn members(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let members = app.subscribers(known(&app, user.realm, &id).await?).await?;
    Ok(success(json!({"subscribers": members})))
}

/// `GET /api/v1/users/me/{id}/topics`: the one that was talked about last comes first.
pub(super) async fn topics(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let stream = known(&app, user.realm, &id).await?;
    let rows = app
        .database
        .query(
            "SELECT subject, MAX(id) FROM zerver_message WHERE stream_id = ? GROUP BY subject \
             ORDER BY MAX(id) DESC",
            params![stream],
        )
        .await?;
    let topics: Vec<Value> = rows
        .iter()
        .map(|row| json!({"name": row.text(0), "max_id": row.integer(1)}))
        .collect();
    Ok(success(json!({"topics": topics})))
}
