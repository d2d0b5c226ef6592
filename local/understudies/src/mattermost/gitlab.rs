//! Login through the GitLab adapter, which is OAuth 2 and not OpenID Connect: a token, then the
//! person as JSON with a numeric `id`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Application;
use super::api::cookies;
use super::failure::Failure;
use super::ids;
use super::users::{NewUser, User};
use crate::shared::oidc::{ClientAuth, Exchange, exchange, userinfo};
use crate::shared::rows::{first, params};
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::with_params;

/// What the row of a login under way is called in `tokens`.
const STATE: &str = "oauth";
/// How long it is good for, in milliseconds.
const STATE_MS: i64 = 30 * 60 * 1000;
const SERVICE: &str = "gitlab";

/// A scope with `openid` asks for the OpenID provider, which this edition does not carry.
fn provider(app: &Application) -> Result<(), Failure> {
    let gitlab = &app.config.gitlab;
    if !gitlab.enabled || gitlab.scope.split_whitespace().any(|one| one == "openid") {
        return Err(Failure::new(
            StatusCode::NOT_IMPLEMENTED,
            "api.user.authorize_oauth_user.unsupported.app_error",
            "gitlab SSO through OAuth 2.0 not available on this server.",
        )
        .page());
    }
    Ok(())
}

/// `GET /oauth/gitlab/login`.
pub(super) async fn log_in(State(app): State<Arc<Application>>) -> Result<Response, Failure> {
    provider(&app)?;
    let (token, browser) = (ids::id(), ids::id());
    app.database
        .execute(
            "INSERT INTO tokens (token, createat, type, extra) VALUES (?, ?, ?, ?)",
            params![token.as_str(), app.clock.now_ms(), STATE, browser.as_str()],
        )
        .await?;
    let state = STANDARD.encode(json!({"action": "login", "token": token}).to_string());
    let gitlab = &app.config.gitlab;
    let to = with_params(
        &gitlab.auth_endpoint,
        &[
            ("response_type", "code"),
            ("client_id", &gitlab.id),
            ("redirect_uri", &redirect_uri(&app)),
            ("state", &state),
            ("scope", &gitlab.scope),
        ],
    );
    redirect(
        StatusCode::FOUND,
        &to,
        [set_cookie("MMOAUTH", &browser, app.secure())],
    )
}

fn redirect_uri(app: &Application) -> String {
    app.url("/signup/gitlab/complete")
}

fn redirect(
    status: StatusCode,
    to: &str,
    cookies: impl IntoIterator<Item = String>,
) -> Result<Response, Failure> {
    let mut headers = HeaderMap::new();
    let value = |text: &str| {
        HeaderValue::from_str(text)
            .map_err(|error| Failure::internal("api.oauth.redirect.app_error", error.to_string()))
    };
    headers.insert(LOCATION, value(to)?);
    for cookie in cookies {
        headers.append("set-cookie", value(&cookie)?);
    }
    Ok((status, headers).into_response())
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
}

