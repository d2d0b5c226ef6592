//! Errors of the API: `{"error":{"message","code"}}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::bookstack::failure::{Exception, Failure};
use crate::platform::DatabaseError;

/// What a handler of the API answers.
pub(super) type Answer = Result<Response, ApiError>;

/// An error of the API.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    validation: Option<Map<String, Value>>,
}

impl ApiError {
    /// An error with a status and words.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            validation: None,
        }
    }

    /// 401.
    pub(super) fn unauthorised(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403 for a token that is known.
    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    /// 422 for one field.
    pub(super) fn invalid(field: &str, words: impl Into<String>) -> Self {
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The given data was invalid.",
        );
        let words: String = words.into();
        error.validation = Some(Map::from_iter([(field.to_owned(), json!([words]))]));
        error
    }

    /// 422 for a field that is not there.
    pub(super) fn required(field: &str) -> Self {
        Self::invalid(field, format!("The {field} field is required."))
    }

    /// 500 with an exception's words.
    pub(super) fn exception(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        Self::exception(failure.to_string())
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = Map::from_iter([("message".to_owned(), Value::from(self.message.clone()))]);
        if let Some(validation) = self.validation {
            error.insert("validation".to_owned(), Value::Object(validation));
        }
        error.insert("code".to_owned(), Value::from(self.status.as_u16()));
        let mut response = (self.status, Json(json!({ "error": error }))).into_response();
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            response.extensions_mut().insert(Exception(self.message));
        }
        response
    }
}

/// 200 with a JSON object.
pub(super) fn object(object: Map<String, Value>) -> Response {
    Json(Value::Object(object)).into_response()
}

/// 204.
pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
