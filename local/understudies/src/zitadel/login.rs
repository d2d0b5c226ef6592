//! Login V1, page by page, and the session API. Every error page of V1 is answered with 200.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::bootstrap::BCRYPT_COST;
use super::errors::ApiError;
use super::oidc::agent_cookie;
use super::server::{App, Zitadel, found};
use super::tokens;
use crate::platform::Row;
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::{escape, params, random_bytes, with_params};

type Answer = Result<Response, ApiError>;
type Form = std::collections::BTreeMap<String, String>;

fn csrf_cookie(app: &Zitadel) -> &'static str {
    if app.configuration.external_secure {
        "__Host-zitadel.login.csrf"
    } else {
        "zitadel.login.csrf"
    }
}

/// A page with a form; its token is sealed with the CSRF key and tied to a cookie.
fn page(app: &Zitadel, title: &str, action: &str, request: &str, fields: &str) -> Response {
    let secret = random_bytes(16);
    let sealed = app.keys.encrypt("csrfCookieKey", &secret);
    let html = format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>\
         <form action=\"{action}\" method=\"POST\">\
         <input type=\"hidden\" name=\"gorilla.csrf.Token\" value=\"{}\">\
         <input type=\"hidden\" name=\"authRequestID\" value=\"{}\">{fields}\
         <button type=\"submit\">next</button></form></body></html>",
        STANDARD.encode(&secret),
        escape(request)
    );
    let mut response = Html(html).into_response();
    let set = set_cookie(
        csrf_cookie(app),
        &URL_SAFE_NO_PAD.encode(sealed),
        app.configuration.external_secure,
    );
    if let Ok(value) = set.parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn error_page(message: &str) -> Response {
    Html(format!(
        "<!DOCTYPE html><html><head><title>Error</title></head><body>\
         <div class=\"lgn-error\"><p class=\"lgn-error-message\">{}</p></div></body></html>",
        escape(message)
    ))
    .into_response()
}

/// The form, if its token fits the cookie; the error page otherwise.
fn checked(app: &Zitadel, headers: &HeaderMap, body: &Bytes) -> Result<Form, Response> {
    let form = params(&String::from_utf8_lossy(body));
    let secret = form
        .get("gorilla.csrf.Token")
        .and_then(|token| STANDARD.decode(token).ok())
        .unwrap_or_default();
    let sealed = cookie(headers, csrf_cookie(app))
        .and_then(|value| URL_SAFE_NO_PAD.decode(value).ok())
        .and_then(|sealed| app.keys.decrypt("csrfCookieKey", &sealed));
    if secret.is_empty() || sealed.as_deref() != Some(&secret[..]) {
        return Err(error_page("Forbidden - CSRF token invalid (CSRF-dGhz7)"));
    }
    Ok(form)
}

/// The auth request of a form, if it is this browser's.
async fn request_of(
    app: &Zitadel,
    headers: &HeaderMap,
    id: &str,
) -> Result<Result<Row, Response>, ApiError> {
    let request = app.request(id).await?;
    let agent = cookie(headers, agent_cookie(app)).unwrap_or_default();
    Ok(match request {
        Some(request) if request.text(1) == agent => Ok(request),
        _ => Err(error_page("Auth Request not found (EVENT-GBD32)")),
    })
}

fn field<'f>(form: &'f Form, name: &str) -> &'f str {
    form.get(name).map(String::as_str).unwrap_or_default()
}

pub(super) async fn show(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let asked = params(query.as_deref().unwrap_or_default());
    let id = field(&asked, "authRequestID");
    let request = match request_of(&app, &headers, id).await? {
        Ok(request) => request,
        Err(page) => return Ok(page),
    };
    Ok(page(
        &app,
        "Welcome back!",
        "/ui/login/loginname",
        &request.text(0),
        "<input type=\"text\" name=\"loginName\">",
    ))
}

