//! Parameters of a call: of its query and of its form, with upstream's words for what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::shared::text::params;
use crate::zulip::Application;
use crate::zulip::answers::Refusal;

/// Query and form; the form wins.
pub(super) struct Parameters(BTreeMap<String, String>);

impl FromRequest<Arc<Application>> for Parameters {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<Application>) -> Result<Self, Refusal> {
        let mut all = params(request.uri().query().unwrap_or_default());
        let body = Bytes::from_request(request, app)
            .await
            .map_err(|error| Refusal::bad(error.body_text()))?;
        all.extend(params(&String::from_utf8_lossy(&body)));
        Ok(Self(all))
    }
}

impl Parameters {
    /// A parameter that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter in JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.required(name)?;
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|_| Refusal::bad(format!("{name} is not valid JSON")))?;
        serde_json::from_value(value)
            .map_err(|error| Refusal::bad(format!("Invalid {name}: {error}")))
    }

    /// A number that is not negative; 0 where it is not given.
    pub(super) fn count(&self, name: &str) -> Result<i64, Refusal> {
        let Some(text) = self.get(name) else {
            return Ok(0);
        };
        match text.parse() {
            Ok(count) if count >= 0 => Ok(count),
            Ok(_) => Err(Refusal::bad(format!("{name} is too small"))),
            Err(_) => Err(Refusal::bad(format!("{name} is not an integer"))),
        }
    }

    /// Whether messages are wanted as they look, not as they were written.
    pub(super) fn apply_markdown(&self) -> bool {
        self.get("apply_markdown") != Some("false")
    }
}
