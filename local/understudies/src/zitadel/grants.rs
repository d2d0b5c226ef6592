//! The grants of machines: by the secret of their account, by a key of theirs.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::connect;
use super::errors::{ApiError, oauth};
use super::oidc::{TOKEN_LASTS_S, credentials};
use super::server::Zitadel;

/// The grant of a machine that signs what it says of itself.
pub(super) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A form of the token endpoint.
pub(super) type Form = BTreeMap<String, String>;

impl Zitadel {
    /// A token for a machine that knows its secret; its client id is the name of its account.
    pub(super) async fn for_credentials(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Response, ApiError> {
        let bad = |error: &str, words: &str| Ok(oauth(StatusCode::BAD_REQUEST, error, words));
        let (name, secret) = match credentials(headers, form) {
            Ok((name, secret)) => (name, secret.unwrap_or_default()),
            Err(words) => return bad("invalid_request", words),
        };
        match connect::verified_secret(self, &name, &secret).await? {
            Some(user) => self.machine_token(&user, form).await,
            None => bad("invalid_client", "invalid client_id / client_secret"),
        }
    }

    /// A token for a machine that signed an assertion.
    pub(super) async fn for_assertion(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Response, ApiError> {
        let assertion = form.get("assertion").map_or("", String::as_str);
        match connect::verified_assertion(self, &self.issuer(headers), assertion).await? {
            Some(user) => self.machine_token(&user, form).await,
            None => Ok(oauth(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "assertion invalid",
            )),
        }
    }

    async fn machine_token(&self, user: &str, form: &Form) -> Result<Response, ApiError> {
        let scope = form.get("scope").map_or("", String::as_str);
        let access = self.new_token("access", user, scope, TOKEN_LASTS_S).await?;
        Ok(Json(json!({
            "access_token": access, "token_type": "Bearer", "expires_in": TOKEN_LASTS_S,
        }))
        .into_response())
    }
}
