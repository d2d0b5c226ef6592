//! The OpenID provider.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::errors::{ApiError, oauth};
use super::grants::{Form, JWT_BEARER};
use super::server::{App, Zitadel, found, new_id};
use super::tokens;
use crate::platform::Row;
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::{self, params, with_params};

/// Seconds that an access token and an ID token are good for.
pub(super) const TOKEN_LASTS_S: i64 = 12 * 3600;
/// Seconds that a code is good for.
const CODE_LASTS_S: i64 = 60;

pub(super) async fn discovery(State(app): State<App>, headers: HeaderMap) -> Response {
    let issuer = app.issuer(&headers);
    let at = |path: &str| format!("{issuer}{path}");
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth/v2/authorize"),
        "token_endpoint": at("/oauth/v2/token"),
        "introspection_endpoint": at("/oauth/v2/introspect"),
        "userinfo_endpoint": at("/oidc/v1/userinfo"),
        "revocation_endpoint": at("/oauth/v2/revoke"),
        "end_session_endpoint": at("/oidc/v1/end_session"),
        "device_authorization_endpoint": at("/oauth/v2/device_authorization"),
        "jwks_uri": at("/oauth/v2/keys"),
        "scopes_supported": ["openid", "profile", "email", "phone", "address", "offline_access"],
        "response_types_supported": ["code", "id_token", "id_token token"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials", JWT_BEARER],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
        "code_challenge_methods_supported": ["S256"],
    }))
    .into_response()
}

pub(super) async fn key_set(State(app): State<App>) -> Result<Response, ApiError> {
    let rows = app
        .platform
        .database
        .query(
            "SELECT id, public_n, public_e FROM projections_web_keys1 ORDER BY id",
            Vec::new(),
        )
        .await?;
    let keys: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"use": "sig", "kty": "RSA", "alg": "RS256", "kid": row.text(0),
                   "n": row.text(1), "e": row.text(2)})
        })
        .collect();
    let cache = [(header::CACHE_CONTROL, "max-age=300, must-revalidate")];
    Ok((cache, Json(json!({"keys": keys}))).into_response())
}

/// Name of the cookie that ties an auth request to a browser.
pub(super) fn agent_cookie(app: &Zitadel) -> &'static str {
    if app.configuration.external_secure {
        "__Host-zitadel.useragent"
    } else {
        "zitadel.useragent"
    }
}

impl Zitadel {
    async fn client(&self, id: &str) -> Result<Option<Row>, ApiError> {
        let rows = self
            .platform
            .database
            .query(
                "SELECT client_id, project_id, client_secret, redirect_uris, id_token_userinfo, \
                 auth_method FROM projections_apps7_oidc WHERE client_id = ?",
                vec![id.into()],
            )
            .await?;
        Ok(rows.into_iter().next())
    }

    /// An auth request: id, agent, client, redirect URI, state, nonce, scope, challenge, user,
    /// login client.
    pub(super) async fn request(&self, id: &str) -> Result<Option<Row>, ApiError> {
        let rows = self
            .platform
            .database
            .query(
                "SELECT id, agent, client_id, redirect_uri, state, nonce, scope, challenge, \
                 user_id, login_client FROM auth_auth_requests WHERE id = ?",
                vec![id.into()],
            )
            .await?;
        Ok(rows.into_iter().next())
    }

    /// Whether a project that asks for it has a grant for this user.
    pub(super) async fn granted(&self, client_id: &str, user: &str) -> Result<bool, ApiError> {
        let rows = self
            .platform
            .database
            .query(
                "SELECT p.role_check + p.has_project_check, \
                 (SELECT count(*) FROM projections_user_grants5 g \
                  WHERE g.project_id = p.id AND g.user_id = ?) \
                 FROM projections_projects4 p \
                 JOIN projections_apps7_oidc a ON a.project_id = p.id WHERE a.client_id = ?",
                vec![user.into(), client_id.into()],
            )
            .await?;
        Ok(rows
            .first()
            .is_some_and(|row| row.integer(0) == 0 || row.integer(1) > 0))
    }

