//! The pages for people.

use std::collections::BTreeMap;

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Json, Response};
use serde_json::json;

use super::{Books, Entry, Lie, PAGE, PASSWORD, Shared, escaped, nothing_here, page, session_of};

/// Whether the caller is logged in; everybody else is sent to the login page.
fn is_in(books: &Books, headers: &HeaderMap) -> bool {
    session_of(headers).is_some_and(|session| books.sessions.get(&session) == Some(&true))
}

fn to(path: &str) -> Response {
    (StatusCode::FOUND, [("location", path)]).into_response()
}

/// A token that is good once, as a hidden input.
fn token(books: &mut Books, session: &str) -> String {
    let token = books.fresh("csrf");
    books.forgery.insert(session.to_owned(), token.clone());
    format!("<input type=\"hidden\" name=\"csrf\" value=\"{token}\">")
}

fn takes_token(books: &mut Books, session: &str, form: &BTreeMap<String, String>) -> bool {
    let known = books.forgery.remove(session);
    known.is_some() && known.as_ref() == form.get("csrf")
}

pub(super) async fn login_page(State(books): State<Shared>, headers: HeaderMap) -> Response {
    let mut books = books.lock().expect("books");
    let session = session_of(&headers).unwrap_or_else(|| books.fresh("session"));
    books.sessions.entry(session.clone()).or_insert(false);
    let token = token(&mut books, &session);
    let body = format!(
        "<form action=\"/search\"><input name=\"q\"></form>\
         <form method=\"post\" action=\"/login\">{token}\
         <input name=\"username\"><input type=\"password\" name=\"password\"></form>"
    );
    let cookie = format!("session={session}; Path=/; HttpOnly");
    ([("set-cookie", cookie)], Html(body)).into_response()
}

pub(super) async fn log_in(
    State(books): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let mut books = books.lock().expect("books");
    let session = session_of(&headers).unwrap_or_default();
    if !takes_token(&mut books, &session, &form) {
        return (StatusCode::FORBIDDEN, "forged").into_response();
    }
    if form.get("password").map(String::as_str) != Some(PASSWORD) {
        return page("Wrong. <input type=\"password\" name=\"password\">");
    }
    let fresh = books.fresh("session");
    books.sessions.insert(fresh.clone(), true);
    let cookie = format!("session={fresh}; Path=/; HttpOnly");
    ([("set-cookie", cookie)], to("/")).into_response()
}

pub(super) async fn home() -> Response {
    page("Your books")
}

pub(super) async fn me(State(books): State<Shared>, headers: HeaderMap) -> Response {
    let books = books.lock().expect("books");
    if !is_in(&books, &headers) {
        return to("/login");
    }
    Json(json!({"id": books.account, "email": "canary@example.com"})).into_response()
}

pub(super) async fn new_entry(State(books): State<Shared>, headers: HeaderMap) -> Response {
    let mut books = books.lock().expect("books");
    if !is_in(&books, &headers) {
        return to("/login");
    }
    let session = session_of(&headers).unwrap_or_default();
    let token = token(&mut books, &session);
    Html(format!(
        "<form method=\"post\" action=\"/entries\">{token}</form>"
    ))
    .into_response()
}

pub(super) async fn create(
    State(books): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let mut books = books.lock().expect("books");
    if !is_in(&books, &headers) {
        return to("/login");
    }
    let session = session_of(&headers).unwrap_or_default();
    if !takes_token(&mut books, &session, &form) {
        return (StatusCode::FORBIDDEN, "forged").into_response();
    }
    if books.lie == Lie::Refuses {
        return (StatusCode::UNPROCESSABLE_ENTITY, "not like this").into_response();
    }
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let id = books.store(Entry {
        title: field("title"),
        text: field("text"),
        file: None,
    });
    to(&format!("/entries/{id}"))
}

fn article(id: u32, entry: &Entry) -> String {
    format!(
        "<article id=\"e{id}\"><h2>{}</h2>\n<p class=\"text\">\n  {}\n</p></article>",
        escaped(&entry.title),
        escaped(&entry.text)
    )
}

pub(super) async fn show(
    State(books): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u32>,
) -> Response {
    let books = books.lock().expect("books");
    if !is_in(&books, &headers) {
        return to("/login");
    }
    match books.entries.get(&id) {
        _ if books.lie == Lie::ReadIsErrorPage => page("Something went wrong."),
        Some(entry) => Html(article(id, entry)).into_response(),
        None => nothing_here(books.lie),
    }
}

pub(super) async fn list(
    State(books): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, usize>>,
) -> Response {
    let books = books.lock().expect("books");
    if !is_in(&books, &headers) {
        return to("/login");
    }
    let number = query.get("page").copied().unwrap_or(1);
    let shown: String = books
        .entries
        .iter()
        .skip((number - 1) * PAGE)
        .take(PAGE)
        .map(|(id, entry)| article(*id, entry))
        .collect();
    let more = if books.entries.len() > number * PAGE {
        format!(
            "<a rel=\"next\" href=\"/entries?page={}\">older</a>",
            number + 1
        )
    } else {
        String::new()
    };
    Html(format!("<h1>Entries</h1>{shown}{more}")).into_response()
}
