//! `/api/books`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, ApiError, nothing, object};
use super::caller::Caller;
use super::entities::{Kind, bin, dress, free_slug, reindex, retag, statement};
use super::input::Input;
use super::listing::Listing;
use crate::bookstack::Application;
use crate::bookstack::rows::params;

pub(super) const BOOKS: Listing<'static> = Listing {
    table: "books",
    columns: &[
        "id",
        "name",
        "slug",
        "description",
        "created_at",
        "updated_at",
        "created_by",
        "updated_by",
        "owned_by",
    ],
    condition: "deleted_at IS NULL",
};

const CONTENTS: &[&str] = &[
    "id",
    "name",
    "slug",
    "book_id",
    "chapter_id",
    "draft",
    "template",
    "priority",
    "created_at",
    "updated_at",
];

/// `GET /api/books`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let none = Listing {
        condition: "1 = 0",
        ..BOOKS
    };
    let visible = if caller.sees("book-view-all", "Book").is_ok() {
        BOOKS
    } else {
        none
    };
    visible.answer(&app, &query.unwrap_or_default()).await
}

/// `POST /api/books`: 200, not 201.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.require("book-create-all")?;
    let name = input.name()?;
    let description = input.text("description").unwrap_or_default();
    let slug = free_slug(&app, Kind::Book, &name).await?;
    let (now, by) = (app.moment(), caller.user.id);
    let now = now.as_str();
    let sql = "INSERT INTO books (name, slug, description, created_by, updated_by, owned_by, \
               created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        name.as_str(),
        slug,
        description.as_str(),
        by,
        by,
        by,
        now,
        now
    ];
    let id = app.database.insert(sql, values).await?;
    let mut statements = retag(Kind::Book, id, &input, now);
    statements.extend(reindex(Kind::Book, id, &name, &description));
    app.database.transaction(statements).await?;
    Ok(object(found(&app, id).await?))
}

/// `GET /api/books/{id}`: with its contents.
pub(super) async fn read(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("book-view-all", "Book")?;
    let mut book = found(&app, id).await?;
    dress(&app, Kind::Book, id, &mut book).await?;
    let sql = format!(
        "SELECT {} FROM pages WHERE book_id = ? AND deleted_at IS NULL ORDER BY priority, id",
        CONTENTS.join(", ")
    );
    let rows = app.database.query(&sql, params![id]).await?;
    let book_slug = book
        .get("slug")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let contents = rows.iter().map(|row| {
        let mut page = crate::bookstack::rows::object(CONTENTS, row);
        let path = format!("/books/{book_slug}/page/{}", row.text(2));
        page.insert("url".to_owned(), json!(app.url(&path)));
        page.insert("type".to_owned(), json!("page"));
        Json::Object(page)
    });
    let contents: Json = contents.collect();
    book.insert("contents".to_owned(), contents);
    book.insert("cover".to_owned(), Json::Null);
    Ok(object(book))
}

/// `PUT /api/books/{id}`.
pub(super) async fn update(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.sees("book-view-all", "Book")?;
    let before = found(&app, id).await?;
    caller.require("book-update-all")?;
    let kept = |name: &str| {
        let old = before.get(name).and_then(Json::as_str).unwrap_or_default();
        input.text(name).unwrap_or_else(|| old.to_owned())
    };
    let (name, description) = (kept("name"), kept("description"));
    let slug = if before.get("name") == Some(&json!(name)) {
        kept("slug")
    } else {
        free_slug(&app, Kind::Book, &name).await?
    };
    let now = app.moment();
    let now = now.as_str();
    let sql = "UPDATE books SET name = ?, slug = ?, description = ?, updated_by = ?, \
               updated_at = ? WHERE id = ?";
    let by = caller.user.id;
    let values = params![name.as_str(), slug, description.as_str(), by, now, id];
    let mut statements = vec![statement(sql, values)];
    statements.extend(retag(Kind::Book, id, &input, now));
    statements.extend(reindex(Kind::Book, id, &name, &description));
    app.database.transaction(statements).await?;
    Ok(object(found(&app, id).await?))
}

/// `DELETE /api/books/{id}`: into the recycle bin.
pub(super) async fn delete(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("book-view-all", "Book")?;
    found(&app, id).await?;
    caller.require("book-delete-all")?;
    bin(&app, Kind::Book, id, caller.user.id).await?;
    Ok(nothing())
}

async fn found(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    BOOKS
        .one(app, id)
        .await?
        .ok_or_else(|| ApiError::missing("Book"))
}
