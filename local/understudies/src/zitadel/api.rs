//! Organisation, instance, projects, OIDC applications, features, actions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::bootstrap::BCRYPT_COST;
use super::errors::ApiError;
use super::server::{App, Zitadel, new_id};
use crate::shared::text::random_from;

type Answer = Result<Response, ApiError>;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) async fn org_me(State(app): State<App>, headers: HeaderMap) -> Answer {
    app.caller(&headers).await?;
    let (id, name) = (app.setting("org_id").await?, app.setting("org_name").await?);
    let domain = format!(
        "{}.{}",
        name.clone().unwrap_or_default().to_lowercase(),
        app.configuration.external_domain
    );
    let org = json!({"id": id, "name": name, "primaryDomain": domain, "state": "ORG_STATE_ACTIVE"});
    Ok(Json(json!({"org": org})).into_response())
}

pub(super) async fn instance_me(State(app): State<App>, headers: HeaderMap) -> Answer {
    app.administrator(&headers).await?;
    let id = app.setting("instance_id").await?;
    Ok(
        Json(json!({"instance": {"id": id, "name": "ZITADEL", "version": "v4.13.0"}}))
            .into_response(),
    )
}

/// The operator's actions, as settings of the instance: `numericUserId`, `singleAudience`.
pub(super) async fn set_action(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.administrator(&headers).await?;
    let name = text(&body, "name");
    if !["numericUserId", "singleAudience"].contains(&name) {
        return Err(ApiError::invalid("unknown action"));
    }
    app.set_setting(&format!("action.{name}"), "true").await?;
    Ok(Json(json!({"id": new_id(), "details": {}})).into_response())
}

pub(super) async fn create_project(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.administrator(&headers).await?;
    let id = new_id();
    let name = text(&body, "name");
    if name.is_empty() {
        return Err(ApiError::invalid("invalid project name"));
    }
    let (role_check, project_check) = (
        flag(&body, "projectRoleCheck"),
        flag(&body, "hasProjectCheck"),
    );
    app.add_project(&id, name, role_check, project_check)
        .await?;
    Ok(Json(json!({"id": id, "details": {}})).into_response())
}

impl Zitadel {
    pub(super) async fn add_project(
        &self,
        id: &str,
        name: &str,
        role_check: bool,
        project_check: bool,
    ) -> Result<(), ApiError> {
        self.platform
            .database
            .execute(
                "INSERT INTO projections_projects4 (id, name, role_check, has_project_check) \
                 VALUES (?, ?, ?, ?)",
                vec![
                    id.into(),
                    name.into(),
                    role_check.into(),
                    project_check.into(),
                ],
            )
            .await?;
        self.event("project.added", id, "{}").await
    }
}

pub(super) async fn search_projects(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.administrator(&headers).await?;
    let wanted = body
        .pointer("/queries/0/nameQuery/name")
        .and_then(Value::as_str);
    let rows = app
        .platform
        .database
        .query(
            "SELECT id, name FROM projections_projects4 ORDER BY id",
            Vec::new(),
        )
        .await?;
    let found: Vec<Value> = rows
        .iter()
        .filter(|row| wanted.is_none_or(|wanted| row.text(1) == wanted))
        .map(|row| json!({"id": row.text(0), "name": row.text(1), "state": "PROJECT_STATE_ACTIVE"}))
        .collect();
    Ok(listed(found))
}

/// A list as the gateway writes it: an empty one has no `result`.
fn listed(found: Vec<Value>) -> Response {
    let total = found.len().to_string();
    if found.is_empty() {
        Json(json!({"details": {"totalResult": total}})).into_response()
    } else {
        Json(json!({"details": {"totalResult": total}, "result": found})).into_response()
    }
}

pub(super) async fn add_role(
    State(app): State<App>,
    Path(project): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.administrator(&headers).await?;
    app.platform
        .database
        .execute(
            "INSERT INTO projections_project_roles4 (project_id, role_key, display_name) \
             VALUES (?, ?, ?)",
            vec![
                project.into(),
                text(&body, "roleKey").into(),
                text(&body, "displayName").into(),
            ],
        )
        .await?;
    Ok(Json(json!({"details": {}})).into_response())
}

/// A client secret: shown once, kept as a hash.
fn new_secret() -> Result<(String, String), ApiError> {
    let secret = random_from(
        b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789",
        48,
    );
    let hash = bcrypt::hash(&secret, BCRYPT_COST).map_err(|e| ApiError::invalid(&e.to_string()))?;
    Ok((secret, hash))
}

