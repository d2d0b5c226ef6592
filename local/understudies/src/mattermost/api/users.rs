//! Accounts, log-in, personal tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mattermost::caller::Caller;
use crate::mattermost::failure::Failure;
use crate::mattermost::users::{NewUser, User, hash, verify};
use crate::mattermost::{Application, ids};
use crate::shared::rows::params;
use crate::shared::server::set_cookie;

/// Shortest password that upstream takes.
const PASSWORD_MIN: usize = 8;

#[derive(Deserialize)]
pub(super) struct Create {
    email: String,
    username: String,
    password: String,
    #[serde(default)]
    nickname: String,
}

/// `POST /api/v4/users`: open to everybody while there is nobody, then to administrators and, on an
/// open server, to all.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    caller: Result<Caller, Failure>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let admin = caller.is_ok_and(|Caller(user)| user.is_admin());
    if !admin && !app.config.open_server && app.count_users().await? > 0 {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "api.user.create_user.no_open_server",
            "This server does not allow open signups.",
        ));
    }
    if body.password.len() < PASSWORD_MIN {
        return Err(Failure::bad(
            "model.user.is_valid.pwd_min_length.app_error",
            "Your password must be at least 8 characters.",
        ));
    }
    let password = hash(&body.password).await?;
    let user = app
        .create_user(&NewUser {
            username: &body.username,
            email: &body.email,
            nickname: &body.nickname,
            password: &password,
            auth: None,
        })
        .await?;
    Ok((StatusCode::CREATED, Json(user.json())))
}

#[derive(Deserialize)]
pub(super) struct LogIn {
    login_id: String,
    password: String,
}

/// `POST /api/v4/users/login`.
pub(super) async fn log_in(
    State(app): State<Arc<Application>>,
    Json(body): Json<LogIn>,
) -> Result<Response, Failure> {
    let user = match app.user_by_email(&body.login_id).await? {
        Some(user) => Some(user),
        None => app.user_by_name(&body.login_id).await?,
    };
    let refused = || {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "api.user.login.invalid_credentials_email_username",
            "Enter a valid email or username and/or password.",
        )
    };
    let user = user
        .filter(|user| user.auth_service.is_empty())
        .ok_or_else(refused)?;
    if !verify(&body.password, &user.password).await {
        return Err(refused());
    }
    let token = app.open_session(&user).await?;
    let mut headers = cookies(&app, &user, &token);
    if let Ok(value) = HeaderValue::from_str(&token) {
        headers.insert("token", value);
    }
    Ok((headers, Json(user.json())).into_response())
}

/// The cookies of a session.
pub(in crate::mattermost) fn cookies(app: &Application, user: &User, token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let csrf = ids::id();
    for (name, value) in [
        ("MMAUTHTOKEN", token),
        ("MMUSERID", &user.id),
        ("MMCSRF", &csrf),
    ] {
        if let Ok(cookie) = HeaderValue::from_str(&set_cookie(name, value, app.secure())) {
            headers.append("set-cookie", cookie);
        }
    }
    headers
}

/// `GET /api/v4/users/me`.
pub(super) async fn me(Caller(user): Caller) -> Json<Value> {
    Json(user.json())
}

/// `GET /api/v4/users`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    _caller: Caller,
) -> Result<Json<Value>, Failure> {
    let users = app.users().await?;
    Ok(Json(users.iter().map(User::json).collect()))
}

fn missing() -> Failure {
    Failure::not_found("app.user.missing_account.const", "Unable to find the user.")
}

/// `GET /api/v4/users/{id}`.
pub(super) async fn by_id(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(app.user(&id).await?.ok_or_else(missing)?.json()))
}

/// `GET /api/v4/users/email/{email}`.
pub(super) async fn by_email(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(email): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(
        app.user_by_email(&email).await?.ok_or_else(missing)?.json(),
    ))
}

#[derive(Deserialize)]
pub(super) struct MakeToken {
    description: String,
}

/// `POST /api/v4/users/{id}/tokens`: shown once.
pub(super) async fn make_token(
    State(app): State<Arc<Application>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    Json(body): Json<MakeToken>,
) -> Result<Json<Value>, Failure> {
    if !app.config.user_access_tokens {
        return Err(Failure::new(
            StatusCode::NOT_IMPLEMENTED,
            "app.user_access_token.disabled",
            "Personal access tokens are disabled on this server.",
        ));
    }
    if caller.id != id && !caller.is_admin() {
        return Err(Failure::forbidden());
    }
    let (row, token) = (ids::id(), ids::id());
    app.database
        .execute(
            "INSERT INTO useraccesstokens (id, token, userid, description, isactive) \
             VALUES (?, ?, ?, ?, 1)",
            params![
                row.as_str(),
                token.as_str(),
                id.as_str(),
                body.description.as_str()
            ],
        )
        .await?;
    Ok(Json(json!({
        "id": row, "token": token, "user_id": id, "description": body.description,
        "is_active": true,
    })))
}
