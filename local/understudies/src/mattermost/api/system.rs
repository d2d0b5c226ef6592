//! Health, client configuration, the page that the web application starts from.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use crate::mattermost::failure::Failure;
use crate::mattermost::{Application, VERSION};
use crate::shared::rows::{first, params};

/// `GET /api/v4/system/ping`: without `get_server_status` it looks at nothing.
pub(super) async fn ping(
    State(app): State<Arc<Application>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let asked = |name: &str| query.get(name).is_some_and(|value| value == "true");
    let mut body = json!({
        "status": "OK", "AndroidLatestVersion": "", "AndroidMinVersion": "",
        "IosLatestVersion": "", "IosMinVersion": "", "ActiveSearchBackend": "database",
    });
    if !asked("get_server_status") {
        return Json(body).into_response();
    }
    let word = |fine: bool| if fine { "OK" } else { "UNHEALTHY" };
    let database = word(database_works(&app).await);
    let filestore = word(match app.files.test().await {
        Ok(()) => true,
        Err(error) => {
            app.log.line(format!("file store: {error}"));
            false
        }
    });
    let status = word(database == "OK" && filestore == "OK");
    body["status"] = status.into();
    body["database_status"] = database.into();
    body["filestore_status"] = filestore.into();
    let code = if status == "OK" || asked("use_rest_semantics") {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("status", status),
        ("database_status", database),
        ("filestore_status", filestore),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    (code, headers, Json(body)).into_response()
}

/// Writes and removes a row.
async fn database_works(app: &Application) -> bool {
    let database = app.database.as_ref();
    let key = "DBHealthCheck_phoenix";
    let insert = database
        .execute(
            "INSERT INTO systems (name, value) VALUES (?, ?)",
            params![key, app.clock.now_ms().to_string()],
        )
        .await;
    let delete = database
        .execute("DELETE FROM systems WHERE name = ?", params![key])
        .await;
    if let Err(error) = insert.and(delete) {
        app.log.line(format!("database: {error}"));
        return false;
    }
    true
}

/// `GET /api/v4/config/client?format=old`: what a browser needs before anybody has logged in.
pub(super) async fn client_config(
    State(app): State<Arc<Application>>,
) -> Result<Json<Value>, Failure> {
    let diagnostic = first(
        app.database.as_ref(),
        "SELECT value FROM systems WHERE name = ?",
        params!["DiagnosticId"],
    )
    .await?;
    let flag = |value: bool| if value { "true" } else { "false" };
    Ok(Json(json!({
        "Version": VERSION, "BuildEnterpriseReady": "false",
        "DiagnosticId": diagnostic.map(|row| row.text(0)).unwrap_or_default(),
        "SiteURL": app.config.site_url,
        "EnableSignUpWithGitLab": flag(app.config.gitlab.enabled),
        "EnableOpenServer": flag(app.config.open_server),
        "EnablePublicLink": flag(app.config.public_links),
        "NoAccounts": flag(app.count_users().await? == 0),
    })))
}

/// The web application's page: the same for every path that it knows.
pub(super) async fn page() -> Html<&'static str> {
    Html(
        "<!DOCTYPE html><html><head><title>Mattermost</title></head><body><div id=\"root\"></div>\
         </body></html>",
    )
}
