//! Uploads: a row, bytes apart from it, and a signed address that is good for a minute.

use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::shared::rows::{first, params};
use crate::shared::text::{random_from, token};
use crate::zulip::answers::{Refusal, success};
use crate::zulip::caller::Caller;
use crate::zulip::{Application, signing};

const SALT: &str = "user_uploads:temporary";
/// How long an address is good, in seconds.
const ADDRESS_S: i64 = 60;
const HEX: &[u8] = b"0123456789abcdef";
/// Longest name of a file, in bytes; its end is what says of which kind it is.
const NAME_MAX: usize = 255;

/// `POST /api/v1/user_uploads` (multipart, one file).
pub(super) async fn upload(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<Value>, Refusal> {
    let mut form = form.map_err(|error| Refusal::bad(error.body_text()))?;
    let field = form
        .next_field()
        .await
        .map_err(|error| Refusal::bad(error.to_string()))?
        .ok_or_else(|| Refusal::bad("You must specify a file to upload"))?;
    let given = field.file_name().unwrap_or_default().to_owned();
    let bytes = field
        .bytes()
        .await
        .map_err(|error| Refusal::bad(error.to_string()))?;
    let name = sanitised(&given);
    let path_id = format!(
        "{}/{}/{}/{name}",
        user.realm,
        random_from(HEX, 2),
        token(18)
    );
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    app.uploads
        .put(&path_id, bytes.to_vec())
        .await
        .map_err(Refusal::internal)?;
    app.database
        .insert(
            "INSERT INTO zerver_attachment (realm_id, owner_id, file_name, path_id, size, \
             create_time) VALUES (?, ?, ?, ?, ?, ?)",
            params![
                user.realm,
                user.id,
                given.as_str(),
                path_id.as_str(),
                size,
                app.clock.now_s()
            ],
        )
        .await?;
    let url = format!("/user_uploads/{path_id}");
    Ok(success(json!({"url": url, "uri": url, "filename": given})))
}

/// A name, never a path: no separators, nothing that a shell or a page would read as more than a
/// name, and short enough for a file system.
fn sanitised(given: &str) -> String {
    let base = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = base
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace() || "_.-".contains(*c))
        .collect();
    let mut name = kept.split_whitespace().collect::<Vec<_>>().join("-");
    while name.len() > NAME_MAX {
        name.remove(0);
    }
    match name.as_str() {
        "" | "." | ".." => "uploaded-file".to_owned(),
        _ => name,
    }
}

async fn known(app: &Application, path_id: &str) -> Result<(), Refusal> {
    let row = first(
        app.database.as_ref(),
        "SELECT id FROM zerver_attachment WHERE path_id = ?",
        params![path_id],
    )
    .await?;
    match row {
        Some(_) => Ok(()),
        None => Err(Refusal::not_found("File not found.")),
    }
}

/// `GET /api/v1/attachments`: one's own, with the messages that link to them.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
) -> Result<Json<Value>, Refusal> {
    let rows = app
        .database
        .query(
            "SELECT id, file_name, path_id, size, create_time FROM zerver_attachment \
             WHERE owner_id = ? ORDER BY id",
            params![user.id],
        )
        .await?;
    let links = app
        .database
        .query(
            "SELECT l.attachment_id, m.id, m.date_sent FROM zerver_attachment_messages l \
             JOIN zerver_message m ON m.id = l.message_id ORDER BY m.id",
            params![],
        )
        .await?;
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| {
            let messages: Vec<Value> = links
                .iter()
                .filter(|link| link.integer(0) == row.integer(0))
                .map(|link| json!({"id": link.integer(1), "date_sent": link.integer(2) * 1000}))
                .collect();
            json!({
                "id": row.integer(0), "name": row.text(1), "path_id": row.text(2),
                "size": row.integer(3), "create_time": row.integer(4) * 1000,
                "messages": messages,
            })
        })
        .collect();
    let used: i64 = rows.iter().map(|row| row.integer(3)).sum();
    Ok(success(
        json!({"attachments": shown, "upload_space_used": used}),
    ))
}

/// `GET /api/v1/user_uploads/{path}`: where the bytes are to be had for a minute.
pub(super) async fn address(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(path_id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    known(&app, &path_id).await?;
    let until = app.clock.now_s() + ADDRESS_S;
    let signed = signing::sign(&app.config.secret_key, SALT, &format!("{until}:{path_id}"));
    let name = path_id.rsplit('/').next().unwrap_or_default();
    Ok(success(
        json!({"url": format!("/user_uploads/temporary/{signed}/{name}")}),
    ))
}

/// `GET /user_uploads/temporary/{token}/{name}`.
pub(super) async fn temporary(
    State(app): State<Arc<Application>>,
    Path((signed, _name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let invalid = || Refusal::bad("Invalid token");
    let value = signing::unsign(&app.config.secret_key, SALT, &signed).ok_or_else(invalid)?;
    let (until, path_id) = value.split_once(':').ok_or_else(invalid)?;
    if until.parse::<i64>().map_err(|_| invalid())? < app.clock.now_s() {
        return Err(invalid());
    }
    let bytes = app
        .uploads
        .get(path_id)
        .await
        .map_err(Refusal::internal)?
        .ok_or_else(|| Refusal::not_found("File not found."))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::sanitised;

    #[test]
    fn a_name_is_never_a_path() {
        for (given, name) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("..", "uploaded-file"),
            ("a/..", "uploaded-file"),
            ("", "uploaded-file"),
            ("a b\u{0}<c>.txt", "a-bc.txt"),
            ("Größe.pdf", "Größe.pdf"),
        ] {
            assert_eq!(sanitised(given), name, "{given:?}");
        }
        let long = sanitised(&format!("{}.pdf", "ö".repeat(300)));
        assert!(long.len() <= 255 && long.ends_with("ö.pdf"), "{long}");
    }
}
