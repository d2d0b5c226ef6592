//! `/api/recycle-bin`: what was deleted can come back, or go for good.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::IntoResponse;
use serde_json::json;

use super::answer::{Answer, ApiError};
use super::caller::Caller;
use super::entities::{Kind, statement};
use super::listing::Listing;
use crate::bookstack::Application;
use crate::bookstack::rows::{first, number, params};

const DELETIONS: Listing<'static> = Listing {
    table: "deletions",
    columns: &[
        "id",
        "deleted_by",
        "created_at",
        "updated_at",
        "deletable_type",
        "deletable_id",
    ],
    condition: "1 = 1",
};

/// `GET /api/recycle-bin`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    caller.require("settings-manage")?;
    DELETIONS.answer(&app, &query.unwrap_or_default()).await
}

/// `PUT /api/recycle-bin/{id}`: `{"restore_count"}`.
pub(super) async fn restore(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.require("settings-manage")?;
    let (kind, entity) = deletion(&app, id).await?;
    let back = format!("UPDATE {} SET deleted_at = NULL WHERE id = ?", kind.table());
    let mut statements = vec![
        statement(&back, params![entity]),
        statement("DELETE FROM deletions WHERE id = ?", params![id]),
    ];
    let pages = pages_of(&app, kind, entity).await?;
    if kind == Kind::Book {
        // Pages that were deleted on their own stay in the bin.
        let sql = "UPDATE pages SET deleted_at = NULL WHERE book_id = ? AND id NOT IN \
                   (SELECT deletable_id FROM deletions WHERE deletable_type = 'page')";
        statements.push(statement(sql, params![entity]));
    }
    app.database.transaction(statements).await?;
    Ok(Json(json!({ "restore_count": 1 + pages })).into_response())
}

/// `DELETE /api/recycle-bin/{id}`: `{"delete_count"}`; attachments' bytes go with their pages.
pub(super) async fn destroy(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.require("settings-manage")?;
    let (kind, entity) = deletion(&app, id).await?;
    let pages = pages_of(&app, kind, entity).await?;
    let which = match kind {
        Kind::Book => "SELECT id FROM pages WHERE book_id = ?",
        Kind::Page => "SELECT id FROM pages WHERE id = ?",
    };
    let sql =
        format!("SELECT path FROM attachments WHERE external = 0 AND uploaded_to IN ({which})");
    for row in app.database.query(&sql, params![entity]).await? {
        app.attachments
            .delete(&row.text(0))
            .await
            .map_err(ApiError::exception)?;
    }
    let mut statements = Vec::new();
    for (table, column, more) in [
        ("attachments", "uploaded_to", ""),
        ("page_revisions", "page_id", ""),
        ("tags", "entity_id", " AND entity_type = 'page'"),
        ("search_terms", "entity_id", " AND entity_type = 'page'"),
        ("deletions", "deletable_id", " AND deletable_type = 'page'"),
    ] {
        let sql = format!("DELETE FROM {table} WHERE {column} IN ({which}){more}");
        statements.push(statement(&sql, params![entity]));
    }
    let own = match kind {
        Kind::Book => "DELETE FROM pages WHERE book_id = ?",
        Kind::Page => "DELETE FROM pages WHERE id = ?",
    };
    statements.push(statement(own, params![entity]));
    if kind == Kind::Book {
        let sql = "DELETE FROM search_terms WHERE entity_type = 'book' AND entity_id = ?";
        statements.push(statement(sql, params![entity]));
        statements.push(statement("DELETE FROM books WHERE id = ?", params![entity]));
    }
    statements.push(statement("DELETE FROM deletions WHERE id = ?", params![id]));
    app.database.transaction(statements).await?;
    Ok(Json(json!({ "delete_count": 1 + pages })).into_response())
}

/// What a deletion deleted.
async fn deletion(app: &Application, id: i64) -> Result<(Kind, i64), ApiError> {
    let sql = "SELECT deletable_type, deletable_id FROM deletions WHERE id = ?";
    let row = first(app.database.as_ref(), sql, params![id]).await?;
    let row = row.ok_or_else(|| ApiError::missing("Deletion"))?;
    let kind = Kind::named(&row.text(0)).ok_or_else(|| ApiError::missing("Deletion"))?;
    Ok((kind, row.integer(1)))
}

async fn pages_of(app: &Application, kind: Kind, entity: i64) -> Result<i64, ApiError> {
    if kind == Kind::Page {
        return Ok(0);
    }
    let sql = "SELECT COUNT(*) FROM pages WHERE book_id = ?";
    Ok(number(app.database.as_ref(), sql, params![entity]).await?)
}
