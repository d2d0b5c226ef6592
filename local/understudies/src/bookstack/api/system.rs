//! `GET /api/system` and `GET /api/docs.json`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;

use super::answer::Answer;
use super::caller::Caller;
use crate::bookstack::rows::params;
use crate::bookstack::{Application, VERSION};

/// `GET /api/system`: `instance_id` tells a restored database from a new one.
pub(super) async fn show(State(app): State<Arc<Application>>, _caller: Caller) -> Answer {
    let mut values = [String::new(), String::new()];
    for (value, key) in values.iter_mut().zip(["instance-id", "app-name"]) {
        let sql = "SELECT value FROM settings WHERE setting_key = ?";
        let rows = app.database.query(sql, params![key]).await?;
        *value = rows.first().map_or_else(String::new, |row| row.text(0));
    }
    let [instance_id, app_name] = values;
    Ok(Json(json!({
        "version": VERSION,
        "instance_id": instance_id,
        "app_name": app_name,
        "app_logo": null,
        "base_url": app.config.app_url,
    }))
    .into_response())
}

/// `GET /api/docs.json`: which endpoints there are.
pub(super) async fn docs(_caller: Caller) -> Answer {
    let of = |name: &str| {
        let uri = format!("api/{name}");
        let one = format!("{uri}/{{id}}");
        json!([
            { "name": format!("{name}-list"), "method": "GET", "uri": uri },
            { "name": format!("{name}-create"), "method": "POST", "uri": uri },
            { "name": format!("{name}-read"), "method": "GET", "uri": one },
        ])
    };
    let kinds = ["books", "pages", "attachments", "image-gallery", "users"];
    let docs: serde_json::Map<_, _> = kinds
        .into_iter()
        .map(|name| (name.to_owned(), of(name)))
        .collect();
    Ok(Json(docs).into_response())
}
