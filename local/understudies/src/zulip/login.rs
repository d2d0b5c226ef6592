//! Login by generic OpenID Connect: to the provider, back with a code, through a one-time link to
//! the organisation. What is under way is in Redis, under the key of the session's cookie.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use phoenix_evidence::words::error_chain;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Application;
use super::answers::Refusal;
use super::configuration::OidcSettings;
use super::realm::User;
use crate::platform::Cache;
use crate::shared::client::http_client;
use crate::shared::oidc::{
    ClientAuth, Discovery, DiscoveryError, Exchange, audiences, discover, exchange, signing_keys,
    userinfo, verified_claims,
};
use crate::shared::rows::params;
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::{escape, params as parameters, token, with_params};

/// Key of a login under way in Redis, before the session's own.
const UNDER_WAY: &str = "social_auth";
const UNDER_WAY_TIME: Duration = Duration::from_secs(10 * 60);
/// Key of a one-time link in Redis.
const LINK: &str = "login_token";
const LINK_TIME: Duration = Duration::from_secs(15);
/// How old an ID token may be, and how far ahead of this clock, in seconds.
const TOKEN_AGE_S: i64 = 600;
const TOKEN_AHEAD_S: i64 = 1;

#[derive(Serialize, Deserialize)]
struct UnderWay {
    state: String,
    nonce: String,
    next: String,
}

/// What a one-time link opens.
#[derive(Serialize, Deserialize)]
struct Entry {
    user: i64,
    next: String,
}

fn redirect(to: &str, cookies: &[String]) -> Result<Response, Refusal> {
    let value = |text: &str| {
        HeaderValue::from_str(text).map_err(|error| Refusal::internal(error.to_string()))
    };
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, value(to)?);
    for cookie in cookies {
        headers.append("set-cookie", value(cookie)?);
    }
    Ok((StatusCode::FOUND, headers).into_response())
}

fn settings(app: &Application) -> Result<&OidcSettings, Refusal> {
    app.config
        .oidc
        .as_ref()
        .ok_or_else(|| Refusal::not_found("This authentication method is not enabled."))
}

/// Where to after a login: a page of this server, whatever was asked for.
fn inside(next: Option<&String>) -> &str {
    next.map(String::as_str)
        .filter(|next| next.starts_with('/') && !next.starts_with("//") && !next.contains('\\'))
        .unwrap_or("/")
}

/// `GET /accounts/login/social/oidc/{name}`.
pub(super) async fn begin(
    State(app): State<Arc<Application>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    app.realm().await?;
    if settings(&app)?.name != name {
        return config_error(&app, &format!("there is no provider {name}"));
    }
    let asked = parameters(query.as_deref().unwrap_or_default());
    let to = with_params(
        &format!("{}/login/oidc/", app.config.base()),
        &[("idp", &name), ("next", inside(asked.get("next")))],
    );
    redirect(&to, &[])
}

fn config_error(app: &Application, why: &str) -> Result<Response, Refusal> {
    app.log.line(format!("oidc: {why}"));
    redirect(&format!("{}/config-error/oidc", app.config.base()), &[])
}

/// `GET /config-error/oidc`.
pub(super) async fn config_error_page() -> Html<&'static str> {
    Html(
        "<h1>Configuration error</h1><p class=\"error\">The OpenID Connect backend is not \
         configured correctly.</p>",
    )
}

async fn discovered(app: &Application, client: &reqwest::Client) -> Result<Discovery, String> {
    let issuer = &settings(app).map_err(|error| error.to_string())?.issuer;
    discover(client, issuer).await.map_err(|error| match error {
        DiscoveryError::Unreachable(why) | DiscoveryError::NotJson(why) => why,
    })
}

/// `GET /login/oidc/`: on to the provider.
pub(super) async fn leave(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let settings = settings(&app)?;
    let asked = parameters(query.as_deref().unwrap_or_default());
    let client =
        http_client(&app.platform).map_err(|error| Refusal::internal(error_chain(&error)))?;
    let provider = match discovered(&app, &client).await {
        Ok(provider) => provider,
        Err(why) => return config_error(&app, &why),
    };
    let id = cookie(&headers, app.session_cookie()).unwrap_or_else(|| token(24));
    let under_way = UnderWay {
        state: token(24),
        nonce: token(24),
        next: inside(asked.get("next")).to_owned(),
    };
    let key = format!("{UNDER_WAY}:{id}");
    keep(&app, &key, &under_way, UNDER_WAY_TIME)
        .await
        .map_err(Refusal::internal)?;
    let to = with_params(
        &provider.authorization_endpoint,
        &[
            ("client_id", &settings.client_id),
            ("redirect_uri", &redirect_uri(&app)),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("state", &under_way.state),
            ("nonce", &under_way.nonce),
        ],
    );
    redirect(
        &to,
        &[set_cookie(app.session_cookie(), &id, app.config.https)],
    )
}

