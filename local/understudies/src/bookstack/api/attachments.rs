//! `/api/attachments`: rows in the database, bytes in the storage. A row whose bytes are lost is
//! still listed; reading it is 500.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, ApiError, nothing, object};
use super::caller::Caller;
use super::input::{Input, Upload};
use super::listing::Listing;
use super::pages;
use crate::bookstack::Application;
use crate::bookstack::rows::{first, month, number, params};
use crate::shared::text::{escape, random_from};

const ATTACHMENTS: Listing<'static> = Listing {
    table: "attachments",
    columns: &[
        "id",
        "name",
        "extension",
        "uploaded_to",
        "external",
        "sort_order",
        "created_at",
        "updated_at",
        "created_by",
        "updated_by",
    ],
    condition: "uploaded_to IN (SELECT p.id FROM pages p WHERE p.deleted_at IS NULL)",
};

/// `GET /api/attachments`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let none = Listing {
        condition: "1 = 0",
        ..ATTACHMENTS
    };
    let visible = if caller.sees("page-view-all", "Page").is_ok() {
        ATTACHMENTS
    } else {
        none
    };
    visible.answer(&app, &query.unwrap_or_default()).await
}

/// `POST /api/attachments`: the bytes first, then the row.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.require("attachment-create-all")?;
    let name = input.name()?;
    let page = input
        .integer("uploaded_to")
        .ok_or_else(|| ApiError::required("uploaded_to"))?;
    pages::found(&app, page).await?;
    caller.require("page-update-all")?;
    let (path, extension, external) = match (input.file("file"), input.text("link")) {
        (Some(upload), _) => (keep(&app, upload).await?, upload.extension(), false),
        (None, Some(link)) => (link, String::new(), true),
        (None, None) => return Err(ApiError::required("file")),
    };
    let last = "SELECT COALESCE(MAX(sort_order), 0) FROM attachments WHERE uploaded_to = ?";
    let order = number(app.database.as_ref(), last, params![page]).await? + 1;
    let (now, by) = (app.moment(), caller.user.id);
    let now = now.as_str();
    let sql = "INSERT INTO attachments (name, path, extension, uploaded_to, external, \
               sort_order, created_by, updated_by, created_at, updated_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        name, path, extension, page, external, order, by, by, now, now
    ];
    let id = app.database.insert(sql, values).await?;
    Ok(object(found(&app, id).await?))
}

/// `GET /api/attachments/{id}`: with `content`, the bytes in base64 or the link.
pub(super) async fn read(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Attachment")?;
    let mut attachment = found(&app, id).await?;
    let path = path_of(&app, id).await?;
    let url = app.url(&format!("/attachments/{id}"));
    let name = attachment
        .get("name")
        .and_then(Json::as_str)
        .unwrap_or_default();
    let links = json!({
        "html": format!("<a target=\"_blank\" href=\"{url}\">{}</a>", escape(name)),
        "markdown": format!("[{name}]({url})"),
    });
    attachment.insert("links".to_owned(), links);
    let content = if attachment.get("external") == Some(&Json::Bool(true)) {
        path
    } else {
        STANDARD.encode(
            app.attachments
                .get(&path)
                .await
                .map_err(ApiError::exception)?,
        )
    };
    attachment.insert("content".to_owned(), json!(content));
    Ok(object(attachment))
}

/// `PUT /api/attachments/{id}`: a new name, or new bytes.
pub(super) async fn update(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.sees("page-view-all", "Attachment")?;
    let before = found(&app, id).await?;
    caller.require("attachment-update-all")?;
    let old = |name: &str| {
        before
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let name = input.text("name").unwrap_or_else(|| old("name"));
    let old_path = path_of(&app, id).await?;
    let was_file = before.get("external") == Some(&Json::Bool(false));
    let (path, extension, external) = match (input.file("file"), input.text("link")) {
        (Some(upload), _) => (keep(&app, upload).await?, upload.extension(), false),
        (None, Some(link)) => (link, String::new(), true),
        (None, None) => (old_path.clone(), old("extension"), !was_file),
    };
    let sql = "UPDATE attachments SET name = ?, path = ?, extension = ?, external = ?, \
               updated_by = ?, updated_at = ? WHERE id = ?";
    let values = params![
        name,
        path.as_str(),
        extension,
        external,
        caller.user.id,
        app.moment(),
        id
    ];
    app.database.execute(sql, values).await?;
    if was_file && path != old_path {
        app.attachments
            .delete(&old_path)
            .await
            .map_err(ApiError::exception)?;
    }
    Ok(object(found(&app, id).await?))
}

/// `DELETE /api/attachments/{id}`: the row and the bytes, at once and for good.
pub(super) async fn delete(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Attachment")?;
    let attachment = found(&app, id).await?;
    caller.require("attachment-delete-all")?;
    let path = path_of(&app, id).await?;
    if attachment.get("external") == Some(&Json::Bool(false)) {
        app.attachments
            .delete(&path)
            .await
            .map_err(ApiError::exception)?;
    }
    app.database
        .execute("DELETE FROM attachments WHERE id = ?", params![id])
        .await?;
    Ok(nothing())
}

/// Keeps an upload under a new key.
async fn keep(app: &Application, upload: &Upload) -> Result<String, ApiError> {
    let month = month(app.clock.now_s());
    let name = random_from(
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        16,
    );
    let extension = upload.extension();
    let key = format!("uploads/files/{month}/{name}-{extension}");
    let kept = app.attachments.put(&key, upload.bytes.to_vec()).await;
    kept.map_err(ApiError::exception)?;
    Ok(key)
}

async fn found(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    ATTACHMENTS
        .one(app, id)
        .await?
        .ok_or_else(|| ApiError::missing("Attachment"))
}

async fn path_of(app: &Application, id: i64) -> Result<String, ApiError> {
    let sql = "SELECT path FROM attachments WHERE id = ?";
    let row = first(app.database.as_ref(), sql, params![id]).await?;
    Ok(row.map_or_else(String::new, |row| row.text(0)))
}