/// `GET /signup/gitlab/complete`, and its two other names.
pub(super) async fn complete(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Failure> {
    provider(&app)?;
    if back.error == "access_denied" || back.code.is_empty() {
        let kind = if back.code.is_empty() && back.error.is_empty() {
            "oauth_missing_code"
        } else {
            "oauth_access_denied"
        };
        let to = app.url(&format!("/error?type={kind}&service={SERVICE}"));
        return redirect(StatusCode::TEMPORARY_REDIRECT, &to, []);
    }
    let user = person(&app, &headers, &back).await.map_err(Failure::page)?;
    let token = app.open_session(&user).await?;
    let answer = redirect(StatusCode::TEMPORARY_REDIRECT, &app.url("/"), [])?;
    Ok((cookies(&app, &user, &token), answer).into_response())
}

/// Whose login it is: state, token, userinfo, account.
async fn person(app: &Application, headers: &HeaderMap, back: &Back) -> Result<User, Failure> {
    used_state(app, headers, &back.state).await?;
    let gitlab = &app.config.gitlab;
    let client = app.http()?;
    let redirect_uri = redirect_uri(app);
    let request = Exchange {
        endpoint: &gitlab.token_endpoint,
        client_id: &gitlab.id,
        client_secret: &gitlab.secret,
        auth: ClientAuth::Post,
        code: &back.code,
        redirect_uri: &redirect_uri,
        verifier: None,
    };
    let failed = |id: &str, words: &str, error: String| {
        app.log.line(format!("{words} {error}"));
        Failure::internal(id, words)
    };
    let tokens = exchange(&client, &request).await.map_err(|error| {
        let (id, words) = match error.status {
            None => (
                "api.user.authorize_oauth_user.token_failed.app_error",
                "Token request failed.",
            ),
            Some(_) => (
                "api.user.authorize_oauth_user.bad_response.app_error",
                "Bad response from token request.",
            ),
        };
        failed(id, words, error.error)
    })?;
    if !tokens.token_type.eq_ignore_ascii_case("bearer") || tokens.access_token.is_empty() {
        return Err(Failure::internal(
            "api.user.authorize_oauth_user.bad_token.app_error",
            "Bad token type.",
        ));
    }
    let claims = userinfo(&client, &gitlab.user_endpoint, &tokens.access_token)
        .await
        .map_err(|error| {
            failed(
                "api.user.authorize_oauth_user.service.app_error",
                "Token request to gitlab failed.",
                error,
            )
        })?;
    account(app, &claims).await
}

/// The state has to be one that this server made, for this browser, and is good once.
async fn used_state(app: &Application, headers: &HeaderMap, state: &str) -> Result<(), Failure> {
    let invalid = || {
        Failure::bad(
            "api.user.authorize_oauth_user.invalid_state.app_error",
            "Invalid state token.",
        )
    };
    let decoded = STANDARD.decode(state).map_err(|_| invalid())?;
    let decoded: Value = serde_json::from_slice(&decoded).map_err(|_| invalid())?;
    let token = decoded
        .get("token")
        .and_then(Value::as_str)
        .ok_or_else(invalid)?;
    let row = first(
        app.database.as_ref(),
        "SELECT extra, createat FROM tokens WHERE token = ? AND type = ?",
        params![token, STATE],
    )
    .await?
    .ok_or_else(invalid)?;
    app.database
        .execute("DELETE FROM tokens WHERE token = ?", params![token])
        .await?;
    let of_this_browser = cookie(headers, "MMOAUTH").is_some_and(|value| value == row.text(0));
    let fresh = app.clock.now_ms() - row.integer(1) < STATE_MS;
    if of_this_browser && fresh {
        Ok(())
    } else {
        Err(invalid())
    }
}

/// By the numeric id and nothing else; an unknown one is registered, unless its e-mail is taken.
async fn account(app: &Application, claims: &Value) -> Result<User, Failure> {
    let unreadable = |words: &str| {
        Failure::bad(
            "api.user.create_oauth_user.parse.app_error",
            format!("Could not parse auth data out of gitlab user object: {words}"),
        )
    };
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = match claims.get("id") {
        Some(id) if id.as_i64().is_some_and(|id| id != 0) => id.as_i64().unwrap_or_default(),
        Some(id) if !id.is_number() && !id.is_null() => {
            return Err(unreadable(
                "json: cannot unmarshal string into Go struct field GitLabUser.id of type int64",
            ));
        }
        _ => return Err(unreadable("user id can't be 0")),
    };
    let email = text("email");
    if email.is_empty() {
        return Err(unreadable("user e-mail should not be empty"));
    }
    let data = id.to_string();
    if let Some(user) = app.user_by_auth(SERVICE, &data).await? {
        return Ok(user);
    }
    if let Some(other) = app.user_by_email(email).await? {
        let how = if other.auth_service.is_empty() {
            "email".to_owned()
        } else {
            other.auth_service
        };
        return Err(Failure::bad(
            "api.user.create_oauth_user.already_attached.app_error",
            format!(
                "There is already an account associated with that email address using a sign in \
                 method other than {SERVICE}. Please sign in using {how}."
            ),
        ));
    }
    let mut username = text("username").to_lowercase();
    if username.is_empty() {
        username = text("login").to_lowercase();
    }
    if username.is_empty() {
        username = email.split('@').next().unwrap_or_default().to_lowercase();
    }
    app.create_user(&NewUser {
        username: &username,
        email,
        nickname: text("name"),
        password: "",
        auth: Some((SERVICE, &data)),
    })
    .await
}
