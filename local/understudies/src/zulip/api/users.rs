//! Accounts, keys, subscriptions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::parameters::Parameters;
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

/// `GET /api/v1/users/{who}`: by id or by e-mail.
pub(super) async fn show(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(who): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let user = match who.parse() {
        Ok(id) => app.user(id).await?,
        Err(_) => app.user_by_email(&who).await?,
    };
    let user = user.ok_or_else(|| Refusal::bad("No such user"))?;
    Ok(success(json!({"user": user.json()})))
}

/// `POST /api/v1/users`: for those whom `manage.py change_user_role` let, and here that is nobody.
pub(super) async fn create(Caller(user): Caller) -> Refusal {
    if user.is_admin() {
        Refusal::bad("User not authorized to create users")
    } else {
        Refusal::not_an_administrator()
    }
}
