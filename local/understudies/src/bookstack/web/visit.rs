//! The layer around every page: sealed cookies, the session, the form and its token, the user.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::{Map, Value as Json};

use super::html;
use crate::bookstack::Application;
use crate::bookstack::failure::Failure;
use crate::bookstack::scratch::SESSION_LIFETIME_S;
use crate::bookstack::sealing::{Key, hexadecimal};
use crate::bookstack::users::{self, User};
use crate::shared::server::{cookie, set_cookie};
use crate::shared::text::{params, random_bytes};

/// Name of the session cookie.
pub(in crate::bookstack) const SESSION_COOKIE: &str = "bookstack_session";
const TOKEN_COOKIE: &str = "XSRF-TOKEN";
const FORM_BYTES_MAX: usize = 1 << 20;

/// One request of the website, by someone or nobody.
#[derive(Clone)]
pub(in crate::bookstack) struct Visit {
    session: Arc<Mutex<Session>>,
    /// The fields of a posted form.
    pub(in crate::bookstack) form: Arc<BTreeMap<String, String>>,
    /// Who is logged in.
    pub(in crate::bookstack) user: Option<User>,
}

struct Session {
    id: String,
    /// Ids that this session had before and whose content is to be forgotten.
    dropped: Vec<String>,
    data: Map<String, Json>,
    /// What the request before left for this one only.
    flashed: Map<String, Json>,
}

impl Session {
    fn new() -> Self {
        let data = Map::from_iter([("_token".to_owned(), Json::from(fresh(20)))]);
        Self {
            id: fresh(20),
            dropped: Vec::new(),
            data,
            flashed: Map::new(),
        }
    }
}

fn fresh(bytes: usize) -> String {
    hexadecimal(&random_bytes(bytes))
}

impl Visit {
    fn with<T: Default>(&self, act: impl FnOnce(&mut Session) -> T) -> T {
        self.session
            .lock()
            .map(|mut session| act(&mut session))
            .unwrap_or_default()
    }

    /// The token that the session's forms carry.
    pub(in crate::bookstack) fn token(&self) -> String {
        self.get("_token").unwrap_or_default()
    }

    /// A value of the session.
    pub(in crate::bookstack) fn get(&self, name: &str) -> Option<String> {
        self.with(|session| Some(session.data.get(name)?.as_str()?.to_owned()))
    }

    /// Keeps a value in the session.
    pub(in crate::bookstack) fn put(&self, name: &str, value: &str) {
        self.with(|session| {
            session.data.insert(name.to_owned(), Json::from(value));
        });
    }

    /// Takes a value out of the session.
    pub(in crate::bookstack) fn pull(&self, name: &str) -> Option<String> {
        self.with(|session| Some(session.data.remove(name)?.as_str()?.to_owned()))
    }

    /// Keeps a value for the next request and no longer.
    pub(in crate::bookstack) fn flash(&self, name: &str, value: &str) {
        self.with(|session| {
            let next = session
                .data
                .entry("_flash")
                .or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(next) = next {
                next.insert(name.to_owned(), Json::from(value));
            }
        });
    }

    /// What the request before left.
    pub(in crate::bookstack) fn flashed(&self, name: &str) -> Option<String> {
        self.with(|session| Some(session.flashed.remove(name)?.as_str()?.to_owned()))
    }

    /// The error that the request before left to be shown.
    pub(in crate::bookstack) fn notice(&self) -> Option<String> {
        self.flashed("error")
    }

    /// A page with the notice on it.
    pub(in crate::bookstack) fn page(&self, title: &str, content: &str) -> Response {
        Html(html::page(title, self.notice().as_deref(), content)).into_response()
    }

    /// Sends to another page, where a message is shown.
    pub(in crate::bookstack) fn refuse(
        &self,
        app: &Application,
        to: &str,
        error: &str,
    ) -> Response {
        self.flash("error", error);
        found(app, to)
    }

    /// Logs in: a new session id with the old content.
    pub(in crate::bookstack) fn log_in(&self, user_id: i64) {
        self.with(|session| {
            session
                .data
                .insert("user_id".to_owned(), Json::from(user_id));
            let old = std::mem::replace(&mut session.id, fresh(20));
            session.dropped.push(old);
        });
    }

    /// Logs out: everything in the session is forgotten.
    pub(in crate::bookstack) fn log_out(&self) {
        self.with(|session| {
            let mut next = Session::new();
            next.dropped = std::mem::take(&mut session.dropped);
            next.dropped.push(std::mem::take(&mut session.id));
            *session = next;
        });
    }

    /// Who is logged in, or the way to the login with this page kept as the goal.
    pub(in crate::bookstack) fn require_user(
        &self,
        app: &Application,
        path: &str,
    ) -> Result<User, Response> {
        self.user.clone().ok_or_else(|| {
            self.put("url.intended", &app.url(path));
            found(app, "/login")
        })
    }

    /// Sends to where the person wanted to go before the login.
    pub(in crate::bookstack) fn intended(&self, app: &Application) -> Response {
        match self.pull("url.intended") {
            Some(url) => redirect_to(&url),
            None => found(app, "/"),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self {
                session: Arc::new(Mutex::new(Session::new())),
                form: Arc::default(),
                user: None,
            }))
    }
}

/// 302 to a page of this application, by its full address as `APP_URL` has it.
pub(in crate::bookstack) fn found(app: &Application, path: &str) -> Response {
    redirect_to(&app.url(path))
}

