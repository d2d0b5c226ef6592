//! Who is calling: `email:api_key` by HTTP Basic.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Application;
use super::answers::Refusal;
use super::realm::User;

/// Somebody with an API key.
pub(super) struct Caller(pub(super) User);

impl FromRequestParts<Arc<Application>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<Application>,
    ) -> Result<Self, Refusal> {
        let given = parts
            .headers
            .get(AUTHORIZATION)
            .ok_or_else(Refusal::nobody)?;
        let pair = given
            .to_str()
            .ok()
            .and_then(|value| value.strip_prefix("Basic "))
            .and_then(|value| String::from_utf8(STANDARD.decode(value).ok()?).ok())
            .ok_or_else(Refusal::invalid_key)?;
        let (email, key) = pair.split_once(':').ok_or_else(Refusal::invalid_key)?;
        let user = app
            .user_by_email(email)
            .await?
            .filter(|user| user.api_key == key)
            .ok_or_else(Refusal::invalid_key)?;
        if !user.active {
            return Err(Refusal::deactivated());
        }
        if let Some(limits) = &app.limits
            && let Err(wait_s) = limits.calls.take(&user.email, app.clock.now_ms())
        {
            return Err(Refusal::rate_limited(wait_s));
        }
        Ok(Self(user))
    }
}
