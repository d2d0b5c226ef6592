//! Teams and channels.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mattermost::caller::Caller;
use crate::mattermost::failure::Failure;
use crate::mattermost::{Application, ids};
use crate::platform::DatabaseError;
use crate::shared::rows::{first, params};

#[derive(Deserialize)]
pub(super) struct CreateTeam {
    name: String,
    display_name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `POST /api/v4/teams`.
pub(super) async fn create_team(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Json(body): Json<CreateTeam>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let id = ids::id();
    let made = app
        .database
        .execute(
            "INSERT INTO teams (id, createat, deleteat, name, displayname, type) \
             VALUES (?, ?, 0, ?, ?, ?)",
            params![
                id.as_str(),
                app.clock.now_ms(),
                body.name.as_str(),
                body.display_name.as_str(),
                body.kind.as_str()
            ],
        )
        .await;
    taken(
        made,
        "app.team.save.existing.app_error",
        "A team with that name already exists.",
    )?;
    app.database
        .execute(
            "INSERT INTO teammembers (teamid, userid) VALUES (?, ?)",
            params![id.as_str(), user.id.as_str()],
        )
        .await?;
    let team = json!({
        "id": id, "name": body.name, "display_name": body.display_name, "type": body.kind,
        "delete_at": 0,
    });
    Ok((StatusCode::CREATED, Json(team)))
}

/// `GET /api/v4/teams/name/{name}`.
pub(super) async fn team_by_name(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>, Failure> {
    let row = first(
        app.database.as_ref(),
        "SELECT id, name, displayname, type FROM teams WHERE name = ? AND deleteat = 0",
        params![name],
    )
    .await?
    .ok_or_else(|| Failure::not_found("app.team.get_by_name.missing.app_error", "No such team."))?;
    Ok(Json(json!({
        "id": row.text(0), "name": row.text(1), "display_name": row.text(2), "type": row.text(3),
    })))
}

#[derive(Deserialize)]
pub(super) struct CreateChannel {
    team_id: String,
    name: String,
    display_name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `POST /api/v4/channels`: whoever makes it is in it.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    Caller(user): Caller,
    Json(body): Json<CreateChannel>,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let team = first(
        app.database.as_ref(),
        "SELECT id FROM teams WHERE id = ?",
        params![body.team_id.as_str()],
    )
    .await?;
    if team.is_none() {
        return Err(Failure::not_found(
            "app.team.get.find.app_error",
            "No such team.",
        ));
    }
    let id = ids::id();
    let made = app
        .database
        .execute(
            "INSERT INTO channels (id, createat, deleteat, teamid, name, displayname, type) \
             VALUES (?, ?, 0, ?, ?, ?, ?)",
            params![
                id.as_str(),
                app.clock.now_ms(),
                body.team_id.as_str(),
                body.name.as_str(),
                body.display_name.as_str(),
                body.kind.as_str()
            ],
        )
        .await;
    taken(
        made,
        "store.sql_channel.save_channel.exists.app_error",
        "A channel with that name already exists on the same team.",
    )?;
    app.database
        .execute(
            "INSERT INTO channelmembers (channelid, userid) VALUES (?, ?)",
            params![id.as_str(), user.id.as_str()],
        )
        .await?;
    let channel = json!({
        "id": id, "team_id": body.team_id, "name": body.name, "display_name": body.display_name,
        "type": body.kind, "delete_at": 0,
    });
    Ok((StatusCode::CREATED, Json(channel)))
}

/// `GET /api/v4/teams/{id}/channels/name/{name}`.
pub(super) async fn by_name(
    State(app): State<Arc<Application>>,
    _caller: Caller,
    Path((team, name)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let row = first(
        app.database.as_ref(),
        "SELECT id, name, displayname, type FROM channels WHERE teamid = ? AND name = ? \
         AND deleteat = 0",
        params![team.as_str(), name],
    )
    .await?
    .ok_or_else(|| {
        Failure::not_found(
            "app.channel.get_by_name.missing.app_error",
            "Channel does not exist.",
        )
    })?;
    Ok(Json(json!({
        "id": row.text(0), "team_id": team, "name": row.text(1), "display_name": row.text(2),
        "type": row.text(3),
    })))
}

/// A name that is taken is the caller's mistake.
fn taken(made: Result<u64, DatabaseError>, id: &str, words: &str) -> Result<(), Failure> {
    match made {
        Ok(_) => Ok(()),
        Err(DatabaseError::Unique(_)) => Err(Failure::bad(id, words)),
        Err(error) => Err(error.into()),
    }
}