/// 302 to any address.
pub(in crate::bookstack) fn redirect_to(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(_) => Redirect::to("/").into_response(),
    }
}

/// The session that a request's cookie names, if its seal is good and it is still kept.
async fn known(
    app: &Application,
    key: &Key,
    headers: &HeaderMap,
) -> Result<Option<Session>, Failure> {
    let Some(id) = cookie(headers, SESSION_COOKIE)
        .and_then(|sealed| key.unseal_cookie(SESSION_COOKIE, &percent_decoded(&sealed)))
    else {
        return Ok(None);
    };
    let Some(payload) = app.sessions.get(&id).await? else {
        return Ok(None);
    };
    let Ok(Json::Object(mut data)) = serde_json::from_str(&payload) else {
        return Ok(None);
    };
    let flashed = match data.remove("_flash") {
        Some(Json::Object(flashed)) => flashed,
        _ => Map::new(),
    };
    Ok(Some(Session {
        id,
        dropped: Vec::new(),
        data,
        flashed,
    }))
}

/// Who the session of a request is logged in as, if it names a session at all.
pub(in crate::bookstack) async fn session_user(
    app: &Application,
    headers: &HeaderMap,
) -> Result<Option<User>, Failure> {
    let Some(key) = &app.config.key else {
        return Ok(None);
    };
    let Some(session) = known(app, key, headers).await? else {
        return Ok(None);
    };
    user_of(app, &session).await
}

async fn user_of(app: &Application, session: &Session) -> Result<Option<User>, Failure> {
    match session.data.get("user_id").and_then(Json::as_i64) {
        Some(id) => Ok(users::by_id(app.database.as_ref(), id).await?),
        None => Ok(None),
    }
}

/// The layer.
pub(in crate::bookstack) async fn layer(
    State(app): State<Arc<Application>>,
    request: Request,
    next: Next,
) -> Response {
    visit(&app, request, next)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn visit(app: &Application, request: Request, next: Next) -> Result<Response, Failure> {
    let key = app.key()?;
    // The guest's row is read for every request: without a database there is no page at all.
    users::guest_exists(app.database.as_ref()).await?;
    let (parts, body) = request.into_parts();
    let cookie_sent = cookie(&parts.headers, SESSION_COOKIE).is_some();
    let session = known(app, key, &parts.headers)
        .await?
        .unwrap_or_else(Session::new);
    let user = user_of(app, &session).await?;
    let bytes = to_bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(|error| Failure::Exception(error.to_string()))?;
    let form = params(&String::from_utf8_lossy(&bytes));
    let visit = Visit {
        session: Arc::new(Mutex::new(session)),
        form: Arc::new(form),
        user,
    };
    let response = if parts.method == Method::POST && !token_fits(&visit, key, &parts.headers) {
        let page = html::error_page("Page Expired", "CSRF token mismatch.");
        (
            StatusCode::from_u16(419).unwrap_or(StatusCode::FORBIDDEN),
            Html(page),
        )
            .into_response()
    } else {
        // A poll of the health path that brings no cookie leaves no session behind.
        if parts.uri.path() == "/status" && !cookie_sent {
            return Ok(next
                .run(Request::from_parts(parts, Body::from(bytes)))
                .await);
        }
        let mut request = Request::from_parts(parts, Body::from(bytes));
        request.extensions_mut().insert(visit.clone());
        next.run(request).await
    };
    finish(app, key, &visit, response).await
}

fn token_fits(visit: &Visit, key: &Key, headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let given = match (visit.form.get("_token"), header("x-csrf-token")) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(token)) => Some(token.to_owned()),
        (None, None) => header("x-xsrf-token")
            .and_then(|sealed| key.unseal_cookie(TOKEN_COOKIE, &percent_decoded(sealed))),
    };
    given.is_some_and(|given| !given.is_empty() && given == visit.token())
}

/// Saves the session and sets its cookies.
async fn finish(
    app: &Application,
    key: &Key,
    visit: &Visit,
    mut response: Response,
) -> Result<Response, Failure> {
    let (id, dropped, payload) = visit.with(|session| {
        let payload = Json::Object(session.data.clone()).to_string();
        (
            session.id.clone(),
            std::mem::take(&mut session.dropped),
            payload,
        )
    });
    for old in dropped {
        app.sessions.delete(&old).await?;
    }
    app.sessions.set(&id, &payload, SESSION_LIFETIME_S).await?;
    let secure = app.config.app_url.starts_with("https://");
    let token = visit.token();
    let session = set_cookie(
        SESSION_COOKIE,
        &sealed_cookie(key, SESSION_COOKIE, &id),
        secure,
    );
    // Scripts read the token's cookie: it is not HttpOnly.
    let token = set_cookie(
        TOKEN_COOKIE,
        &sealed_cookie(key, TOKEN_COOKIE, &token),
        secure,
    )
    .replace("; HttpOnly", "");
    for line in [token, session] {
        let max_age = format!("{line}; Max-Age={SESSION_LIFETIME_S}");
        if let Ok(value) = HeaderValue::from_str(&max_age) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

/// Base64 in a cookie, with what a cookie cannot hold percent-encoded.
fn sealed_cookie(key: &Key, name: &str, value: &str) -> String {
    key.seal_cookie(name, value)
        .replace('=', "%3D")
        .replace('+', "%2B")
        .replace('/', "%2F")
}

fn percent_decoded(value: &str) -> String {
    value
        .replace("%3D", "=")
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3d", "=")
}
