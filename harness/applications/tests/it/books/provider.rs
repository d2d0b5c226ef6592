//! A provider with a login of two pages, and the way to it and back.

use std::collections::BTreeMap;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};

use super::Shared;

fn to(path: &str) -> Response {
    (StatusCode::FOUND, [("location", path.to_owned())]).into_response()
}

fn port(headers: &HeaderMap) -> String {
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let (_, port) = host.unwrap_or_default().split_once(':').unwrap_or_default();
    port.to_owned()
}

/// The application sends people away by a page of its own first.
pub(super) async fn start(
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if !query.contains_key("go") {
        return to("/sso?go=1");
    }
    let port = port(&headers);
    to(&format!(
        "http://auth.localhost:{port}/authorize?client_id=books&state=STATE-SECRET"
    ))
}

/// What is kept at another server.
pub(super) async fn moved(headers: HeaderMap) -> Response {
    let port = port(&headers);
    to(&format!("http://auth.localhost:{port}/elsewhere"))
}

/// What the other server is told of who asks.
pub(super) async fn elsewhere(headers: HeaderMap) -> String {
    let told = ["authorization", "cookie", "referer"];
    let told = told.iter().filter(|name| headers.contains_key(**name));
    format!("told: {}", told.count())
}

pub(super) async fn authorize() -> Response {
    to("/ui/login?authRequestID=1")
}

pub(super) async fn page() -> Response {
    Html("<form method=\"post\" action=\"/ui/login\"><input name=\"loginName\"></form>")
        .into_response()
}

pub(super) async fn fill(
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let port = port(&headers);
    match form.get("password").map(String::as_str) {
        None => Html(
            "<form method=\"post\" action=\"/ui/login\"><input type=\"password\" \
             name=\"password\"></form>",
        )
        .into_response(),
        Some("person-password") => to(&format!(
            "http://books.localhost:{port}/sso/callback?code=CODE-SECRET"
        )),
        Some(_) => Html("<p class=\"lgn-error\">Wrong password</p>").into_response(),
    }
}

pub(super) async fn callback(State(books): State<Shared>) -> Response {
    let mut books = books.lock().expect("books");
    let session = books.fresh("session");
    books.sessions.insert(session.clone(), true);
    let cookie = format!("session={session}; Path=/; HttpOnly");
    ([("set-cookie", cookie)], to("/")).into_response()
}
