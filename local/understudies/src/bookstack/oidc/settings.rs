//! The provider's endpoints and keys: from the variables, or discovered and then cached for
//! fifteen minutes. Failures are not cached, and an unknown signature does not lead to a new look.

use phoenix_evidence::words::error_chain;
use serde_json::{Map, Value as Json, json};

use super::{OidcError, uncaught};
use crate::bookstack::Application;
use crate::bookstack::configuration::EndSession;
use crate::shared::oidc::Jwk;

const CACHED_S: i64 = 15 * 60;

/// What a login needs to know of the provider.
#[derive(Clone, Debug)]
pub(super) struct ProviderSettings {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    pub(super) keys: Vec<Jwk>,
}

/// Settings as upstream puts them together.
///
/// # Errors
/// [`OidcError::Told`] when discovery fails; [`OidcError::Uncaught`] for a configuration that
/// upstream's validation refuses: an issuer or endpoint without https, a missing value.
pub(super) async fn load(app: &Application) -> Result<ProviderSettings, OidcError> {
    let oidc = &app.config.oidc;
    let required = [
        ("clientId", &oidc.client_id),
        ("clientSecret", &oidc.client_secret),
        ("issuer", &oidc.issuer),
    ];
    for (name, value) in required {
        if value.is_empty() {
            return Err(missing(name));
        }
    }
    if !oidc.issuer.starts_with("https://") {
        return Err(uncaught("Issuer value must start with https://"));
    }
    let found = if oidc.discover {
        discovered(app).await?
    } else {
        Map::new()
    };
    let endpoint = |name: &str, configured: &Option<String>| {
        found
            .get(name)
            .and_then(Json::as_str)
            .map(str::to_owned)
            .or_else(|| configured.clone())
    };
    let keys = found.get("keys").cloned().unwrap_or_default();
    let settings = ProviderSettings {
        issuer: oidc.issuer.clone(),
        authorization_endpoint: endpoint("authorization_endpoint", &oidc.authorization_endpoint)
            .unwrap_or_default(),
        token_endpoint: endpoint("token_endpoint", &oidc.token_endpoint).unwrap_or_default(),
        userinfo_endpoint: endpoint("userinfo_endpoint", &oidc.userinfo_endpoint),
        end_session_endpoint: match &oidc.end_session_endpoint {
            EndSession::Off => None,
            EndSession::Discovered => endpoint("end_session_endpoint", &None),
            EndSession::Url(url) => Some(url.clone()),
        },
        keys: serde_json::from_value(keys).unwrap_or_default(),
    };
    validated(settings)
}

fn missing(name: &str) -> OidcError {
    uncaught(format!("Missing required configuration \"{name}\" value"))
}

fn validated(settings: ProviderSettings) -> Result<ProviderSettings, OidcError> {
    if settings.keys.is_empty() {
        return Err(missing("keys"));
    }
    let endpoints = [
        ("tokenEndpoint", Some(&settings.token_endpoint)),
        (
            "authorizationEndpoint",
            Some(&settings.authorization_endpoint),
        ),
        ("userinfoEndpoint", settings.userinfo_endpoint.as_ref()),
    ];
    for (name, url) in endpoints {
        match url {
            Some(url) if url.is_empty() => return Err(missing(name)),
            Some(url) if !url.starts_with("https://") => {
                let words = format!("Endpoint value for \"{name}\" must start with https://");
                return Err(uncaught(words));
            }
            _ => {}
        }
    }
    Ok(settings)
}

async fn discovered(app: &Application) -> Result<Map<String, Json>, OidcError> {
    let cache_key = format!("oidc-discovery::{}", app.config.oidc.issuer);
    if let Some(cached) = app.cache.get(&cache_key).await?
        && let Ok(found) = serde_json::from_str(&cached)
    {
        return Ok(found);
    }
    let found = discover(app)
        .await
        .map_err(|words| OidcError::Told(format!("OIDC Discovery Error: {words}")))?;
    app.cache
        .set(
            &cache_key,
            &Json::Object(found.clone()).to_string(),
            CACHED_S,
        )
        .await?;
    Ok(found)
}

/// One look at the provider. The error is upstream's text, which tells a network that does not
/// answer from an answer that is not the provider's.
async fn discover(app: &Application) -> Result<Map<String, Json>, String> {
    let http = app.http().map_err(|failure| failure.to_string())?;
    let issuer = &app.config.oidc.issuer;
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let document = fetched(&http, &url).await?;
    let Some(document) = document else {
        return Err(format!(
            "Error discovering provider settings from issuer at URL {url}"
        ));
    };
    if document.get("issuer").and_then(Json::as_str) != Some(issuer) {
        return Err("Unexpected issuer value found on discovery response".to_owned());
    }
    let mut found = Map::new();
    let names = [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "end_session_endpoint",
    ];
    for name in names {
        if let Some(Json::String(value)) = document.get(name) {
            found.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(Json::String(uri)) = document.get("jwks_uri") {
        let set = fetched(&http, uri).await?;
        let Some(Json::Array(keys)) = set.and_then(|mut set| set.remove("keys")) else {
            return Err("Error reading keys from issuer jwks_uri".to_owned());
        };
        found.insert("keys".to_owned(), keys.into_iter().filter(usable).collect());
    }
    Ok(found)
}

/// A non-empty JSON object, whatever the status: upstream looks at nothing else.
async fn fetched(http: &reqwest::Client, url: &str) -> Result<Option<Map<String, Json>>, String> {
    let failed = |error: reqwest::Error| {
        format!(
            "HTTP request failed during discovery with error: {}",
            error_chain(&error)
        )
    };
    let answer = http.get(url).send().await.map_err(failed)?;
    let body = answer.text().await.map_err(failed)?;
    let object: Option<Map<String, Json>> = serde_json::from_str(&body).ok();
    Ok(object.filter(|object| !object.is_empty()))
}

fn usable(key: &Json) -> bool {
    let is = |name: &str, wanted: &str| {
        key.get(name)
            .and_then(Json::as_str)
            .is_none_or(|value| value == wanted)
    };
    key.get("kty").is_some_and(|kty| kty == "RSA") && is("alg", "RS256") && is("use", "sig")
}
