//! What the server says of itself before anybody logs in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::zulip::answers::{Refusal, success};
use crate::zulip::{Application, FEATURE_LEVEL, VERSION};

/// `GET /api/v1/server_settings`.
pub(super) async fn settings(State(app): State<Arc<Application>>) -> Result<Json<Value>, Refusal> {
    let mut fields = json!({
        "zulip_version": VERSION, "zulip_feature_level": FEATURE_LEVEL,
        "authentication_methods": {
            "password": app.config.email_backend, "email": app.config.email_backend,
            "openid connect": app.config.oidc.is_some(),
        },
        "external_authentication_methods": [],
        "realm_url": app.config.base(), "realm_uri": app.config.base(),
    });
    if let Some(one) = &app.config.oidc {
        let path = format!("/accounts/login/social/oidc/{}", one.name);
        fields["external_authentication_methods"] = json!([{
            "name": format!("oidc:{}", one.name), "display_name": one.display_name,
            "display_icon": null, "login_url": path, "signup_url": path,
        }]);
    }
    // Of an organisation that is not there nothing is said, and that is no error.
    match app.realm().await {
        Ok(realm) => {
            fields["realm_name"] = realm.name.into();
            fields["realm_uuid"] = realm.uuid.into();
        }
        Err(refusal) if refusal == Refusal::no_realm() => {}
        Err(refusal) => return Err(refusal),
    }
    Ok(success(fields))
}
