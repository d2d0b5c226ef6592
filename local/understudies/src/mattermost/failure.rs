//! Errors as the API words them: `{id, message, status_code, request_id}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::ids;
use crate::platform::DatabaseError;
use crate::shared::text::escape;

/// An error of the API or of a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id}: {message}")]
pub(super) struct Failure {
    status: StatusCode,
    /// Upstream's name of the error.
    id: String,
    message: String,
    /// A page for a browser, not JSON for a program.
    page: bool,
}

impl Failure {
    pub(super) fn new(status: StatusCode, id: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            id: id.to_owned(),
            message: message.into(),
            page: false,
        }
    }

    pub(super) fn bad(id: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, id, message)
    }

    pub(super) fn not_found(id: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, id, message)
    }

    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "api.context.permissions.app_error",
            "You do not have the appropriate permissions.",
        )
    }

    pub(super) fn expired() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "api.context.session_expired.app_error",
            "Invalid or expired session, please login again.",
        )
    }

    pub(super) fn internal(id: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, id, message)
    }

    /// The same error, as a page.
    pub(super) fn page(mut self) -> Self {
        self.page = true;
        self
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::internal("app.select_error", error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.page {
            let page = format!(
                "<!DOCTYPE html><html><head><title>Mattermost - Error</title></head><body><h1>Error\
                 </h1><p class=\"error\">{}</p></body></html>",
                escape(&self.message)
            );
            return (self.status, Html(page)).into_response();
        }
        let body = json!({
            "id": self.id, "message": self.message, "detailed_error": "",
            "request_id": ids::id(), "status_code": self.status.as_u16(),
        });
        (self.status, Json(body)).into_response()
    }
}
