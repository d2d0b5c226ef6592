//! Accounts, keys, subscriptions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::platform::DatabaseError;
use crate::shared::rows::params;
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;
use crate::zulip::realm::{User, verify};
use crate::zulip::{Application, login};

/// `POST /api/v1/fetch_api_key`.
pub(super) async fn fetch_api_key(
    State(app): State<Arc<Application>>,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    app.realm().await?;
    let username = parameters.required("username")?;
    let password = parameters.required("password")?;
    if !app.config.email_backend {
        return Err(Refusal::no_passwords());
    }
    if let Some(limits) = &app.limits
        && let Err(wait_s) = limits.passwords.take(username, app.clock.now_ms())
    {
        return Err(Refusal::rate_limited(wait_s));
    }
    let user = app
        .user_by_email(username)
        .await?
        .ok_or_else(Refusal::wrong_password)?;
    if !verify(password, &user.password).await {
        return Err(Refusal::wrong_password());
    }
    if !user.active {
        return Err(Refusal::deactivated());
    }
    if let Some(limits) = &app.limits {
        limits.passwords.clear(username);
    }
    login::forget_expired(&app).await?;
    Ok(success(json!({
        "api_key": user.api_key, "email": user.email, "user_id": user.id,
    })))
}

/// `GET /api/v1/users/me`.
pub(super) async fn me(Caller(user): Caller) -> Json<Value> {
    success(user.json())
}

/// `GET /json/users/me`: by session.
pub(super) async fn session_me(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let user = app.visitor(&headers).await?.ok_or_else(Refusal::nobody)?;
    Ok(success(user.json()))
}

/// `GET /api/v1/users`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    _caller: Caller,
) -> Result<Json<Value>, Refusal> {
    let members: Vec<Value> = app.users().await?.iter().map(User::json).collect();
    Ok(success(json!({"members": members})))
}

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
            Ok(_) => subscribed.push(one.name),
            Err(DatabaseError::Unique(_)) => already.push(one.name),
            Err(error) => return Err(error.into()),
        }
    }
    let id = user.id.to_string();
    Ok(success(json!({
        "subscribed": {id.as_str(): subscribed}, "already_subscribed": {id.as_str(): already},
    })))
}
