//! `GET /status`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::bookstack::Application;
use crate::bookstack::rows::{number, params};

/// Three booleans; 500 unless all are true. It asks neither for files, nor for objects, nor for
/// the identity provider, and an empty migrated database satisfies it.
pub(in crate::bookstack) async fn show(State(app): State<Arc<Application>>) -> Response {
    let count = "SELECT COUNT(*) FROM migrations";
    let database = number(app.database.as_ref(), count, params![])
        .await
        .is_ok_and(|n| n > 0);
    let cache = app.cache.works().await;
    let session = app.sessions.works().await;
    let status = if database && cache && session {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let body = serde_json::json!({ "database": database, "cache": cache, "session": session });
    (status, Json(body)).into_response()
}
