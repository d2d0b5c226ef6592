//! `/api/image-gallery`: rows in the database, bytes in the storage, and an address at which
//! anybody gets them.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, ApiError, nothing, object};
use super::caller::Caller;
use super::entities::Kind;
use super::entities::dress;
use super::input::Input;
use super::listing::Listing;
use super::pages;
use crate::bookstack::Application;
use crate::bookstack::rows::{month, params};
use crate::bookstack::users::slug;
use crate::shared::text::{escape, random_from};

const IMAGES: Listing<'static> = Listing {
    table: "images",
    columns: &[
        "id",
        "name",
        "url",
        "path",
        "type",
        "uploaded_to",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
    ],
    condition: "uploaded_to IN (SELECT p.id FROM pages p WHERE p.deleted_at IS NULL)",
};

/// `GET /api/image-gallery`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let none = Listing {
        condition: "1 = 0",
        ..IMAGES
    };
    let visible = if caller.sees("page-view-all", "Page").is_ok() {
        IMAGES
    } else {
        none
    };
    visible.answer(&app, &query.unwrap_or_default()).await
}

/// `POST /api/image-gallery`: the bytes first, then the row.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.require("image-create-all")?;
    let kind = input
        .text("type")
        .ok_or_else(|| ApiError::required("type"))?;
    if !["gallery", "drawio"].contains(&kind.as_str()) {
        return Err(ApiError::invalid("type", "The selected type is invalid."));
    }
    let page = input
        .integer("uploaded_to")
        .ok_or_else(|| ApiError::required("uploaded_to"))?;
    let image = input
        .file("image")
        .ok_or_else(|| ApiError::required("image"))?;
    let extension = image.extension();
    if !["png", "jpg", "jpeg", "gif", "webp"].contains(&extension.as_str()) {
        let words = "The image must have a valid & supported image extension.";
        return Err(ApiError::invalid("image", words));
    }
    pages::found(&app, page).await?;
    let name = input
        .text("name")
        .unwrap_or_else(|| image.file_name.clone());
    let stem = image
        .file_name
        .rsplit_once('.')
        .map_or("image", |(stem, _)| stem);
    let chance = random_from(b"abcdefghijklmnopqrstuvwxyz0123456789", 6);
    let (month, stem) = (month(app.clock.now_s()), slug(stem));
    let key = format!("uploads/images/{kind}/{month}/{chance}-{stem}.{extension}");
    app.images
        .put(&key, image.bytes.to_vec())
        .await
        .map_err(ApiError::exception)?;
    let (path, url) = (format!("/{key}"), format!("{}/{key}", app.image_base));
    let (now, by) = (app.moment(), caller.user.id);
    let now = now.as_str();
    let sql = "INSERT INTO images (name, url, path, type, uploaded_to, created_by, updated_by, \
               created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![name, url, path, kind, page, by, by, now, now];
    let id = app.database.insert(sql, values).await?;
    Ok(object(whole(&app, id).await?))
}

/// `GET /api/image-gallery/{id}`: of the row only; the bytes are at its `url`.
pub(super) async fn read(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Image")?;
    Ok(object(whole(&app, id).await?))
}

/// `GET /api/image-gallery/{id}/data`: the bytes, wherever they are kept.
pub(super) async fn data(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Image")?;
    let key = key_of(&found(&app, id).await?);
    let bytes = app
        .images
        .get(&key)
        .await
        .map_err(|_| ApiError::missing("Image"))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// `DELETE /api/image-gallery/{id}`: the row and the bytes, at once and for good.
pub(super) async fn delete(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Image")?;
    let image = found(&app, id).await?;
    caller.require("image-delete-all")?;
    app.images
        .delete(&key_of(&image))
        .await
        .map_err(ApiError::exception)?;
    app.database
        .execute("DELETE FROM images WHERE id = ?", params![id])
        .await?;
    Ok(nothing())
}

async fn found(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    IMAGES
        .one(app, id)
        .await?
        .ok_or_else(|| ApiError::missing("Image"))
}

fn key_of(image: &Map<String, Json>) -> String {
    let path = image.get("path").and_then(Json::as_str).unwrap_or_default();
    path.trim_start_matches('/').to_owned()
}

async fn whole(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    let mut image = found(app, id).await?;
    dress(app, Kind::Page, 0, &mut image).await?;
    image.remove("tags");
    let text = |name: &str| {
        image
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (url, name) = (text("url"), text("name"));
    // Thumbnails are not made: their addresses are the image's own.
    image.insert(
        "thumbs".to_owned(),
        json!({ "gallery": url, "display": url }),
    );
    let html = format!(
        "<a href=\"{url}\" target=\"_blank\"><img src=\"{url}\" alt=\"{}\"></a>",
        escape(&name)
    );
    let content = json!({ "html": html, "markdown": format!("![{name}]({url})") });
    image.insert("content".to_owned(), content);
    Ok(image)
}