fn redis(app: &Application) -> Result<&dyn Cache, String> {
    let redis = app.platform.backing.redis.as_deref();
    redis.ok_or_else(|| "Cannot query redis".to_owned())
}

async fn keep(
    app: &Application,
    key: &str,
    value: &impl Serialize,
    time: Duration,
) -> Result<(), String> {
    let value = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    redis(app)?.set(key, value, Some(time)).await
}

/// What is kept under a key, once.
async fn take<T: DeserializeOwned>(app: &Application, key: &str) -> Result<Option<T>, String> {
    let redis = redis(app)?;
    let kept = redis.get(key).await?;
    redis.delete(key).await?;
    Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn redirect_uri(app: &Application) -> String {
    format!("{}/complete/oidc/", app.config.base())
}

/// `GET /complete/oidc/`: back from the provider.
pub(super) async fn complete(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let back = parameters(query.as_deref().unwrap_or_default());
    let (claims, next) = match claims(&app, &headers, &back).await {
        Ok(found) => found,
        Err(why) => {
            app.log.line(format!("oidc: {why}"));
            // Back to the page that people log in on, with the message on the way.
            let page = redirect(&format!("{}/login/", app.config.base()), &[])?;
            let words = Html(format!("<p class=\"error\">{}</p>", escape(&why)));
            return Ok((page.into_parts().0, words).into_response());
        }
    };
    let user = match account(&app, &claims).await? {
        Ok(user) => user,
        Err(page) => return Ok(page),
    };
    let link = token(24);
    let entry = Entry {
        user: user.id,
        next,
    };
    keep(&app, &format!("{LINK}:{link}"), &entry, LINK_TIME)
        .await
        .map_err(Refusal::internal)?;
    redirect(
        &format!("{}/accounts/login/subdomain/{link}", app.config.base()),
        &[],
    )
}

/// Whom the provider speaks of, and where to next: state, code, ID token, userinfo.
async fn claims(
    app: &Application,
    headers: &HeaderMap,
    back: &BTreeMap<String, String>,
) -> Result<(Value, String), String> {
    let settings = settings(app).map_err(|error| error.to_string())?;
    let id = cookie(headers, app.session_cookie()).ok_or("Session value state missing.")?;
    let under_way: UnderWay = take(app, &format!("{UNDER_WAY}:{id}"))
        .await?
        .ok_or("Session value state missing.")?;
    if back.get("state") != Some(&under_way.state) {
        return Err("Wrong state parameter given.".to_owned());
    }
    if let Some(error) = back.get("error") {
        return Err(format!("Authentication failed: {error}"));
    }
    let code = back.get("code").ok_or("Missing needed parameter code")?;
    let client = http_client(&app.platform).map_err(|error| error_chain(&error))?;
    let provider = discovered(app, &client).await?;
    let redirect_uri = redirect_uri(app);
    let request = Exchange {
        endpoint: &provider.token_endpoint,
        client_id: &settings.client_id,
        client_secret: &settings.secret,
        auth: ClientAuth::Basic,
        code,
        redirect_uri: &redirect_uri,
        verifier: None,
    };
    let tokens = exchange(&client, &request)
        .await
        .map_err(|error| format!("Authentication failed: {}", error.error))?;
    let keys = signing_keys(&client, &provider.jwks_uri).await?;
    let claims = verified_claims(&tokens.id_token, &keys, true)
        .map_err(|error| format!("Token error: {error:?}"))?;
    check(
        app,
        &claims,
        &provider,
        &tokens.access_token,
        &under_way.nonce,
    )
    .map_err(|why| format!("Token error: {why}"))?;
    let claims = userinfo(&client, &provider.userinfo_endpoint, &tokens.access_token).await?;
    Ok((claims, under_way.next))
}

/// Upstream's checks of an ID token, in its order.
fn check(
    app: &Application,
    claims: &Value,
    provider: &Discovery,
    access_token: &str,
    nonce: &str,
) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = |name: &str| claims.get(name).and_then(Value::as_i64).unwrap_or(0);
    let client = app.config.oidc.as_ref().map(|one| &one.client_id);
    let now = app.clock.now_s();
    if time("iat") > now + TOKEN_AHEAD_S {
        return Err("The token is not yet valid (iat)");
    }
    if time("exp") <= now {
        return Err("Signature has expired");
    }
    if !audiences(claims).iter().any(|one| Some(one) == client) {
        return Err("Audience doesn't match");
    }
    if text("iss") != provider.issuer {
        return Err("Invalid issuer");
    }
    let digest = Sha256::digest(access_token.as_bytes());
    let hash = URL_SAFE_NO_PAD.encode(&digest[..16]);
    if !["", hash.as_str()].contains(&text("at_hash")) {
        return Err("Invalid access token");
    }
    if now > time("iat") + TOKEN_AGE_S {
        return Err("Incorrect id_token: iat");
    }
    if text("nonce") != nonce {
        return Err("Incorrect id_token: nonce");
    }
    Ok(())
}

