//! The three routes of the dance: login, callback, logout.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use phoenix_evidence::words::error_chain;
use serde::Deserialize;
use serde_json::Value as Json;

use super::claims::{Expected, validated};
use super::settings::{ProviderSettings, load};
use super::{OidcError, uncaught};
use crate::bookstack::Application;
use crate::bookstack::configuration::AuthMethod;
use crate::bookstack::failure::Failure;
use crate::bookstack::users::{self, User};
use crate::bookstack::web::login::{after_logout, closed, enter};
use crate::bookstack::web::visit::{Visit, redirect_to};
use crate::platform::DatabaseError;
use crate::shared::oidc::{ClientAuth, Exchange, exchange, pkce};
use crate::shared::text::{token, with_params};

/// Query of the callback.
#[derive(Deserialize)]
pub(in crate::bookstack) struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
}

/// Who the provider says that this is.
struct Identity {
    external_id: String,
    name: String,
    email: String,
    groups: Vec<String>,
}

/// `POST /oidc/login`.
pub(in crate::bookstack) async fn log_in(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    if app.config.auth_method != AuthMethod::Oidc {
        return Ok(closed(&app, &visit));
    }
    let settings = match load(&app).await {
        Ok(settings) => settings,
        Err(error) => return ended(&app, &visit, error),
    };
    let (verifier, challenge) = pkce();
    let state = token(16);
    visit.put("oidc_pkce_code", &verifier);
    // For the next request only: any page visited in between forgets it.
    visit.flash("oidc_state", &state);
    let mut scopes = vec!["openid", "profile", "email"];
    scopes.extend(app.config.oidc.additional_scopes.iter().map(String::as_str));
    let parameters = [
        ("scope", scopes.join(" ")),
        ("state", state),
        ("response_type", "code".to_owned()),
        ("approval_prompt", "auto".to_owned()),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256".to_owned()),
        ("redirect_uri", app.url("/oidc/callback")),
        ("client_id", app.config.oidc.client_id.clone()),
    ];
    let parameters: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Ok(redirect_to(&with_params(
        &settings.authorization_endpoint,
        &parameters,
    )))
}

/// `GET /oidc/callback`.
pub(in crate::bookstack) async fn callback(
    State(app): State<Arc<Application>>,
    Query(query): Query<CallbackQuery>,
    visit: Visit,
) -> Result<Response, Failure> {
    if app.config.auth_method != AuthMethod::Oidc {
        return Ok(closed(&app, &visit));
    }
    let sent = visit.flashed("oidc_state");
    if sent.is_none() || sent != query.state {
        let name = &app.config.oidc.name;
        let words =
            format!("Login using {name} failed, system did not provide successful authorization");
        return Ok(visit.refuse(&app, "/login", &words));
    }
    match authorised(&app, &visit, query.code.as_deref()).await {
        Ok(user) => enter(&app, &visit, &user, "oidc").await,
        Err(error) => ended(&app, &visit, error),
    }
}

/// `POST /oidc/logout`.
pub(in crate::bookstack) async fn log_out(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    if app.config.auth_method != AuthMethod::Oidc {
        return Ok(closed(&app, &visit));
    }
    let id_token = visit.pull("oidc_id_token").unwrap_or_default();
    visit.log_out();
    let home = app.url(after_logout(&app));
    match load(&app).await {
        Ok(ProviderSettings {
            end_session_endpoint: Some(endpoint),
            ..
        }) => {
            let query = [
                ("id_token_hint", id_token.as_str()),
                ("post_logout_redirect_uri", &home),
            ];
            Ok(redirect_to(&with_params(&endpoint, &query)))
        }
        Ok(_) => Ok(redirect_to(&home)),
        Err(OidcError::Told(words)) => Ok(visit.refuse(&app, "/logout", &words)),
        Err(OidcError::Uncaught(failure)) => Err(failure),
    }
}

fn ended(app: &Application, visit: &Visit, error: OidcError) -> Result<Response, Failure> {
    match error {
        OidcError::Told(words) => {
            app.log.line(format!("oidc: {words}"));
            Ok(visit.refuse(app, "/login", &words))
        }
        OidcError::Uncaught(failure) => Err(failure),
    }
}

