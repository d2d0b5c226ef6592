//! Content as a reader gets it: a page's text, an image by its public address, an attachment.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::visit::Visit;
use crate::bookstack::Application;
use crate::bookstack::failure::Failure;
use crate::bookstack::rows::{first, params};

/// `GET /books/{book}/page/{page}`.
pub(in crate::bookstack) async fn page(
    State(app): State<Arc<Application>>,
    Path((book, page)): Path<(String, String)>,
    visit: Visit,
) -> Result<Response, Failure> {
    if let Err(to_login) = visit.require_user(&app, &format!("/books/{book}/page/{page}")) {
        return Ok(to_login);
    }
    let sql = "SELECT p.name, p.html FROM pages p JOIN books b ON b.id = p.book_id \
               WHERE b.slug = ? AND p.slug = ? AND p.deleted_at IS NULL";
    let row = first(app.database.as_ref(), sql, params![book, page]).await?;
    let row = row.ok_or_else(|| Failure::NotFound("Page not found".to_owned()))?;
    Ok(visit.page(&row.text(0), &row.text(1)))
}

/// `GET /uploads/images/{path}`: a static file, which knows of no database and no session.
pub(in crate::bookstack) async fn image(
    State(app): State<Arc<Application>>,
    Path(path): Path<String>,
) -> Response {
    let key = format!("uploads/images/{path}");
    match app.images.get_public(&key).await {
        Some(bytes) => ([(header::CONTENT_TYPE, media_type(&path))], bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "Image Not Found").into_response(),
    }
}

/// `GET /attachments/{id}`.
pub(in crate::bookstack) async fn attachment(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    visit: Visit,
) -> Result<Response, Failure> {
    if let Err(to_login) = visit.require_user(&app, &format!("/attachments/{id}")) {
        return Ok(to_login);
    }
    let sql = "SELECT path, external FROM attachments WHERE id = ?";
    let row = first(app.database.as_ref(), sql, params![id]).await?;
    let row = row.ok_or_else(|| Failure::NotFound("Attachment not found".to_owned()))?;
    if row.integer(1) != 0 {
        return Ok(super::visit::redirect_to(&row.text(0)));
    }
    let bytes = app
        .attachments
        .get(&row.text(0))
        .await
        .map_err(Failure::Exception)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => "application/octet-stream",
    }
}
