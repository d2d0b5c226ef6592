//! Users: humans and machines, their metadata, grants and tokens.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::bootstrap::BCRYPT_COST;
use super::errors::ApiError;
use super::server::{App, Zitadel, new_id};
use super::tokens;
use crate::platform::Row;

const COLUMNS: &str = "id, username, kind, email, given_name, family_name, number";

pub(super) struct NewUser<'a> {
    pub(super) id: String,
    pub(super) username: &'a str,
    pub(super) kind: &'a str,
    pub(super) email: &'a str,
    pub(super) given_name: &'a str,
    pub(super) family_name: &'a str,
    pub(super) password: Option<&'a str>,
    pub(super) change_required: bool,
}

impl Zitadel {
    pub(super) async fn add_user(&self, user: NewUser<'_>) -> Result<String, ApiError> {
        let password = match user.password {
            Some(password) if !password.is_empty() => bcrypt::hash(password, BCRYPT_COST)
                .map_err(|e| ApiError::invalid(&e.to_string()))?,
            _ => String::new(),
        };
        let number: i64 = self
            .setting("next_number")
            .await?
            .and_then(|text| text.parse().ok())
            .unwrap_or(1);
        self.set_setting("next_number", &(number + 1).to_string())
            .await?;
        let lag = i64::try_from(self.platform.behaviour.projection_lag.as_millis()).unwrap_or(0);
        self.platform
            .database
            .execute(
                "INSERT INTO projections_users14 (id, username, kind, email, given_name, \
                 family_name, password, change_required, mfa_skipped, number, visible_at) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
                vec![
                    user.id.as_str().into(),
                    user.username.into(),
                    user.kind.into(),
                    user.email.into(),
                    user.given_name.into(),
                    user.family_name.into(),
                    password.into(),
                    user.change_required.into(),
                    number.into(),
                    (self.platform.clock.now_ms() + lag).into(),
                ],
            )
            .await?;
        self.event(&format!("user.{}.added", user.kind), &user.id, "{}")
            .await?;
        Ok(user.id)
    }

    /// A user by id, once its projection has caught up.
    pub(super) async fn user(&self, id: &str) -> Result<Row, ApiError> {
        let rows = self
            .platform
            .database
            .query(
                &format!(
                    "SELECT {COLUMNS} FROM projections_users14 WHERE id = ? AND visible_at <= ?"
                ),
                vec![id.into(), self.platform.clock.now_ms().into()],
            )
            .await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| ApiError::not_found("User"))
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn flag(value: &Value, pointer: &str) -> bool {
    value
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

fn required<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, ApiError> {
    match text(value, pointer) {
        "" => Err(ApiError::invalid(&format!("invalid field {pointer}"))),
        found => Ok(found),
    }
}

pub(super) async fn import_human(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let id = app
        .add_user(NewUser {
            id: new_id(),
            username: required(&body, "/userName")?,
            kind: "human",
            email: required(&body, "/email/email")?,
            given_name: required(&body, "/profile/firstName")?,
            family_name: required(&body, "/profile/lastName")?,
            password: Some(text(&body, "/password")),
            change_required: flag(&body, "/passwordChangeRequired"),
        })
        .await?;
    Ok(Json(json!({"userId": id, "details": {}})).into_response())
}

pub(super) async fn create_human(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    // An id can be chosen: a provider built anew can keep every application's link to its people.
    let id = match text(&body, "/userId") {
        "" => new_id(),
        chosen => chosen.to_owned(),
    };
    let id = app
        .add_user(NewUser {
            id,
            username: required(&body, "/username")?,
            kind: "human",
            email: required(&body, "/email/email")?,
            given_name: required(&body, "/profile/givenName")?,
            family_name: required(&body, "/profile/familyName")?,
            password: Some(text(&body, "/password/password")),
            change_required: flag(&body, "/password/changeRequired"),
        })
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(json!({"userId": id, "details": {}})),
    )
        .into_response())
}

pub(super) async fn create_machine(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let id = app
        .add_user(NewUser {
            id: new_id(),
            username: required(&body, "/userName")?,
            kind: "machine",
            email: "",
            given_name: required(&body, "/name")?,
            family_name: "",
            password: None,
            change_required: false,
        })
        .await?;
    Ok(Json(json!({"userId": id, "details": {}})).into_response())
}

pub(super) async fn create_pat(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let token = tokens::new_pat(&app.platform, &app.keys, &user).await?;
    let id = tokens::open(&app.keys, &token)
        .map(|caller| caller.token_id)
        .unwrap_or_default();
    Ok(Json(json!({"tokenId": id, "token": token, "details": {}})).into_response())
}

pub(super) async fn grant(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let project = required(&body, "/projectId")?;
    let database = &app.platform.database;
    let known = database
        .query(
            "SELECT id FROM projections_user_grants5 WHERE user_id = ? AND project_id = ?",
            vec![user.as_str().into(), project.into()],
        )
        .await?;
    if !known.is_empty() {
        return Err(ApiError::new(
            6,
            "Errors.UserGrant.AlreadyExists (V3-DKcYh)",
        ));
    }
    let id = new_id();
    let roles = body
        .pointer("/roleKeys")
        .cloned()
        .unwrap_or_else(|| json!([]))
        .to_string();
    database
        .execute(
            "INSERT INTO projections_user_grants5 (id, user_id, project_id, roles) \
             VALUES (?, ?, ?, ?)",
            vec![
                id.as_str().into(),
                user.into(),
                project.into(),
                roles.into(),
            ],
        )
        .await?;
    Ok(Json(json!({"userGrantId": id, "details": {}})).into_response())
}

