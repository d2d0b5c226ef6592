//! The login page, the login by email and password, and logging out.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::html;
use super::visit::{Visit, found};
use crate::bookstack::Application;
use crate::bookstack::configuration::AuthMethod;
use crate::bookstack::failure::Failure;
use crate::bookstack::users::{self, User};

/// Upstream's words for a way in that the configuration closes.
const CLOSED: &str = "You do not have permission to access the requested page.";

/// Query of the login page.
#[derive(Deserialize)]
pub(in crate::bookstack) struct LoginQuery {
    prevent_auto_init: Option<String>,
}

/// `GET /login`.
pub(in crate::bookstack) async fn show(
    State(app): State<Arc<Application>>,
    Query(query): Query<LoginQuery>,
    visit: Visit,
) -> Response {
    if visit.user.is_some() {
        return found(&app, "/");
    }
    let (action, fields) = match app.config.auth_method {
        AuthMethod::Standard => (
            "/login",
            format!(
                "{}\n{}\n{}",
                html::input("text", "email", "Email"),
                html::input("password", "password", "Password"),
                html::button("Log In"),
            ),
        ),
        AuthMethod::Oidc => {
            let label = format!("Login with {}", app.config.oidc.name);
            ("/oidc/login", html::button(&label))
        }
    };
    let form = html::form("login-form", &app.url(action), &visit.token(), &fields);
    let initiates = app.config.auto_initiate
        && app.config.auth_method == AuthMethod::Oidc
        && query.prevent_auto_init.as_deref() != Some("true");
    let script = "<script>document.getElementById('login-form').submit();</script>";
    visit.page(
        "Log In",
        &format!("{form}{}", if initiates { script } else { "" }),
    )
}

/// `POST /login`.
pub(in crate::bookstack) async fn log_in(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    if app.config.auth_method != AuthMethod::Standard {
        return Ok(visit.refuse(&app, "/", CLOSED));
    }
    let field = |name: &str| visit.form.get(name).map(String::as_str).unwrap_or_default();
    let known = users::by_email(app.database.as_ref(), field("email")).await?;
    if let Some(user) = known
        && !user.password.is_empty()
        && app
            .verifier
            .verify(field("password"), &user.password)
            .await?
    {
        return enter(&app, &visit, &user, "standard").await;
    }
    Ok(visit.refuse(
        &app,
        "/login",
        "These credentials do not match our records.",
    ))
}

/// Logs a person in whose credentials were right, or sends them to the second factor.
pub(in crate::bookstack) async fn enter(
    app: &Application,
    visit: &Visit,
    user: &User,
    method: &str,
) -> Result<Response, Failure> {
    let passed = visit.get(&super::second_factor::passed(user.id)).is_some();
    if !passed && users::needs_second_factor(app.database.as_ref(), user.id).await? {
        super::second_factor::remember_attempt(app, visit, user.id, method);
        return Ok(found(app, "/mfa/verify"));
    }
    visit.log_in(user.id);
    Ok(visit.intended(app))
}

/// `POST /logout`.
pub(in crate::bookstack) async fn log_out(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Response {
    visit.log_out();
    found(&app, after_logout(&app))
}

/// Where a person lands who has logged out.
pub(in crate::bookstack) fn after_logout(app: &Application) -> &'static str {
    let initiates = app.config.auto_initiate && app.config.auth_method == AuthMethod::Oidc;
    if initiates {
        "/login?prevent_auto_init=true"
    } else {
        "/"
    }
}

/// What a route of another `AUTH_METHOD` answers.
pub(in crate::bookstack) fn closed(app: &Application, visit: &Visit) -> Response {
    visit.refuse(app, "/", CLOSED).into_response()
}
