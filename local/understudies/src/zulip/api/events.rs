//! Registering for events, asking for them, and ending that.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::shared::rows::{number, params};
use crate::shared::text::token;
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;
use crate::zulip::realm::User;
use crate::zulip::{Application, FEATURE_LEVEL, VERSION};

/// `POST /api/v1/register`.
pub(super) async fn register(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let types = list(&parameters, "event_types")?;
    let fetched = match list(&parameters, "fetch_event_types")? {
        Some(fetched) => Some(fetched),
        None => types.clone(),
    };
    let queue = token(18);
    let markdown = parameters.get("apply_markdown") == Some("true");
    // The queue first: what happens while the state is read is told, not lost.
    let now = app.clock.now_s();
    app.events
        .open(queue.clone(), user.id, types, markdown, now);
    let mut state = json!({
        "queue_id": queue, "last_event_id": -1,
        "zulip_version": VERSION, "zulip_feature_level": FEATURE_LEVEL,
    });
    let wants = |kind: &str| {
        fetched
            .as_ref()
            .is_none_or(|fetched| fetched.iter().any(|one| one == kind))
    };
    if wants("message") {
        let newest = "SELECT MAX(message_id) FROM zerver_usermessage WHERE user_profile_id = ?";
        let newest = number(app.database.as_ref(), newest, params![user.id]).await?;
        state["max_message_id"] = if newest == 0 { -1 } else { newest }.into();
    }
    if wants("realm_user") {
        let users: Vec<Value> = app.users().await?.iter().map(User::json).collect();
        state["realm_users"] = users.into();
    }
    if wants("stream") {
        state["streams"] = app.streams(user.realm, None).await?.into();
    }
    if wants("subscription") {
        state["subscriptions"] = app.streams(user.realm, Some(user.id)).await?.into();
        state["unsubscribed"] = json!([]);
        state["never_subscribed"] = json!([]);
    }
    Ok(success(state))
}

fn list(parameters: &Parameters, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    match parameters.get(name) {
        None | Some("" | "null") => Ok(None),
        Some(_) => parameters.json(name).map(Some),
    }
}

/// `GET /api/v1/events`: waits until there are any.
pub(super) async fn events(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let queue = parameters.required("queue_id")?;
    let last = match parameters.get("last_event_id") {
        None => -1,
        Some(_) => parameters.json("last_event_id")?,
    };
    let wait = parameters.get("dont_block") != Some("true");
    let now = app.clock.now_s();
    let events = app.events.after(queue, user.id, last, wait, now).await?;
    Ok(success(json!({"queue_id": queue, "events": events})))
}

/// `DELETE /api/v1/events`.
pub(super) async fn deregister(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    app.events
        .close(parameters.required("queue_id")?, user.id)?;
    Ok(success(json!({})))
}
