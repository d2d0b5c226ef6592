//! Answers of the API: `{"result": "success", "msg": "", …}` and its opposite.

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::platform::DatabaseError;

/// What the API refuses with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Seconds, of a 429.
    retry_after: Option<u64>,
    /// The queue that there is not.
    queue_id: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            queue_id: None,
        }
    }

    /// A queue of events that is not there, or is somebody else's: a client registers anew.
    pub(super) fn bad_queue(id: &str) -> Self {
        let message = format!("Bad event queue ID: {id}");
        Self {
            queue_id: Some(id.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, "BAD_EVENT_QUEUE_ID", message)
        }
    }

    pub(super) fn not_an_administrator() -> Self {
        let message = "Must be an organization administrator";
        Self::new(StatusCode::BAD_REQUEST, "UNAUTHORIZED_PRINCIPAL", message)
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// A parameter that the call needs and does not have.
    pub(super) fn missing(name: &str) -> Self {
        let message = format!("Missing '{name}' argument");
        Self::new(StatusCode::BAD_REQUEST, "REQUEST_VARIABLE_MISSING", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "BAD_REQUEST", message)
    }

    pub(super) fn no_realm() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NONEXISTENT_SUBDOMAIN",
            "Invalid subdomain",
        )
    }

    fn unauthorised(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    pub(super) fn invalid_key() -> Self {
        Self::unauthorised("INVALID_API_KEY", "Invalid API key")
    }

    pub(super) fn nobody() -> Self {
        let message = "Not logged in: API authentication or user session required";
        Self::unauthorised("UNAUTHORIZED", message)
    }

    pub(super) fn wrong_password() -> Self {
        let message = "Your username or password is incorrect";
        Self::unauthorised("AUTHENTICATION_FAILED", message)
    }

    pub(super) fn no_passwords() -> Self {
        let message = "Password authentication is disabled in this organization";
        Self::unauthorised("PASSWORD_AUTH_DISABLED", message)
    }

    pub(super) fn deactivated() -> Self {
        Self::unauthorised("USER_DEACTIVATED", "Account is deactivated")
    }

    pub(super) fn rate_limited(wait_s: u64) -> Self {
        Self {
            retry_after: Some(wait_s),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMIT_HIT",
                "API usage exceeded rate limit",
            )
        }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
            message,
        )
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::internal(error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({"result": "error", "msg": self.message, "code": self.code});
        if let Some(wait) = self.retry_after {
            body["retry-after"] = wait.into();
        }
        if let Some(queue) = self.queue_id {
            body["queue_id"] = queue.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait) = self.retry_after
            && let Ok(value) = HeaderValue::from_str(&wait.to_string())
        {
            response.headers_mut().insert("retry-after", value);
        }
        if self.code == "UNAUTHORIZED" {
            let value = HeaderValue::from_static("Basic realm=\"zulip\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// A success with these fields beside it.
pub(super) fn success(mut fields: Value) -> Json<Value> {
    fields["result"] = "success".into();
    fields["msg"] = "".into();
    Json(fields)
}