/// The account with the provider's e-mail; a new one where sign-up needs no form.
async fn account(app: &Application, claims: &Value) -> Result<Result<User, Response>, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let email = text("email");
    if email.is_empty() || claims.get("email_verified").and_then(Value::as_bool) == Some(false) {
        let page = redirect(&format!("{}/login/", app.config.base()), &[])?;
        return Ok(Err(page));
    }
    let realm = app.realm().await?;
    if let Some(user) = app.user_by_email(email).await? {
        return if user.active {
            Ok(Ok(user))
        } else {
            let login = format!("{}/login/", app.config.base());
            let page = redirect(&with_params(&login, &[("is_deactivated", email)]), &[])?;
            Ok(Err(page))
        };
    }
    if !settings(app)?.auto_signup {
        let page = Html(
            "<h1>Create your account</h1><form method=\"post\" action=\"/accounts/register/\">\
             <input name=\"full_name\"><input type=\"checkbox\" name=\"terms\"></form>",
        );
        return Ok(Err(page.into_response()));
    }
    let name = text("name");
    let name = if name.is_empty() { email } else { name };
    Ok(Ok(app.register(realm.id, email, name).await?))
}

/// `GET /accounts/login/subdomain/{token}`: good for seconds, once.
pub(super) async fn enter(
    State(app): State<Arc<Application>>,
    Path(link): Path<String>,
) -> Result<Response, Refusal> {
    let entry: Entry = take(&app, &format!("{LINK}:{link}"))
        .await
        .map_err(Refusal::internal)?
        .ok_or_else(|| Refusal::bad("Invalid or expired login session."))?;
    let session = app.open_session(entry.user).await?;
    redirect(&format!("{}{}", app.config.base(), entry.next), &[session])
}

/// `GET /`: the organisation, or that there is none.
pub(super) async fn home(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let realm = match app.realm().await {
        Ok(realm) => realm,
        Err(refusal) if refusal == Refusal::no_realm() => {
            let page = "<h1>No organization found</h1><p>There is no Zulip organization at this \
                        URL.</p>";
            return Ok((StatusCode::NOT_FOUND, Html(page)).into_response());
        }
        Err(refusal) => return Err(refusal),
    };
    match app.visitor(&headers).await? {
        Some(user) => Ok(Html(format!(
            "<html><head><title>{}</title></head><body data-email=\"{}\"></body></html>",
            escape(&realm.name),
            escape(&user.email)
        ))
        .into_response()),
        None => redirect(&format!("{}/login/", app.config.base()), &[]),
    }
}

/// `GET /login/`.
pub(super) async fn page(State(app): State<Arc<Application>>) -> Result<Html<String>, Refusal> {
    let realm = app.realm().await?;
    let button = app.config.oidc.as_ref().map_or(String::new(), |one| {
        format!(
            "<a href=\"/accounts/login/social/oidc/{}\">Log in with {}</a>",
            escape(&one.name),
            escape(&one.display_name)
        )
    });
    Ok(Html(format!(
        "<html><head><title>Log in | {}</title></head><body>{button}</body></html>",
        escape(&realm.name)
    )))
}

/// Removes expired sessions: upstream's cron does it, here everybody who fetches a key.
pub(super) async fn forget_expired(app: &Application) -> Result<(), Refusal> {
    app.database
        .execute(
            "DELETE FROM django_session WHERE expire_date <= ?",
            params![app.clock.now_s()],
        )
        .await?;
    Ok(())
}
