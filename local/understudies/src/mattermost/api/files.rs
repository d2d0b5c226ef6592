//! Files: rows in the database, bytes in the file storage, public links by a salt of the
//! configuration.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{FromRequest as _, Multipart, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::mattermost::caller::Caller;
use crate::mattermost::failure::Failure;
use crate::mattermost::{Application, ids};
use crate::platform::Row;
use crate::shared::rows::{first, params};

#[derive(Deserialize)]
struct Upload {
    channel_id: String,
    filename: String,
}

/// `POST /api/v4/files`: the bytes as the body, with `channel_id` and `filename` in the query, or a
/// form with the field `channel_id` and as many `files`.
pub(super) async fn upload(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let (channel, files) = if is_form {
        form(Multipart::from_request(request, &app).await).await?
    } else {
        let query = Query::<Upload>::try_from_uri(request.uri());
        let Query(query) = query.map_err(|why| unreadable(why.body_text()))?;
        let body = Bytes::from_request(request, &app).await;
        let body = body.map_err(|why| unreadable(why.body_text()))?;
        (query.channel_id, vec![(query.filename, body)])
    };
    let known = first(
        app.database.as_ref(),
        "SELECT teamid FROM channels WHERE id = ? AND deleteat = 0",
        params![channel.as_str()],
    )
    .await?;
    if known.is_none() || !ids::valid(&channel) {
        return Err(Failure::forbidden());
    }
    let mut infos = Vec::new();
    for (name, bytes) in files {
        infos.push(keep(&app, &user.id, &channel, &name, bytes).await?);
    }
    Ok((
        StatusCode::CREATED,
        Json(json!({"file_infos": infos, "client_ids": []})),
    ))
}

fn unreadable(why: impl Into<String>) -> Failure {
    Failure::bad("api.file.upload_file.bad_parse.app_error", why)
}

/// The channel and the files of a form.
async fn form(
    form: Result<Multipart, MultipartRejection>,
) -> Result<(String, Vec<(String, Bytes)>), Failure> {
    let mut form = form.map_err(|why| unreadable(why.body_text()))?;
    let (mut channel, mut files) = (String::new(), Vec::new());
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|why| unreadable(why.body_text()))?
    {
        let field_name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await;
        let bytes = bytes.map_err(|why| unreadable(why.body_text()))?;
        match field_name.as_str() {
            "channel_id" => channel = String::from_utf8_lossy(&bytes).into_owned(),
            "files" => files.push((file_name, bytes)),
            _ => {}
        }
    }
    if files.is_empty() {
        return Err(unreadable("No file in the form."));
    }
    Ok((channel, files))
}

/// Keeps a file of a channel, which no post has yet; what is told of it.
async fn keep(
    app: &Application,
    user: &str,
    channel: &str,
    given: &str,
    body: Bytes,
) -> Result<Value, Failure> {
    if body.len() as u64 > app.config.max_file_size {
        return Err(Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "api.file.upload_file.too_large_detailed.app_error",
            "Unable to upload file. File is too large.",
        ));
    }
    // A name, never a path.
    let name = given
        .rsplit(['/', '\\'])
        .next()
        .filter(|name| !name.is_empty() && *name != "." && *name != "..")
        .ok_or_else(|| unreadable("No file name."))?
        .to_owned();
    let (id, now) = (ids::id(), app.clock.now_ms());
    let day = jiff::Timestamp::from_millisecond(now)
        .map(|at| at.strftime("%Y%m%d").to_string())
        .unwrap_or_default();
    let path = format!("{day}/teams/noteam/channels/{channel}/users/{user}/{id}/{name}");
    let size = body.len();
    app.files
        .put(&path, body.to_vec())
        .await
        .map_err(|error| Failure::internal("api.file.write_file.app_error", error))?;
    let extension = name
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension)
        .to_owned();
    app.database
        .execute(
            "INSERT INTO fileinfo (id, creatorid, postid, channelid, createat, deleteat, path, \
             name, extension, size, mimetype) VALUES (?, ?, '', ?, ?, 0, ?, ?, ?, ?, ?)",
            params![
                id.as_str(),
                user,
                channel,
                now,
                path,
                name,
                extension,
                i64::try_from(size).unwrap_or(i64::MAX),
                "application/octet-stream"
            ],
        )
        .await?;
    Ok(info_of(&find(app, &id).await?))
}

async fn find(app: &Application, id: &str) -> Result<Row, Failure> {
    first(
        app.database.as_ref(),
        "SELECT id, creatorid, postid, channelid, createat, path, name, extension, size, mimetype \
         FROM fileinfo WHERE id = ? AND deleteat = 0",
        params![id],
    )
    .await?
    .ok_or_else(|| {
        Failure::not_found(
            "app.file_info.get.app_error",
            "Unable to get the file info.",
        )
    })
}

fn info_of(row: &Row) -> Value {
    json!({
        "id": row.text(0), "user_id": row.text(1), "post_id": row.text(2),
        "channel_id": row.text(3), "create_at": row.integer(4), "delete_at": 0,
        "name": row.text(6), "extension": row.text(7), "size": row.integer(8),
        "mime_type": row.text(9),
    })
}

/// `GET /api/v4/files/{id}/info`.
pub(super) async fn info(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(info_of(&find(&app, &id).await?)))
}

async fn content(app: &Application, row: &Row) -> Result<Response, Failure> {
    let bytes =
        app.files.get(&row.text(5)).await.map_err(|error| {
            Failure::internal("api.file.read_file.reading_local.app_error", error)
        })?;
    let bytes = bytes.ok_or_else(|| {
        Failure::not_found(
            "api.file.file_reader.app_error",
            "Unable to get a file reader.",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, row.text(9))], bytes).into_response())
}

/// `GET /api/v4/files/{id}`.
pub(super) async fn bytes(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    content(&app, &find(&app, &id).await?).await
}

fn enabled(app: &Application) -> Result<(), Failure> {
    if app.config.public_links {
        Ok(())
    } else {
        Err(Failure::new(
            StatusCode::NOT_IMPLEMENTED,
            "api.file.get_public_link.disabled.app_error",
            "Public links have been disabled.",
        ))
    }
}

/// The hash of a public link: whoever knows the salt can make it, nobody else.
fn link_hash(app: &Application, id: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(&app.config.public_link_salt);
    hasher.update(id);
    URL_SAFE_NO_PAD.encode(hasher.finalize())
}

/// `GET /api/v4/files/{id}/link`: only for a file that a post has.
pub(super) async fn link(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    enabled(&app)?;
    let row = find(&app, &id).await?;
    if row.text(2).is_empty() {
        return Err(Failure::bad(
            "api.file.get_public_link.no_post.app_error",
            "Unable to get public link for file. File must be attached to a post.",
        ));
    }
    let link = app.url(&format!("/files/{id}/public?h={}", link_hash(&app, &id)));
    Ok(Json(json!({"link": link})))
}

#[derive(Deserialize)]
pub(super) struct Public {
    #[serde(default)]
    h: String,
}

/// `GET /files/{id}/public?h=`: the hash is looked at before the bytes.
pub(super) async fn public(
    State(app): State<Arc<Application>>,
    Path(id): Path<String>,
    Query(query): Query<Public>,
) -> Result<Response, Failure> {
    enabled(&app)?;
    let row = find(&app, &id).await.map_err(Failure::page)?;
    if query.h != link_hash(&app, &id) {
        return Err(Failure::bad(
            "api.file.get_file.public_invalid.app_error",
            "The public link does not appear to be valid.",
        )
        .page());
    }
    content(&app, &row).await.map_err(Failure::page)
}
