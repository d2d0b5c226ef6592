//! Accounts, keys, subscriptions.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::platform::DatabaseError;
use crate::shared::rows::params;
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;
use crate::zulip::realm::{User, verify};
use crate::zulip::{Application, login};

#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

/// `POST /api/v1/fetch_api_key`.
pub(super) async fn fetch_api_key(
    State(app): State<Arc<Application>>,
    Form(form): Form<Credentials>,
) -> Result<Json<Value>, Refusal> {
    app.realm().await?;
    let wrong = || {
        Refusal::new(
            axum::http::StatusCode::FORBIDDEN,
            "AUTHENTICATION_FAILED",
            "Your username or password is incorrect",
        )
    };
    if !app.config.email_backend {
        return Err(Refusal::new(
            axum::http::StatusCode::FORBIDDEN,
            "PASSWORD_AUTH_DISABLED",
            "Password authentication is disabled in this organization",
        ));
    }
    let user = app.user_by_email(&form.username).await?.ok_or_else(wrong)?;
    if !user.active || !verify(&form.password, &user.password).await {
        return Err(wrong());
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
    let user = app.visitor(&headers).await?.ok_or_else(|| {
        Refusal::new(
            axum::http::StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED_USER",
            "Not logged in: API authentication or user session required",
        )
    })?;
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

#[derive(Deserialize)]
pub(super) struct Subscribe {
    subscriptions: String,
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
}

/// `POST /api/v1/users/me/subscriptions`: makes the channels that are not there.
pub(super) async fn subscribe(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Form(form): Form<Subscribe>,
) -> Result<Json<Value>, Refusal> {
    let wanted: Vec<Wanted> = serde_json::from_str(&form.subscriptions)
        .map_err(|error| Refusal::bad(format!("Invalid subscriptions: {error}")))?;
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
