//! The home page, the profile that proves a login, and the form that makes an API token.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use super::html;
use super::visit::Visit;
use crate::bookstack::Application;
use crate::bookstack::configuration::AuthMethod;
use crate::bookstack::failure::Failure;
use crate::bookstack::passwords;
use crate::bookstack::rows::params;
use crate::bookstack::users;
use crate::shared::text::{escape, random_from};

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// `GET /`.
pub(in crate::bookstack) async fn home(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Response {
    let user = match visit.require_user(&app, "/") {
        Ok(user) => user,
        Err(to_login) => {
            // What was flashed for this page is to be seen on the page that is shown instead.
            if let Some(notice) = visit.notice() {
                visit.flash("error", &notice);
            }
            return to_login;
        }
    };
    let action = match app.config.auth_method {
        AuthMethod::Standard => app.url("/logout"),
        AuthMethod::Oidc => app.url("/oidc/logout"),
    };
    let form = html::form(
        "logout-form",
        &action,
        &visit.token(),
        &html::button("Logout"),
    );
    visit.page(
        "Home",
        &format!("<span class=\"name\">{}</span>\n{form}", escape(&user.name)),
    )
}

/// `GET /my-account/profile`.
pub(in crate::bookstack) async fn profile(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Response {
    let user = match visit.require_user(&app, "/my-account/profile") {
        Ok(user) => user,
        Err(to_login) => return to_login,
    };
    let content = format!(
        "<h1>My Account</h1>\n\
         <input type=\"text\" name=\"name\" value=\"{}\">\n\
         <input type=\"text\" name=\"email\" value=\"{}\">",
        escape(&user.name),
        escape(&user.email),
    );
    visit.page("Profile", &content)
}

/// `GET /api-tokens/{user_id}/create`.
pub(in crate::bookstack) async fn token_form(
    State(app): State<Arc<Application>>,
    Path(user_id): Path<i64>,
    visit: Visit,
) -> Result<Response, Failure> {
    let path = format!("/api-tokens/{user_id}/create");
    if let Err(away) = may_make_token(&app, &visit, user_id, &path).await? {
        return Ok(away);
    }
    let fields = format!(
        "{}\n{}\n{}",
        html::input("text", "name", "Name"),
        html::input("date", "expires_at", "Expiry Date"),
        html::button("Save"),
    );
    let form = html::form("token-form", &app.url(&path), &visit.token(), &fields);
    Ok(visit.page("Create API Token", &form))
}

/// `POST /api-tokens/{user_id}/create`: the secret is flashed, and shown once.
pub(in crate::bookstack) async fn make_token(
    State(app): State<Arc<Application>>,
    Path(user_id): Path<i64>,
    visit: Visit,
) -> Result<Response, Failure> {
    let path = format!("/api-tokens/{user_id}/create");
    if let Err(away) = may_make_token(&app, &visit, user_id, &path).await? {
        return Ok(away);
    }
    let name = visit
        .form
        .get("name")
        .map(|name| name.trim())
        .unwrap_or_default();
    if name.is_empty() {
        return Ok(visit.refuse(&app, &path, "The name field is required."));
    }
    // Without a date, a hundred years: upstream's default.
    let expires_at = match visit.form.get("expires_at").filter(|date| !date.is_empty()) {
        Some(date) => date.clone(),
        None => format!(
            "{}-01-01",
            app.moment()[..4].parse::<i64>().unwrap_or(2000) + 100
        ),
    };
    let (token_id, secret) = (random_from(LETTERS, 32), random_from(LETTERS, 32));
    let hash = passwords::hash(&secret, app.config.bcrypt_cost).await?;
    let now = app.moment();
    let sql = "INSERT INTO api_tokens (name, token_id, secret, user_id, expires_at, created_at, \
               updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        name,
        token_id,
        hash,
        user_id,
        expires_at,
        now.as_str(),
        now.as_str()
    ];
    let id = app.database.insert(sql, values).await?;
    visit.flash(&secret_of(id), &secret);
    Ok(super::visit::found(
        &app,
        &format!("/api-tokens/{user_id}/{id}"),
    ))
}

/// `GET /api-tokens/{user_id}/{token}`: the id, and the secret directly after it was made.
pub(in crate::bookstack) async fn show_token(
    State(app): State<Arc<Application>>,
    Path((user_id, id)): Path<(i64, i64)>,
    visit: Visit,
) -> Result<Response, Failure> {
    let path = format!("/api-tokens/{user_id}/{id}");
    if let Err(away) = may_make_token(&app, &visit, user_id, &path).await? {
        return Ok(away);
    }
    let sql = "SELECT name, token_id FROM api_tokens WHERE id = ? AND user_id = ?";
    let rows = app.database.query(sql, params![id, user_id]).await?;
    let row = rows
        .first()
        .ok_or_else(|| Failure::NotFound("Page Not Found".to_owned()))?;
    let secret = visit
        .flashed(&secret_of(id))
        .map_or_else(String::new, |secret| {
            format!(
                "<input id=\"secret\" readonly value=\"{}\">",
                escape(&secret)
            )
        });
    let content = format!(
        "<h1>{}</h1>\n<input id=\"token_id\" readonly value=\"{}\">\n{secret}",
        escape(&row.text(0)),
        escape(&row.text(1)),
    );
    Ok(visit.page("API Token", &content))
}

fn secret_of(id: i64) -> String {
    format!("api-token-secret:{id}")
}

/// A token is made by its owner or by who manages users, and both need `access-api`.
async fn may_make_token(
    app: &Application,
    visit: &Visit,
    user_id: i64,
    path: &str,
) -> Result<Result<(), Response>, Failure> {
    let user = match visit.require_user(app, path) {
        Ok(user) => user,
        Err(to_login) => return Ok(Err(to_login)),
    };
    let permissions = users::permissions(app.database.as_ref(), user.id).await?;
    let own = user.id == user_id || permissions.contains("users-manage");
    if own && permissions.contains("access-api") {
        Ok(Ok(()))
    } else {
        Err(Failure::Permission)
    }
}