    async fn audience(&self, project: &str, client: &str) -> Result<Vec<String>, ApiError> {
        if self.setting("action.singleAudience").await?.is_some() {
            return Ok(vec![client.to_owned()]);
        }
        let rows = self
            .platform
            .database
            .query(
                "SELECT client_id FROM projections_apps7_oidc WHERE project_id = ? \
                 ORDER BY client_id",
                vec![project.into()],
            )
            .await?;
        Ok(rows
            .iter()
            .map(|row| row.text(0))
            .chain([project.to_owned()])
            .collect())
    }

    async fn profile(&self, user: &str) -> Result<Value, ApiError> {
        let row = self.user(user).await?;
        let mut claims = json!({
            "sub": row.text(0),
            "name": format!("{} {}", row.text(4), row.text(5)).trim(),
            "given_name": row.text(4),
            "family_name": row.text(5),
            "preferred_username": row.text(1),
            "email": row.text(3),
            "email_verified": true,
        });
        if self.setting("action.numericUserId").await?.is_some()
            && let Some(claims) = claims.as_object_mut()
        {
            claims.insert("id".to_owned(), json!(row.integer(6)));
        }
        Ok(claims)
    }
}

pub(super) async fn authorize(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = params(query.as_deref().unwrap_or_default());
    let get = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let bad = |error: &str, words: &str| oauth(StatusCode::BAD_REQUEST, error, words);
    // An unknown client or redirect URI is told to the person, never to the URI.
    let Some(client) = app.client(get("client_id")).await? else {
        return Ok(bad("invalid_request", "Errors.App.NotFound"));
    };
    let uris: Vec<String> = serde_json::from_str(&client.text(3)).unwrap_or_default();
    if !uris.iter().any(|uri| uri == get("redirect_uri")) {
        let words = "The requested redirect_uri is missing in the client configuration. \
                     If you have any questions, you may contact the administrator.";
        return Ok(bad("invalid_request", words));
    }
    if get("response_type") != "code" {
        return Ok(bad(
            "unsupported_response_type",
            "The response_type is not supported.",
        ));
    }
    let login_client = headers
        .get("x-zitadel-login-client")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let v2 = !login_client.is_empty()
        || app.setting("login_v2_required").await?.as_deref() == Some("true");
    let id = if v2 {
        format!("V2_{}", new_id())
    } else {
        new_id()
    };
    let name = agent_cookie(&app);
    let agent = cookie(&headers, name).unwrap_or_else(|| text::token(16));
    // What the application asks for and does not exist is dropped, silently.
    let known = [
        "openid",
        "profile",
        "email",
        "phone",
        "address",
        "offline_access",
    ];
    let scope = get("scope")
        .split_whitespace()
        .filter(|scope| known.contains(scope) || scope.starts_with("urn:zitadel:"))
        .collect::<Vec<_>>()
        .join(" ");
    app.platform
        .database
        .execute(
            "INSERT INTO auth_auth_requests (id, agent, client_id, redirect_uri, state, nonce, \
             scope, challenge, user_id, login_client, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)",
            vec![
                id.as_str().into(),
                agent.as_str().into(),
                get("client_id").into(),
                get("redirect_uri").into(),
                get("state").into(),
                get("nonce").into(),
                scope.into(),
                get("code_challenge").into(),
                login_client.into(),
                app.platform.clock.now_s().into(),
            ],
        )
        .await?;
    let location = if v2 {
        with_params("/ui/v2/login/login", &[("authRequest", &id)])
    } else {
        with_params("/ui/login/login", &[("authRequestID", &id)])
    };
    let mut response = found(&location);
    let set = set_cookie(name, &agent, app.configuration.external_secure);
    if let Ok(value) = set.parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

pub(super) async fn authorize_callback(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = params(query.as_deref().unwrap_or_default());
    let id = asked.get("id").map(String::as_str).unwrap_or_default();
    let Some(request) = app.request(id).await? else {
        return Ok(oauth(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "Errors.AuthRequest.NotFound",
        ));
    };
    let agent = cookie(&headers, agent_cookie(&app)).unwrap_or_default();
    if agent != request.text(1) || request.text(8).is_empty() {
        let location = with_params(
            &request.text(3),
            &[
                ("error", "interaction_required"),
                ("state", &request.text(4)),
            ],
        );
        return Ok(found(&location));
    }
    Ok(found(&app.code_url(&request).await?))
}

impl Zitadel {
    /// Back to the application, with a code.
    pub(super) async fn code_url(&self, request: &Row) -> Result<String, ApiError> {
        let code = self
            .new_token("code", &request.text(8), &request.text(0), CODE_LASTS_S)
            .await?;
        Ok(with_params(
            &request.text(3),
            &[("code", &code), ("state", &request.text(4))],
        ))
    }
}

/// Client id and secret, by Basic or in the form; both at once are an error.
pub(super) fn credentials(
    headers: &HeaderMap,
    form: &Form,
) -> Result<(String, Option<String>), &'static str> {
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok());
    let decode = |text: &str| params(&format!("x={text}")).remove("x").unwrap_or_default();
    match (basic, form.get("client_secret")) {
        (Some(_), Some(_)) => Err("multiple client authentication methods"),
        (Some(basic), None) => {
            let (id, secret) = basic.split_once(':').unwrap_or((basic.as_str(), ""));
            Ok((decode(id), Some(decode(secret))))
        }
        (None, secret) => Ok((
            form.get("client_id").cloned().unwrap_or_default(),
            secret.cloned(),
        )),
    }
}

