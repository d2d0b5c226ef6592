//! Posts. An edit keeps the version before it as a row of its own; a delete keeps the row and
//! marks it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::mattermost::caller::Caller;
use crate::mattermost::failure::Failure;
use crate::mattermost::{Application, ids};
use crate::platform::{Row, Statement};
use crate::shared::rows::{first, params};

const COLUMNS: &str = "id, createat, updateat, editat, userid, channelid, message, fileids";
/// Longest message, in characters.
const MESSAGE_MAX: usize = 16_383;
/// Posts of one page, at most.
const PAGE_MAX: i64 = 200;

fn post_of(row: &Row) -> Value {
    let files: Value = serde_json::from_str(&row.text(7)).unwrap_or_else(|_| json!([]));
    json!({
        "id": row.text(0), "create_at": row.integer(1), "update_at": row.integer(2),
        "edit_at": row.integer(3), "delete_at": 0, "user_id": row.text(4),
        "channel_id": row.text(5), "message": row.text(6), "file_ids": files, "type": "",
    })
}

async fn find(app: &Application, id: &str) -> Result<Row, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM posts WHERE id = ? AND deleteat = 0");
    first(app.database.as_ref(), &sql, params![id])
        .await?
        .ok_or_else(|| Failure::not_found("app.post.get.app_error", "Unable to get the post."))
}

#[derive(Deserialize)]
pub(super) struct Create {
    channel_id: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    file_ids: Vec<String>,
}

/// `POST /api/v4/posts`: for members of the channel; files that were uploaded become this post's.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Json(body): Json<Create>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let member = first(
        app.database.as_ref(),
        "SELECT userid FROM channelmembers WHERE channelid = ? AND userid = ?",
        params![body.channel_id.as_str(), user.id.as_str()],
    )
    .await?;
    if member.is_none() {
        return Err(Failure::forbidden());
    }
    if body.message.chars().count() > MESSAGE_MAX {
        return Err(Failure::bad(
            "model.post.is_valid.message_length.app_error",
            "Post Message property is longer than the maximum permitted length.",
        ));
    }
    let (id, now) = (ids::id(), app.clock.now_ms());
    let files = json!(body.file_ids).to_string();
    let mut statements = vec![Statement {
        sql: "INSERT INTO posts (id, createat, updateat, editat, deleteat, userid, channelid, \
              originalid, message, fileids) VALUES (?, ?, ?, 0, 0, ?, ?, '', ?, ?)"
            .to_owned(),
        params: params![
            id.as_str(),
            now,
            now,
            user.id.as_str(),
            body.channel_id.as_str(),
            body.message.as_str(),
            files.as_str()
        ],
    }];
    for file in &body.file_ids {
        statements.push(Statement {
            sql: "UPDATE fileinfo SET postid = ? WHERE id = ? AND postid = '' AND creatorid = ?"
                .to_owned(),
            params: params![id.as_str(), file.as_str(), user.id.as_str()],
        });
    }
    app.database.transaction(statements).await?;
    Ok((StatusCode::CREATED, Json(post_of(&find(&app, &id).await?))))
}

/// `GET /api/v4/posts/{id}`.
pub(super) async fn show(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(post_of(&find(&app, &id).await?)))
}

#[derive(Deserialize)]
pub(super) struct Patch {
    message: String,
}

/// `PUT /api/v4/posts/{id}/patch`.
pub(super) async fn patch(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<String>,
    Json(body): Json<Patch>,
) -> Result<Json<Value>, Failure> {
    let old = find(&app, &id).await?;
    if old.text(4) != user.id && !user.is_admin() {
        return Err(Failure::forbidden());
    }
    let now = app.clock.now_ms();
    let before = Statement {
        sql: "INSERT INTO posts (id, createat, updateat, editat, deleteat, userid, channelid, \
              originalid, message, fileids) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            .to_owned(),
        params: params![
            ids::id(),
            old.integer(1),
            old.integer(2),
            old.integer(3),
            now,
            old.text(4),
            old.text(5),
            id.as_str(),
            old.text(6),
            old.text(7)
        ],
    };
    let after = Statement {
        sql: "UPDATE posts SET message = ?, updateat = ?, editat = ? WHERE id = ?".to_owned(),
        params: params![body.message.as_str(), now, now, id.as_str()],
    };
    app.database.transaction(vec![before, after]).await?;
    Ok(Json(post_of(&find(&app, &id).await?)))
}

/// `DELETE /api/v4/posts/{id}`.
pub(super) async fn remove(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    let old = find(&app, &id).await?;
    if old.text(4) != user.id && !user.is_admin() {
        return Err(Failure::forbidden());
    }
    let now = app.clock.now_ms();
    app.database
        .execute(
            "UPDATE posts SET deleteat = ?, updateat = ? WHERE id = ?",
            params![now, now, id],
        )
        .await?;
    Ok(Json(json!({"status": "OK"})))
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    page: i64,
    #[serde(default = "per_page")]
    per_page: i64,
}

fn per_page() -> i64 {
    60
}

/// `GET /api/v4/channels/{id}/posts`: newest first.
pub(super) async fn of_channel(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Failure> {
    let per_page = page.per_page.clamp(1, PAGE_MAX);
    let sql = format!(
        "SELECT {COLUMNS} FROM posts WHERE channelid = ? AND deleteat = 0 \
         ORDER BY createat DESC, id LIMIT ? OFFSET ?"
    );
    let rows = app
        .database
        .query(&sql, params![id, per_page, page.page.max(0) * per_page])
        .await?;
    Ok(Json(listed(&rows)))
}

#[derive(Deserialize)]
pub(super) struct Search {
    terms: String,
    #[serde(default)]
    is_or_search: bool,
}

/// The words of a text, in lower case.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| c.is_whitespace() || ",;()\"".contains(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What is searched for: words, and in quotation marks words that follow each other.
fn terms(text: &str) -> Vec<Vec<String>> {
    let mut terms = Vec::new();
    for (at, part) in text.split('"').enumerate() {
        let found = words(part);
        if at % 2 == 0 {
            terms.extend(found.into_iter().map(|word| vec![word]));
        } else if !found.is_empty() {
            terms.push(found);
        }
    }
    terms
}

/// `POST /api/v4/teams/{id}/posts/search`: every word of a message, whole, whatever its case.
pub(super) async fn search(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(team): Path<String>,
    Json(body): Json<Search>,
) -> Result<Json<Value>, Failure> {
    let terms = terms(&body.terms);
    let sql = "SELECT p.id, p.createat, p.updateat, p.editat, p.userid, p.channelid, p.message, \
               p.fileids FROM posts p JOIN channels c ON c.id = p.channelid \
               WHERE c.teamid = ? AND p.deleteat = 0 ORDER BY p.createat DESC, p.id";
    let rows = app.database.query(sql, params![team]).await?;
    let fits = |row: &&Row| {
        let words = words(&row.text(6));
        let has = |term: &Vec<String>| words.windows(term.len()).any(|found| found == term);
        if body.is_or_search {
            terms.iter().any(has)
        } else {
            !terms.is_empty() && terms.iter().all(has)
        }
    };
    let found: Vec<Row> = rows.iter().filter(fits).cloned().collect();
    Ok(Json(listed(&found)))
}

fn listed(rows: &[Row]) -> Value {
    let order: Vec<String> = rows.iter().map(|row| row.text(0)).collect();
    let posts: Map<String, Value> = rows.iter().map(|row| (row.text(0), post_of(row))).collect();
    json!({"order": order, "posts": posts, "next_post_id": "", "prev_post_id": ""})
}
