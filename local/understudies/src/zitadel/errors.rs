//! Its error answers: gRPC codes over REST, OAuth errors, and the plain text of an unknown host.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::platform::DatabaseError;

/// An error of the REST gateway.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) code: u8,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(5, format!("{what} not found (QUERY-Df3f2)"))
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(16, "Errors.Token.Invalid (AUTH-7fs1e)")
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::new(3, format!("{message} (COMMAND-2M9fs)"))
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unique(_) => Self::new(6, "Errors.AlreadyExists (V3-DKcYh)"),
            other => Self::new(13, format!("Errors.Internal (QUERY-Iuk0s): {other}")),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = match self.code {
            3 | 9 => StatusCode::BAD_REQUEST,
            5 => StatusCode::NOT_FOUND,
            6 => StatusCode::CONFLICT,
            7 => StatusCode::FORBIDDEN,
            16 => StatusCode::UNAUTHORIZED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let body = json!({"code": self.code, "message": self.message, "details": []});
        (status, Json(body)).into_response()
    }
}

/// An error of the token endpoint.
pub(super) fn oauth(status: StatusCode, error: &str, description: &str) -> Response {
    (
        status,
        Json(json!({"error": error, "error_description": description})),
    )
        .into_response()
}