pub(super) async fn add_member(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let roles = body
        .pointer("/roles")
        .cloned()
        .unwrap_or_else(|| json!([]))
        .to_string();
    app.platform
        .database
        .execute(
            "INSERT INTO projections_instance_members4 (user_id, roles) VALUES (?, ?)",
            vec![required(&body, "/userId")?.into(), roles.into()],
        )
        .await?;
    Ok(Json(json!({"details": {}})).into_response())
}

/// As the gateway writes a user: empty fields are left out.
fn shown(row: &Row) -> Value {
    let mut user = json!({
        "userId": row.text(0),
        "username": row.text(1),
        "state": "USER_STATE_ACTIVE",
        "loginNames": [row.text(1)],
    });
    let details = if row.text(2) == "human" {
        (
            "human",
            json!({
                "profile": {"givenName": row.text(4), "familyName": row.text(5)},
                "email": {"email": row.text(3), "isVerified": true},
            }),
        )
    } else {
        ("machine", json!({"name": row.text(4)}))
    };
    if let Some(user) = user.as_object_mut() {
        user.insert(details.0.to_owned(), details.1);
    }
    user
}

pub(super) async fn read(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let row = app.user(&user).await?;
    Ok(Json(json!({"details": {}, "user": shown(&row)})).into_response())
}

pub(super) async fn search(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    let rows = app
        .platform
        .database
        .query(
            &format!("SELECT {COLUMNS} FROM projections_users14 WHERE visible_at <= ? ORDER BY id"),
            vec![app.platform.clock.now_ms().into()],
        )
        .await?;
    let queries = body
        .get("queries")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let fits = |row: &Row| {
        queries.iter().all(|query| {
            let (name, method) = [
                ("/userNameQuery/userName", "/userNameQuery/method"),
                ("/loginNameQuery/loginName", "/loginNameQuery/method"),
            ]
            .into_iter()
            .map(|(name, method)| (text(query, name), text(query, method)))
            .find(|(name, _)| !name.is_empty())
            .unwrap_or_default();
            match method {
                "TEXT_QUERY_METHOD_STARTS_WITH" => row.text(1).starts_with(name),
                "TEXT_QUERY_METHOD_CONTAINS" => row.text(1).contains(name),
                _ => name.is_empty() || row.text(1) == name,
            }
        })
    };
    let found: Vec<Value> = rows.iter().filter(|row| fits(row)).map(shown).collect();
    let mut answer = json!({"details": {"totalResult": found.len().to_string()}});
    if !found.is_empty()
        && let Some(answer) = answer.as_object_mut()
    {
        answer.insert("result".to_owned(), Value::Array(found));
    }
    Ok(Json(answer).into_response())
}

pub(super) async fn delete(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    app.user(&user).await?;
    for (table, column) in [
        ("projections_user_metadata5", "user_id"),
        ("projections_user_grants5", "user_id"),
        ("projections_personal_access_tokens3", "user_id"),
        ("projections_users14_machines", "user_id"),
        ("projections_authn_keys2", "user_id"),
        ("auth_tokens", "user_id"),
        ("projections_users14", "id"),
    ] {
        app.platform
            .database
            .execute(
                &format!("DELETE FROM {table} WHERE {column} = ?"),
                vec![user.as_str().into()],
            )
            .await?;
    }
    app.event("user.removed", &user, "{}").await?;
    Ok(Json(json!({"details": {}})).into_response())
}

pub(super) async fn set_metadata(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    app.user(&user).await?;
    let entries = body
        .get("metadata")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for entry in &entries {
        let (key, value) = (required(entry, "/key")?, required(entry, "/value")?);
        let database = &app.platform.database;
        let changed = database
            .execute(
                "UPDATE projections_user_metadata5 SET value = ? WHERE user_id = ? AND key = ?",
                vec![value.into(), user.as_str().into(), key.into()],
            )
            .await?;
        if changed == 0 {
            database
                .execute(
                    "INSERT INTO projections_user_metadata5 (user_id, key, value) VALUES (?, ?, ?)",
                    vec![user.as_str().into(), key.into(), value.into()],
                )
                .await?;
        }
    }
    app.event("user.metadata.set", &user, "{}").await?;
    Ok(Json(json!({"setDate": app.platform.clock.now_ms().to_string()})).into_response())
}

pub(super) async fn search_metadata(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    app.user(&user).await?;
    let rows = app
        .platform
        .database
        .query(
            "SELECT key, value FROM projections_user_metadata5 WHERE user_id = ? ORDER BY key",
            vec![user.into()],
        )
        .await?;
    let found: Vec<Value> = rows
        .iter()
        .map(|row| json!({"key": row.text(0), "value": row.text(1)}))
        .collect();
    Ok(
        Json(json!({"pagination": {"totalResult": found.len().to_string()}, "metadata": found}))
            .into_response(),
    )
}

pub(super) async fn skip_mfa(
    State(app): State<App>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    app.administrator(&headers).await?;
    app.platform
        .database
        .execute(
            "UPDATE projections_users14 SET mfa_skipped = 1 WHERE id = ?",
            vec![user.into()],
        )
        .await?;
    Ok(Json(json!({"details": {}})).into_response())
}
