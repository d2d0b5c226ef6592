//! What a handler of the website answers instead of a page.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::passwords::PasswordError;
use super::scratch::ScratchError;
use super::sealing::UnsealError;
use super::web::html;
use crate::platform::DatabaseError;

/// An exception that nobody caught, or a page that is not there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The database did not do what was asked.
    #[error("SQLSTATE: {0}")]
    Database(#[from] DatabaseError),
    /// A value sealed with another key.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// Cache or session could not be kept.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A stored hash that is none.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Any other exception, in upstream's words.
    #[error("{0}")]
    Exception(String),
    /// 404, with its words.
    #[error("{0}")]
    NotFound(String),
    /// 403.
    #[error("You do not have permission to access the requested page.")]
    Permission,
}

/// Left on a response so that the layer around every handler logs it.
#[derive(Clone, Debug)]
pub(super) struct Exception(pub(super) String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let message = self.to_string();
        let (status, title) = match self {
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "Page Not Found"),
            Self::Permission => (StatusCode::FORBIDDEN, "Forbidden"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "An Error Occurred"),
        };
        let mut response = (status, Html(html::error_page(title, &message))).into_response();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            response.extensions_mut().insert(Exception(message));
        }
        response
    }
}
