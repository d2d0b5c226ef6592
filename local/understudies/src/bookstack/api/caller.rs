//! Who calls: the rate limit first, then a started session or the token header.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::ApiError;
use crate::bookstack::Application;
use crate::bookstack::failure::Failure;
use crate::bookstack::rows::{first, params};
use crate::bookstack::users::{User, by_id, permissions};
use crate::bookstack::web::visit::session_user;

/// A user who may use the API.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) user: User,
    permissions: BTreeSet<String>,
}

impl Caller {
    /// Upstream's answer to a call that the caller's roles do not permit.
    pub(super) fn require(&self, permission: &str) -> Result<(), ApiError> {
        if self.permissions.contains(permission) {
            return Ok(());
        }
        let words = "You do not have permission to perform the requested action.";
        Err(ApiError::forbidden(words))
    }

    /// What a caller may not see is not there.
    pub(super) fn sees(&self, permission: &str, what: &str) -> Result<(), ApiError> {
        if self.permissions.contains(permission) {
            Ok(())
        } else {
            Err(ApiError::missing(what))
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::unauthorised("Unauthorized"))
    }
}

/// The layer around every route of the API.
pub(super) async fn layer(
    State(app): State<Arc<Application>>,
    mut request: Request,
    next: Next,
) -> Response {
    // The limit counts by address: it comes before anyone is known.
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let from = address.map_or_else(String::new, |peer| peer.0.ip().to_string());
    if let Some(limit) = &app.api_limit
        && let Err(wait_s) = limit.take(&from, app.clock.now_ms())
    {
        return too_many(&app, wait_s);
    }
    match caller(&app, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

fn too_many(app: &Application, wait_s: u64) -> Response {
    let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Attempts.");
    let mut response = error.into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    headers.insert(
        "x-ratelimit-limit",
        HeaderValue::from(app.config.api_requests_per_min),
    );
    headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
    response
}

async fn caller(app: &Application, headers: &HeaderMap) -> Result<Caller, ApiError> {
    // A started session takes precedence over the header, for better or worse.
    if let Some(user) = session_user(app, headers).await? {
        return permitted(app, user).await;
    }
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let given = given.unwrap_or_default().trim();
    if given.is_empty() {
        return Err(ApiError::unauthorised(
            "No authorization token found on the request",
        ));
    }
    let Some((token_id, secret)) = given.strip_prefix("Token ").and_then(|t| t.split_once(':'))
    else {
        return Err(ApiError::unauthorised(
            "An authorization token was found on the request but the format appeared incorrect",
        ));
    };
    let sql = "SELECT secret, expires_at, user_id FROM api_tokens WHERE token_id = ?";
    let row = first(app.database.as_ref(), sql, params![token_id]).await?;
    let Some(row) = row else {
        return Err(ApiError::unauthorised(
            "No matching API token was found for the provided authorization token",
        ));
    };
    let right = app
        .verifier
        .verify(secret, &row.text(0))
        .await
        .map_err(Failure::from)?;
    if !right {
        return Err(ApiError::unauthorised(
            "The secret provided for the given used API token is incorrect",
        ));
    }
    // A date alone sorts before every moment of its day, which is its midnight.
    if row.text(1).as_str() <= app.moment().as_str() {
        return Err(ApiError::forbidden(
            "The authorization token used has expired",
        ));
    }
    let user = by_id(app.database.as_ref(), row.integer(2)).await?;
    let user = user.ok_or_else(|| ApiError::exception("The token's user does not exist"))?;
    permitted(app, user).await
}

async fn permitted(app: &Application, user: User) -> Result<Caller, ApiError> {
    let permissions = permissions(app.database.as_ref(), user.id).await?;
    if !permissions.contains("access-api") {
        return Err(ApiError::forbidden(
            "The owner of the used API token does not have permission to make API calls",
        ));
    }
    Ok(Caller { user, permissions })
}