async fn human(app: &Zitadel, login_name: &str) -> Result<Option<Row>, ApiError> {
    let rows = app
        .platform
        .database
        .query(
            "SELECT id, username, password, change_required, mfa_skipped \
             FROM projections_users14 WHERE kind = 'human' AND (username = ? OR email = ?) \
             AND visible_at <= ?",
            vec![
                login_name.into(),
                login_name.into(),
                app.platform.clock.now_ms().into(),
            ],
        )
        .await?;
    Ok(rows.into_iter().next())
}

pub(super) async fn login_name(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = match checked(&app, &headers, &body) {
        Ok(form) => form,
        Err(page) => return Ok(page),
    };
    let request = match request_of(&app, &headers, field(&form, "authRequestID")).await? {
        Ok(request) => request,
        Err(page) => return Ok(page),
    };
    let name = field(&form, "loginName");
    if human(&app, name).await?.is_none() {
        return Ok(error_page("User could not be found (QUERY-Dfbg2)"));
    }
    let fields = format!(
        "<input type=\"hidden\" name=\"loginName\" value=\"{}\">\
         <input type=\"password\" name=\"password\">",
        escape(name)
    );
    Ok(page(
        &app,
        "Password",
        "/ui/login/password",
        &request.text(0),
        &fields,
    ))
}

pub(super) async fn password(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = match checked(&app, &headers, &body) {
        Ok(form) => form,
        Err(page) => return Ok(page),
    };
    let request = match request_of(&app, &headers, field(&form, "authRequestID")).await? {
        Ok(request) => request,
        Err(page) => return Ok(page),
    };
    let Some(user) = human(&app, field(&form, "loginName")).await? else {
        return Ok(error_page("User could not be found (QUERY-Dfbg2)"));
    };
    if !bcrypt::verify(field(&form, "password"), &user.text(2)).unwrap_or(false) {
        return Ok(error_page("Password is invalid (COMMAND-3M0fs)"));
    }
    if user.integer(3) == 1 {
        return Ok(change_page(&app, &request.text(0), &user.text(1)));
    }
    next_step(&app, &request, &user).await
}

fn change_page(app: &Zitadel, request: &str, name: &str) -> Response {
    let fields = format!(
        "<input type=\"hidden\" name=\"loginName\" value=\"{}\">\
         <input type=\"password\" name=\"change-old-password\">\
         <input type=\"password\" name=\"change-new-password\">\
         <input type=\"password\" name=\"change-password-confirmation\">",
        escape(name)
    );
    page(
        app,
        "Change Password",
        "/ui/login/password/change",
        request,
        &fields,
    )
}

pub(super) async fn change_password(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let form = match checked(&app, &headers, &body) {
        Ok(form) => form,
        Err(page) => return Ok(page),
    };
    let request = match request_of(&app, &headers, field(&form, "authRequestID")).await? {
        Ok(request) => request,
        Err(page) => return Ok(page),
    };
    let Some(user) = human(&app, field(&form, "loginName")).await? else {
        return Ok(error_page("User could not be found (QUERY-Dfbg2)"));
    };
    let new = field(&form, "change-new-password");
    let old_fits =
        bcrypt::verify(field(&form, "change-old-password"), &user.text(2)).unwrap_or(false);
    if !old_fits || new.is_empty() || new != field(&form, "change-password-confirmation") {
        return Ok(error_page("Password is invalid (COMMAND-3M0fs)"));
    }
    let hash = bcrypt::hash(new, BCRYPT_COST).map_err(|e| ApiError::invalid(&e.to_string()))?;
    app.platform
        .database
        .execute(
            "UPDATE projections_users14 SET password = ?, change_required = 0 WHERE id = ?",
            vec![hash.into(), user.text(0).into()],
        )
        .await?;
    next_step(&app, &request, &user).await
}

