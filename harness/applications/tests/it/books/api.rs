//! The API beside the pages.

use std::collections::BTreeMap;

use axum::extract::{Json, Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{Books, Entry, Lie, PAGE, PASSWORD, Shared, nothing_here, page};

pub(super) async fn token(State(books): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut books = books.lock().expect("books");
    if body["password"] != PASSWORD {
        return (StatusCode::UNAUTHORIZED, "who are you?").into_response();
    }
    let token = books.fresh("bearer");
    books.tokens.insert(token.clone());
    Json(json!({"access": {"token": token}})).into_response()
}

fn is_known(books: &Books, headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .and_then(|line| line.to_str().ok()?.strip_prefix("Bearer "))
        .is_some_and(|token| books.tokens.contains(token))
}

fn who() -> Response {
    (StatusCode::UNAUTHORIZED, "who are you?").into_response()
}

fn entry(id: u32, entry: &Entry) -> Value {
    json!({"id": id, "text": entry.text, "file": entry.file})
}

pub(super) async fn create(
    State(books): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    if books.lie == Lie::Refuses {
        return (StatusCode::UNPROCESSABLE_ENTITY, "not like this").into_response();
    }
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    let id = books.store(Entry {
        title: String::new(),
        text,
        file: None,
    });
    (StatusCode::CREATED, Json(json!({"id": id}))).into_response()
}

pub(super) async fn show(
    State(books): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u32>,
) -> Response {
    let books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    match books.entries.get(&id) {
        _ if books.lie == Lie::ReadIsErrorPage => page("Something went wrong."),
        Some(found) => {
            let mut found = found.clone();
            if books.lie == Lie::WrongFile {
                found.file = Some("another".to_owned());
            }
            Json(entry(id, &found)).into_response()
        }
        None => nothing_here(books.lie),
    }
}

pub(super) async fn change(
    State(books): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u32>,
    Json(body): Json<Value>,
) -> Response {
    let mut books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    let (lie, text) = (
        books.lie,
        body["text"].as_str().unwrap_or_default().to_owned(),
    );
    match books.entries.get_mut(&id) {
        Some(entry) => {
            if lie != Lie::OldVersion {
                entry.text = text;
            }
            Json(json!({"id": id})).into_response()
        }
        None => nothing_here(lie),
    }
}

pub(super) async fn remove(
    State(books): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u32>,
) -> Response {
    let mut books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    if books.lie != Lie::NothingStored && books.entries.remove(&id).is_none() {
        return nothing_here(books.lie);
    }
    StatusCode::NO_CONTENT.into_response()
}

pub(super) async fn list(
    State(books): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, usize>>,
) -> Response {
    let books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    if books.lie == Lie::ListIsError {
        return Json(json!({"error": "busy"})).into_response();
    }
    let asked = query.get("page").copied().unwrap_or(1);
    let number = if books.lie == Lie::SamePage { 1 } else { asked };
    let items: Vec<Value> = books
        .entries
        .iter()
        .skip((number - 1) * PAGE)
        .take(PAGE)
        .map(|(id, found)| entry(*id, found))
        .collect();
    let next =
        (books.entries.len() > number * PAGE).then(|| format!("/api/entries?page={}", number + 1));
    let mut answer = HeaderMap::new();
    if let Some(next) = &next {
        let line = format!("</api/entries?page=1>; rel=\"first\", <{next}>; rel=\"next\"");
        answer.insert("link", line.parse().expect("a header"));
    }
    (answer, Json(json!({"items": items, "next": next}))).into_response()
}

pub(super) async fn upload(
    State(books): State<Shared>,
    headers: HeaderMap,
    mut form: Multipart,
) -> Response {
    let (mut text, mut name, mut bytes) = (String::new(), String::new(), Vec::new());
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("text") {
            text = field.text().await.unwrap_or_default();
        } else {
            name = field.file_name().unwrap_or_default().to_owned();
            bytes = field.bytes().await.unwrap_or_default().to_vec();
        }
    }
    let mut books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    if books.lie == Lie::Truncated {
        bytes.truncate(bytes.len() / 2);
    }
    books.files.insert(name.clone(), bytes);
    let id = books.store(Entry {
        title: String::new(),
        text,
        file: Some(name.clone()),
    });
    (StatusCode::CREATED, Json(json!({"id": id, "file": name}))).into_response()
}

pub(super) async fn file(
    State(books): State<Shared>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    let books = books.lock().expect("books");
    if !is_known(&books, &headers) {
        return who();
    }
    match books.files.get(&name) {
        Some(bytes) => bytes.clone().into_response(),
        None => nothing_here(books.lie),
    }
}