pub(super) async fn token(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let form = params(&String::from_utf8_lossy(&body));
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let bad = |error: &str, words: &str| Ok(oauth(StatusCode::BAD_REQUEST, error, words));
    match get("grant_type") {
        "client_credentials" => return app.for_credentials(&headers, &form).await,
        JWT_BEARER => return app.for_assertion(&headers, &form).await,
        _ => {}
    }
    if get("grant_type") != "authorization_code" {
        return bad(
            "unsupported_grant_type",
            &format!("{} not supported", get("grant_type")),
        );
    }
    let (client_id, secret) = match credentials(&headers, &form) {
        Ok(credentials) => credentials,
        Err(words) => return bad("invalid_request", words),
    };
    let Some(client) = app.client(&client_id).await? else {
        return bad("invalid_client", "client not found");
    };
    let public = client.text(5) == "OIDC_AUTH_METHOD_TYPE_NONE";
    let proven = match &secret {
        Some(secret) => bcrypt::verify(secret, &client.text(2)).unwrap_or(false),
        None => public,
    };
    if !proven {
        return bad("invalid_client", "invalid client_id / client_secret");
    }
    // The code first: what does not open is no code.
    let Some(code) = tokens::open(&app.keys, get("code")) else {
        app.log
            .line("Errors.Internal (OIDC-ahLi2): code cannot be decrypted");
        return bad("invalid_grant", "invalid code");
    };
    let database = &app.platform.database;
    let rows = database
        .query(
            "SELECT request FROM auth_tokens WHERE id = ? AND kind = 'code' AND expires_at > ?",
            vec![
                code.token_id.as_str().into(),
                app.platform.clock.now_s().into(),
            ],
        )
        .await?;
    let used = database
        .execute(
            "DELETE FROM auth_tokens WHERE id = ?",
            vec![code.token_id.as_str().into()],
        )
        .await?;
    let (Some(row), true) = (rows.first(), used > 0) else {
        return bad("invalid_grant", "invalid code");
    };
    let Some(request) = app.request(&row.text(0)).await? else {
        return bad("invalid_grant", "invalid code");
    };
    if request.text(2) != client_id || request.text(3) != get("redirect_uri") {
        return bad("invalid_grant", "redirect_uri or client does not fit");
    }
    let challenge = request.text(7);
    let verifier = get("code_verifier");
    if (public && challenge.is_empty())
        || (!challenge.is_empty() && crate::shared::oidc::challenge(verifier) != challenge)
    {
        return bad("invalid_grant", "invalid code challenge");
    }
    let access = app
        .new_token("access", &code.user_id, &request.text(6), TOKEN_LASTS_S)
        .await?;
    let claims = app
        .id_claims(&headers, &client, &request, &code.user_id, &access)
        .await?;
    match app.sign(&claims).await {
        Ok(id_token) => Ok(Json(json!({
            "access_token": access, "token_type": "Bearer", "expires_in": TOKEN_LASTS_S,
            "id_token": id_token,
        }))
        .into_response()),
        Err(_) => Ok(oauth(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Errors.Internal",
        )),
    }
}

