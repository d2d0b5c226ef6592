//! Login by generic OpenID Connect: to the provider, back with a code, through a one-time link to
//! the organisation. What is under way is in Redis.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::Refusal;
use super::configuration::OidcSettings;
use super::realm::User;
use super::{Application, signing};
use crate::shared::client::{chain, http_client};
use crate::shared::oidc::{
    ClientAuth, Discovery, DiscoveryError, Exchange, audiences, discover, exchange, signing_keys,
    userinfo, verified_claims,
};
use crate::shared::rows::params;
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::{escape, token, with_params};

/// Cookie that names the login under way.
const UNDER_WAY: &str = "social_auth";
const UNDER_WAY_TIME: Duration = Duration::from_secs(10 * 60);
const LINK_SALT: &str = "one-time-login";
/// How long the one-time link is good, in seconds.
const LINK_S: i64 = 15;

#[derive(Serialize, Deserialize)]
struct UnderWay {
    state: String,
    nonce: String,
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

/// `GET /accounts/login/social/oidc/{name}`.
pub(super) async fn begin(
    State(app): State<Arc<Application>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    app.realm().await?;
    if settings(&app)?.name != name {
        return redirect(&format!("{}/config-error/oidc", app.config.base()), &[]);
    }
    redirect(
        &format!("{}/login/oidc/?idp={name}", app.config.base()),
        &[],
    )
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
pub(super) async fn leave(State(app): State<Arc<Application>>) -> Result<Response, Refusal> {
    let settings = settings(&app)?;
    let client = http_client(&app.platform).map_err(|error| Refusal::internal(chain(&error)))?;
    let provider = match discovered(&app, &client).await {
        Ok(provider) => provider,
        Err(why) => return config_error(&app, &why),
    };
    let id = token(24);
    let under_way = UnderWay {
        state: token(24),
        nonce: token(24),
    };
    let redis = app
        .platform
        .backing
        .redis
        .as_ref()
        .ok_or_else(|| Refusal::internal("Cannot query redis"))?;
    let value = serde_json::to_vec(&under_way).unwrap_or_default();
    redis
        .set(&format!("{UNDER_WAY}:{id}"), value, Some(UNDER_WAY_TIME))
        .await
        .map_err(|error| Refusal::internal(format!("redis: {error}")))?;
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
    redirect(&to, &[set_cookie(UNDER_WAY, &id, app.config.https)])
}

fn redirect_uri(app: &Application) -> String {
    format!("{}/complete/oidc/", app.config.base())
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// `GET /complete/oidc/`: back from the provider.
pub(super) async fn complete(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Refusal> {
    let claims = match claims(&app, &headers, &back).await {
        Ok(claims) => claims,
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
    let link = signing::sign(
        &app.config.secret_key,
        LINK_SALT,
        &format!("{}:{}:{}", user.id, app.clock.now_s(), token(16)),
    );
    redirect(
        &format!("{}/accounts/login/subdomain/{link}", app.config.base()),
        &[],
    )
}

/// Whom the provider speaks of: state, code, ID token, userinfo.
async fn claims(app: &Application, headers: &HeaderMap, back: &Back) -> Result<Value, String> {
    let settings = settings(app).map_err(|error| error.to_string())?;
    let id = cookie(headers, UNDER_WAY).ok_or("Session value state missing.")?;
    let redis = app
        .platform
        .backing
        .redis
        .as_ref()
        .ok_or("Cannot query redis")?;
    let key = format!("{UNDER_WAY}:{id}");
    let kept = redis
        .get(&key)
        .await?
        .ok_or("Session value state missing.")?;
    redis.delete(&key).await?;
    let under_way: UnderWay =
        serde_json::from_slice(&kept).map_err(|_| "Session value state missing.")?;
    if under_way.state != back.state {
        return Err("Wrong state parameter given.".to_owned());
    }
    let client = http_client(&app.platform).map_err(|error| chain(&error))?;
    let provider = discovered(app, &client).await?;
    let redirect_uri = redirect_uri(app);
    let request = Exchange {
        endpoint: &provider.token_endpoint,
        client_id: &settings.client_id,
        client_secret: &settings.secret,
        auth: ClientAuth::Basic,
        code: &back.code,
        redirect_uri: &redirect_uri,
        verifier: None,
    };
    let tokens = exchange(&client, &request)
        .await
        .map_err(|error| format!("Authentication failed: {}", error.error))?;
    let keys = signing_keys(&client, &provider.jwks_uri).await?;
    let claims = verified_claims(&tokens.id_token, &keys, true)
        .map_err(|error| format!("Token error: {error:?}"))?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") != provider.issuer {
        return Err("Token error: Invalid issuer".to_owned());
    }
    if !audiences(&claims).contains(&settings.client_id) {
        return Err("Token error: Invalid audience".to_owned());
    }
    if text("nonce") != under_way.nonce {
        return Err("Token error: Incorrect id_token: nonce".to_owned());
    }
    let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or(0);
    if expires <= app.clock.now_s() {
        return Err("Token error: Signature has expired".to_owned());
    }
    userinfo(&client, &provider.userinfo_endpoint, &tokens.access_token).await
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
            let page = redirect(
                &format!("{}/login/?is_deactivated=true", app.config.base()),
                &[],
            )?;
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
    let invalid = || Refusal::bad("Invalid or expired login session.");
    let value = signing::unsign(&app.config.secret_key, LINK_SALT, &link).ok_or_else(invalid)?;
    let mut parts = value.split(':');
    let mut part = || parts.next().ok_or_else(invalid);
    let (user, at) = (part()?, part()?);
    let (user, at): (i64, i64) = (
        user.parse().map_err(|_| invalid())?,
        at.parse().map_err(|_| invalid())?,
    );
    if app.clock.now_s() - at > LINK_S {
        return Err(invalid());
    }
    if let Some(redis) = &app.platform.backing.redis {
        let used = format!("{LINK_SALT}:{link}");
        if redis.get(&used).await.ok().flatten().is_some() {
            return Err(invalid());
        }
        let _kept = redis.set(&used, vec![1], Some(UNDER_WAY_TIME)).await;
    }
    let session = app.open_session(user).await?;
    redirect(&format!("{}/", app.config.base()), &[session])
}

/// `GET /`: the organisation, or that there is none.
pub(super) async fn home(
    State(app): State<Arc<Application>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Ok(realm) = app.realm().await else {
        let page = "<h1>No organization found</h1><p>There is no Zulip organization at this URL.\
                    </p>";
        return Ok((StatusCode::NOT_FOUND, Html(page)).into_response());
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
