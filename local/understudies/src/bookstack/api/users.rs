//! `/api/users`: shows and sets `external_auth_id`, the repair after the provider was rebuilt.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, ApiError, nothing, object};
use super::caller::Caller;
use super::entities::statement;
use super::input::Input;
use super::listing::{Listing, data};
use crate::bookstack::Application;
use crate::bookstack::failure::Failure;
use crate::bookstack::passwords;
use crate::bookstack::rows::params;
use crate::bookstack::users::slug;
use crate::platform::{DatabaseError, Statement};

const USERS: Listing<'static> = Listing {
    table: "users",
    columns: &[
        "id",
        "name",
        "email",
        "slug",
        "external_auth_id",
        "created_at",
        "updated_at",
    ],
    condition: "1 = 1",
};

/// `GET /api/users`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    caller.require("users-manage")?;
    let (mut rows, total) = USERS.rows(&app, &query.unwrap_or_default()).await?;
    for user in &mut rows {
        addresses(&app, user);
    }
    Ok(data(rows, total))
}

/// `POST /api/users`.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.require("users-manage")?;
    let name = input.name()?;
    let email = input
        .text("email")
        .ok_or_else(|| ApiError::required("email"))?;
    let external = input.text("external_auth_id").unwrap_or_default();
    let password = match input.text("password") {
        Some(password) => passwords::hash(&password, app.config.bcrypt_cost)
            .await
            .map_err(Failure::from)?,
        None => String::new(),
    };
    let now = app.moment();
    let now = now.as_str();
    let sql = "INSERT INTO users (name, email, password, email_confirmed, external_auth_id, \
               system_name, slug, created_at, updated_at) VALUES (?, ?, ?, 1, ?, '', ?, ?, ?)";
    let slug = slug(&name);
    let values = params![name, email, password, external, slug, now, now];
    let id = app.database.insert(sql, values).await.map_err(taken)?;
    let statements = roles(id, &input);
    if !statements.is_empty() {
        app.database.transaction(statements).await?;
    }
    Ok(object(whole(&app, id).await?))
}

/// `GET /api/users/{id}`.
pub(super) async fn read(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.require("users-manage")?;
    Ok(object(whole(&app, id).await?))
}

/// `PUT /api/users/{id}`: what is not given stays.
pub(super) async fn update(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.require("users-manage")?;
    let before = whole(&app, id).await?;
    let kept = |name: &str| match input.fields.get(name) {
        Some(Json::String(given)) => given.clone(),
        _ => before
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned(),
    };
    let (name, email, external) = (kept("name"), kept("email"), kept("external_auth_id"));
    let now = app.moment();
    let sql = "UPDATE users SET name = ?, email = ?, external_auth_id = ?, updated_at = ? \
               WHERE id = ?";
    let mut statements = vec![statement(sql, params![name, email, external, now, id])];
    if let Some(password) = input.text("password") {
        let hash = passwords::hash(&password, app.config.bcrypt_cost).await;
        let values = params![hash.map_err(Failure::from)?, id];
        statements.push(statement(
            "UPDATE users SET password = ? WHERE id = ?",
            values,
        ));
    }
    statements.extend(roles(id, &input));
    app.database.transaction(statements).await.map_err(taken)?;
    Ok(object(whole(&app, id).await?))
}

/// `DELETE /api/users/{id}`.
pub(super) async fn delete(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.require("users-manage")?;
    whole(&app, id).await?;
    let sql = "SELECT system_name FROM users WHERE id = ?";
    let row = crate::bookstack::rows::first(app.database.as_ref(), sql, params![id]).await?;
    if row.is_some_and(|row| row.text(0) == "public") {
        let words = "You cannot delete the guest user";
        return Err(ApiError::exception(words));
    }
    let statements = [
        "DELETE FROM role_user WHERE user_id = ?",
        "DELETE FROM api_tokens WHERE user_id = ?",
        "DELETE FROM mfa_values WHERE user_id = ?",
        "DELETE FROM users WHERE id = ?",
    ];
    let statements = statements
        .map(|sql| statement(sql, params![id]))
        .into_iter()
        .collect();
    app.database.transaction(statements).await?;
    Ok(nothing())
}

fn taken(error: DatabaseError) -> ApiError {
    match error {
        DatabaseError::Unique(_) => ApiError::invalid("email", "The email has already been taken."),
        other => other.into(),
    }
}

/// Statements that give a user the roles of a call; none if the call does not speak of roles.
fn roles(user_id: i64, input: &Input) -> Vec<Statement> {
    let Some(Json::Array(roles)) = input.fields.get("roles") else {
        return Vec::new();
    };
    let mut statements = vec![statement(
        "DELETE FROM role_user WHERE user_id = ?",
        params![user_id],
    )];
    for role in roles.iter().filter_map(Json::as_i64) {
        let sql = "INSERT INTO role_user (user_id, role_id) SELECT ?, id FROM roles WHERE id = ?";
        statements.push(statement(sql, params![user_id, role]));
    }
    statements
}

fn addresses(app: &Application, user: &mut Map<String, Json>) {
    let slug = user
        .get("slug")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let id = user.get("id").and_then(Json::as_i64).unwrap_or_default();
    user.insert(
        "profile_url".to_owned(),
        json!(app.url(&format!("/user/{slug}"))),
    );
    user.insert(
        "edit_url".to_owned(),
        json!(app.url(&format!("/settings/users/{id}"))),
    );
    user.insert("avatar_url".to_owned(), json!(app.url("/user_avatar.png")));
}

async fn whole(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    let user = USERS.one(app, id).await?;
    let mut user = user.ok_or_else(|| ApiError::missing("User"))?;
    addresses(app, &mut user);
    let sql = "SELECT r.id, r.display_name FROM roles r JOIN role_user ru ON ru.role_id = r.id \
               WHERE ru.user_id = ? ORDER BY r.id";
    let rows = app.database.query(sql, params![id]).await?;
    let roles = rows
        .iter()
        .map(|row| json!({ "id": row.integer(0), "display_name": row.text(1) }));
    let roles: Json = roles.collect();
    user.insert("roles".to_owned(), roles);
    Ok(user)
}