/// After the password: the grant, then the prompt for a second factor, then back.
async fn next_step(app: &Zitadel, request: &Row, user: &Row) -> Answer {
    if !app.granted(&request.text(2), &user.text(0)).await? {
        return Ok(error_page(
            "Login not possible. The user is required to have at least one grant on the \
             application (EVENT-GSr3t: grant required)",
        ));
    }
    app.platform
        .database
        .execute(
            "UPDATE auth_auth_requests SET user_id = ? WHERE id = ?",
            vec![user.text(0).into(), request.text(0).into()],
        )
        .await?;
    if user.integer(4) == 0 {
        return Ok(page(
            app,
            "2-Factor Setup",
            "/ui/login/mfa/prompt",
            &request.text(0),
            "<button name=\"skip\" value=\"true\" type=\"submit\">skip</button>",
        ));
    }
    Ok(back(&request.text(0)))
}

fn back(request: &str) -> Response {
    found(&with_params(
        "/oauth/v2/authorize/callback",
        &[("id", request)],
    ))
}

pub(super) async fn mfa_prompt(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Answer {
    let form = match checked(&app, &headers, &body) {
        Ok(form) => form,
        Err(page) => return Ok(page),
    };
    let request = match request_of(&app, &headers, field(&form, "authRequestID")).await? {
        Ok(request) => request,
        Err(page) => return Ok(page),
    };
    if field(&form, "skip") != "true" {
        return Ok(error_page(
            "Multifactor setup is not possible here (LOGIN-Or3HO)",
        ));
    }
    app.platform
        .database
        .execute(
            "UPDATE projections_users14 SET mfa_skipped = 1 WHERE id = ?",
            vec![request.text(8).into()],
        )
        .await?;
    Ok(back(&request.text(0)))
}

pub(super) async fn create_session(
    State(app): State<App>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    app.caller(&headers).await?;
    let name = body
        .pointer("/checks/user/loginName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let password = body
        .pointer("/checks/password/password")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let user = human(&app, name)
        .await?
        .ok_or_else(|| ApiError::not_found("User"))?;
    if !bcrypt::verify(password, &user.text(2)).unwrap_or(false) {
        return Err(ApiError::new(3, "Password is invalid (COMMAND-3M0fs)"));
    }
    let session = app.new_token("session", &user.text(0), "", 3600).await?;
    let id = tokens::open(&app.keys, &session)
        .map(|caller| caller.token_id)
        .unwrap_or_default();
    Ok((
        StatusCode::CREATED,
        Json(json!({"details": {}, "sessionId": id, "sessionToken": session})),
    )
        .into_response())
}

pub(super) async fn read_request(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    app.caller(&headers).await?;
    let request = app
        .request(&id)
        .await?
        .ok_or_else(|| ApiError::not_found("AuthRequest"))?;
    let scope: Vec<String> = request.text(6).split(' ').map(str::to_owned).collect();
    Ok(Json(json!({"authRequest": {
        "id": request.text(0), "clientId": request.text(2), "scope": scope,
        "redirectUri": request.text(3),
    }}))
    .into_response())
}

pub(super) async fn finish_request(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Answer {
    let caller = app.caller(&headers).await?;
    let request = app
        .request(&id)
        .await?
        .ok_or_else(|| ApiError::not_found("AuthRequest"))?;
    if request.text(9) != caller.user_id {
        return Err(ApiError::new(
            7,
            "No matching permissions found (AUTH-AWfge)",
        ));
    }
    if !request.text(8).is_empty() {
        return Err(ApiError::new(
            9,
            "Auth Request has already been handled (COMMAND-Sx208nt)",
        ));
    }
    let token = body
        .pointer("/session/sessionToken")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let session = tokens::open(&app.keys, token).ok_or_else(ApiError::unauthenticated)?;
    if !app.granted(&request.text(2), &session.user_id).await? {
        return Err(ApiError::new(7, "Errors.User.GrantRequired (OIDC-foSyH)"));
    }
    app.platform
        .database
        .execute(
            "UPDATE auth_auth_requests SET user_id = ? WHERE id = ?",
            vec![session.user_id.into(), id.as_str().into()],
        )
        .await?;
    let request = app
        .request(&id)
        .await?
        .ok_or_else(|| ApiError::not_found("AuthRequest"))?;
    Ok(Json(json!({"details": {}, "callbackUrl": app.code_url(&request).await?})).into_response())
}