pub(super) async fn create_app(
    State(app): State<App>,
    Path(project): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.administrator(&headers).await?;
    let database = &app.platform.database;
    let name = text(&body, "name");
    let taken = database
        .query(
            "SELECT 1 FROM projections_apps7_oidc WHERE project_id = ? AND name = ?",
            vec![project.as_str().into(), name.into()],
        )
        .await?;
    if !taken.is_empty() {
        return Err(ApiError::new(
            6,
            "Errors.Project.App.AlreadyExisting (V3-DKcYh)",
        ));
    }
    let uris: Vec<String> = body
        .get("redirectUris")
        .and_then(Value::as_array)
        .map(|uris| {
            uris.iter()
                .filter_map(|uri| uri.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default();
    let plain = uris.iter().any(|uri| uri.starts_with("http://"));
    if plain && !flag(&body, "devMode") {
        return Err(ApiError::invalid(
            "Errors.Project.App.OIDCConfigInvalid: http redirect URI",
        ));
    }
    let (app_id, client_id) = (new_id(), new_id());
    let (secret, hash) = new_secret()?;
    database
        .execute(
            "INSERT INTO projections_apps7_oidc (app_id, project_id, name, client_id, \
             client_secret, redirect_uris, auth_method, dev_mode, id_token_userinfo) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                app_id.as_str().into(),
                project.as_str().into(),
                name.into(),
                client_id.as_str().into(),
                hash.into(),
                json!(uris).to_string().into(),
                text(&body, "authMethodType").into(),
                flag(&body, "devMode").into(),
                flag(&body, "idTokenUserinfoAssertion").into(),
            ],
        )
        .await?;
    app.event("project.application.added", &project, "{}")
        .await?;
    Ok(Json(json!({
        "appId": app_id, "clientId": client_id, "clientSecret": secret, "details": {},
    }))
    .into_response())
}

pub(super) async fn search_apps(
    State(app): State<App>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Answer {
    app.administrator(&headers).await?;
    let rows = app
        .platform
        .database
        .query(
            "SELECT app_id, name, client_id, redirect_uris FROM projections_apps7_oidc \
             WHERE project_id = ? ORDER BY app_id",
            vec![project.into()],
        )
        .await?;
    Ok(listed(rows.iter().map(shown).collect()))
}

fn shown(row: &crate::platform::Row) -> Value {
    let uris: Value = serde_json::from_str(&row.text(3)).unwrap_or_default();
    json!({
        "id": row.text(0),
        "name": row.text(1),
        "state": "APP_STATE_ACTIVE",
        "oidcConfig": {"clientId": row.text(2), "redirectUris": uris},
    })
}

pub(super) async fn read_app(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    app.administrator(&headers).await?;
    let rows = app
        .platform
        .database
        .query(
            "SELECT app_id, name, client_id, redirect_uris FROM projections_apps7_oidc \
             WHERE project_id = ? AND app_id = ?",
            vec![project.into(), id.into()],
        )
        .await?;
    let row = rows.first().ok_or_else(|| ApiError::not_found("App"))?;
    Ok(Json(json!({"app": shown(row)})).into_response())
}

pub(super) async fn new_client_secret(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    app.administrator(&headers).await?;
    let (secret, hash) = new_secret()?;
    let changed = app
        .platform
        .database
        .execute(
            "UPDATE projections_apps7_oidc SET client_secret = ? \
             WHERE project_id = ? AND app_id = ?",
            vec![hash.into(), project.into(), id.into()],
        )
        .await?;
    if changed == 0 {
        return Err(ApiError::not_found("App"));
    }
    Ok(Json(json!({"clientSecret": secret, "details": {}})).into_response())
}

pub(super) async fn set_features(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.administrator(&headers).await?;
    if let Some(required) = body.pointer("/loginV2/required").and_then(Value::as_bool) {
        app.set_setting("login_v2_required", &required.to_string())
            .await?;
    }
    Ok(Json(json!({"details": {}})).into_response())
}

pub(super) async fn get_features(State(app): State<App>, headers: HeaderMap) -> Answer {
    app.administrator(&headers).await?;
    let required = app.setting("login_v2_required").await?.as_deref() == Some("true");
    let shown = if required {
        json!({"required": true})
    } else {
        json!({})
    };
    Ok(Json(json!({"details": {}, "loginV2": shown})).into_response())
}

pub(super) async fn web_keys(State(app): State<App>, headers: HeaderMap) -> Answer {
    app.administrator(&headers).await?;
    let rows = app
        .platform
        .database
        .query(
            "SELECT id, active FROM projections_web_keys1 ORDER BY active DESC",
            Vec::new(),
        )
        .await?;
    let keys: Vec<Value> = rows
        .iter()
        .map(|row| {
            let state = if row.integer(1) == 1 {
                "STATE_ACTIVE"
            } else {
                "STATE_INITIAL"
            };
            json!({"id": row.text(0), "state": state,
                   "rsa": {"bits": "RSA_BITS_2048", "hasher": "RSA_HASHER_SHA256"}})
        })
        .collect();
    Ok(Json(json!({"webKeys": keys})).into_response())
}
