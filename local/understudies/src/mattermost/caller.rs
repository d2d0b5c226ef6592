//! Who is calling: a bearer token, or the session cookie.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};

use super::Application;
use super::failure::Failure;
use super::users::User;
use crate::shared::server::cookie;

/// Somebody with a session or a personal token.
pub(super) struct Caller(pub(super) User);

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    ["bearer", "token"]
        .contains(&scheme.to_lowercase().as_str())
        .then(|| token.trim().to_owned())
}

impl FromRequestParts<Arc<Application>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<Application>,
    ) -> Result<Self, Failure> {
        let from_header = bearer(&parts.headers);
        let token = match from_header {
            Some(token) => token,
            None => {
                let token = cookie(&parts.headers, "MMAUTHTOKEN").ok_or_else(Failure::expired)?;
                let safe = parts.method == Method::GET || parts.method == Method::HEAD;
                let by_script = parts
                    .headers
                    .get("x-requested-with")
                    .is_some_and(|value| value == "XMLHttpRequest");
                // A cookie alone could have been sent by any page.
                if !safe && !by_script {
                    return Err(Failure::expired());
                }
                token
            }
        };
        if let Some(limit) = &app.limit
            && limit.take(&token, app.clock.now_ms()).is_err()
        {
            return Err(Failure::new(
                StatusCode::TOO_MANY_REQUESTS,
                "api.context.rate_limit",
                "limit exceeded",
            ));
        }
        app.user_of_token(&token)
            .await?
            .map(Self)
            .ok_or_else(Failure::expired)
    }
}