impl Zitadel {
    async fn id_claims(
        &self,
        headers: &HeaderMap,
        client: &Row,
        request: &Row,
        user: &str,
        access: &str,
    ) -> Result<Value, ApiError> {
        let now = self.platform.clock.now_s();
        let digest = Sha256::digest(access.as_bytes());
        let mut claims = json!({
            "iss": self.issuer(headers),
            "sub": user,
            "aud": self.audience(&client.text(1), &client.text(0)).await?,
            "azp": client.text(0),
            "client_id": client.text(0),
            "exp": now + TOKEN_LASTS_S,
            "iat": now,
            "auth_time": now,
            "amr": ["pwd"],
            "sid": format!("V1_{}", request.text(0)),
            "at_hash": URL_SAFE_NO_PAD.encode(&digest[..16]),
        });
        let Some(object) = claims.as_object_mut() else {
            return Ok(claims);
        };
        if !request.text(5).is_empty() {
            object.insert("nonce".to_owned(), json!(request.text(5)));
        }
        if client.integer(4) == 1
            && let Value::Object(profile) = self.profile(user).await?
        {
            for (name, value) in profile {
                object.entry(name).or_insert(value);
            }
        }
        Ok(claims)
    }
}

pub(super) async fn userinfo(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let refused = || {
        oauth(
            StatusCode::UNAUTHORIZED,
            "access_denied",
            "access token invalid",
        )
    };
    let Some(caller) = tokens::bearer(&headers).and_then(|token| tokens::open(&app.keys, token))
    else {
        return Ok(refused());
    };
    let rows = app
        .platform
        .database
        .query(
            "SELECT request FROM auth_tokens WHERE id = ? AND kind = 'access' AND expires_at > ?",
            vec![caller.token_id.into(), app.platform.clock.now_s().into()],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(refused());
    };
    let scope = row.text(0);
    let Value::Object(profile) = app.profile(&caller.user_id).await? else {
        return Ok(refused());
    };
    let granted = |claim: &str| match claim {
        "sub" | "id" => true,
        "email" | "email_verified" => scope.split(' ').any(|scope| scope == "email"),
        _ => scope.split(' ').any(|scope| scope == "profile"),
    };
    let claims: serde_json::Map<String, Value> = profile
        .into_iter()
        .filter(|(name, _)| granted(name))
        .collect();
    Ok((
        [(header::CONTENT_TYPE, "application/json")],
        Value::Object(claims).to_string(),
    )
        .into_response())
}

pub(super) async fn introspect(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let form = params(&String::from_utf8_lossy(&body));
    let Ok((client_id, Some(secret))) = credentials(&headers, &form) else {
        return Ok(oauth(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "authentication required",
        ));
    };
    let known = app.client(&client_id).await?;
    if !known.is_some_and(|row| bcrypt::verify(&secret, &row.text(2)).unwrap_or(false)) {
        return Ok(oauth(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "authentication failed",
        ));
    }
    let token = form.get("token").map(String::as_str).unwrap_or_default();
    let Some(caller) = tokens::open(&app.keys, token) else {
        return Ok(Json(json!({"active": false})).into_response());
    };
    let rows = app
        .platform
        .database
        .query(
            "SELECT 1 FROM auth_tokens WHERE id = ? AND kind = 'access' AND expires_at > ?",
            vec![caller.token_id.into(), app.platform.clock.now_s().into()],
        )
        .await?;
    Ok(Json(json!({"active": !rows.is_empty(), "sub": caller.user_id})).into_response())
}