async fn authorised(
    app: &Application,
    visit: &Visit,
    code: Option<&str>,
) -> Result<User, OidcError> {
    let settings = load(app).await?;
    let verifier = visit.pull("oidc_pkce_code");
    let code = code.ok_or_else(|| uncaught("Required parameter not passed: \"code\""))?;
    let config = &app.config.oidc;
    let redirect_uri = app.url("/oidc/callback");
    let request = Exchange {
        endpoint: &settings.token_endpoint,
        client_id: &config.client_id,
        client_secret: &config.client_secret,
        auth: ClientAuth::Basic,
        code,
        redirect_uri: &redirect_uri,
        verifier: verifier.as_deref(),
    };
    let tokens = exchange(&app.http()?, &request)
        .await
        .map_err(|error| uncaught(error.error))?;
    let expected = Expected {
        issuer: &settings.issuer,
        client_id: &config.client_id,
        keys: &settings.keys,
        trims_audience: app.config.theme_trims_audience,
        now_s: app.clock.now_s(),
    };
    let told =
        |words: String| OidcError::Told(format!("ID token validation failed with error: {words}"));
    let claims = validated(&tokens.id_token, &expected).map_err(told)?;
    visit.put("oidc_id_token", &tokens.id_token);
    let identity = identity(app, &settings, claims, &tokens.access_token).await?;
    if visit.user.is_some() {
        return Err(OidcError::Told("Already logged in".to_owned()));
    }
    let user = find_or_register(app, &identity).await?;
    if config.sync_groups {
        let detach = config.remove_from_groups;
        users::sync_roles(app.database.as_ref(), user.id, &identity.groups, detach).await?;
    }
    Ok(user)
}

/// From the token, and from userinfo what the token lacks.
async fn identity(
    app: &Application,
    settings: &ProviderSettings,
    mut claims: Json,
    access_token: &str,
) -> Result<Identity, OidcError> {
    let config = &app.config.oidc;
    let has = |claims: &Json, name: &str| claim(claims, name).is_some_and(|value| !value.is_null());
    let full = has(&claims, &config.external_id_claim)
        && has(&claims, "email")
        && config
            .display_name_claims
            .iter()
            .any(|name| has(&claims, name))
        && (!config.sync_groups || has(&claims, &config.groups_claim));
    if !full && let Some(endpoint) = &settings.userinfo_endpoint {
        let more = userinfo(app, endpoint, access_token, &claims).await?;
        if let (Json::Object(claims), Json::Object(more)) = (&mut claims, more) {
            claims.extend(more);
        }
    }
    let text = |name: &str| {
        claim(&claims, name)
            .and_then(Json::as_str)
            .map(str::to_owned)
            .unwrap_or_default()
    };
    let external_id = text(&config.external_id_claim);
    let email = text("email");
    if email.is_empty() {
        let words = "Could not find an email address, for this user, in the data provided by \
                     the external authentication system";
        return Err(OidcError::Told(words.to_owned()));
    }
    let names: Vec<String> = config
        .display_name_claims
        .iter()
        .map(|name| text(name))
        .filter(|name| !name.is_empty())
        .collect();
    let name = if names.is_empty() {
        external_id.clone()
    } else {
        names.join(" ")
    };
    let groups = claim(&claims, &config.groups_claim)
        .and_then(Json::as_array)
        .map(|groups| {
            groups
                .iter()
                .filter_map(|g| g.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default();
    Ok(Identity {
        external_id,
        name,
        email,
        groups,
    })
}

/// A claim by name or by dotted path.
fn claim<'a>(claims: &'a Json, path: &str) -> Option<&'a Json> {
    claims.get(path).or_else(|| {
        path.split('.')
            .try_fold(claims, |claims, name| claims.get(name))
    })
}

/// Upstream takes the claims only from an answer of exactly `application/json`.
async fn userinfo(
    app: &Application,
    endpoint: &str,
    access_token: &str,
    claims: &Json,
) -> Result<Json, OidcError> {
    let failed = |error: reqwest::Error| uncaught(error_chain(&error));
    let answer = app
        .http()?
        .get(endpoint)
        .bearer_auth(access_token)
        .send()
        .await
        .map_err(failed)?;
    let plain = answer
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind == "application/json");
    let body = answer.text().await.map_err(failed)?;
    let more: Json = if plain {
        serde_json::from_str(&body).unwrap_or_default()
    } else {
        Json::Null
    };
    let words = match more.get("sub").and_then(Json::as_str) {
        None | Some("") => "No valid subject value found in userinfo data",
        Some(sub) if Some(sub) != claims.get("sub").and_then(Json::as_str) => {
            "Subject value provided in the userinfo endpoint does not match the provided ID token \
             value"
        }
        Some(_) => return Ok(more),
    };
    let prefix = "Userinfo endpoint response validation failed with error";
    Err(OidcError::Told(format!("{prefix}: {words}")))
}

/// By `external_auth_id` and by nothing else; an unknown one is registered, unless its email
/// belongs to somebody: that is how a rebuilt provider locks everybody out.
async fn find_or_register(app: &Application, identity: &Identity) -> Result<User, OidcError> {
    let database = app.database.as_ref();
    if let Some(user) = users::by_external_id(database, &identity.external_id).await? {
        return Ok(user);
    }
    let clash = || {
        let email = &identity.email;
        OidcError::Told(format!(
            "A user with the email {email} already exists but with different credentials."
        ))
    };
    if users::by_email(database, &identity.email).await?.is_some() {
        return Err(clash());
    }
    let Identity {
        external_id,
        name,
        email,
        ..
    } = identity;
    match users::register(database, name, email, external_id, &app.moment()).await {
        Err(DatabaseError::Unique(_)) => Err(clash()),
        other => Ok(other?),
    }
}
