//! What books and pages have in common: slugs, tags, people, the search index, the recycle bin.

use serde_json::{Map, Value as Json, json};

use super::answer::ApiError;
use super::input::Input;
use crate::bookstack::Application;
use crate::bookstack::rows::{first, number, params};
use crate::bookstack::users::slug;
use crate::platform::Statement;
use crate::shared::text::random_from;

/// A book or a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Book,
    Page,
}

impl Kind {
    /// As rows and answers name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Page => "page",
        }
    }

    /// Its table.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Book => "books",
            Self::Page => "pages",
        }
    }

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Book, Self::Page]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One statement.
pub(super) fn statement(sql: &str, params: Vec<crate::platform::Value>) -> Statement {
    Statement {
        sql: sql.to_owned(),
        params,
    }
}

/// A slug that no other row of the table has (for pages: of the book, upstream; of all, here).
pub(super) async fn free_slug(
    app: &Application,
    kind: Kind,
    name: &str,
) -> Result<String, ApiError> {
    let slug = slug(name);
    let sql = format!("SELECT COUNT(*) FROM {} WHERE slug = ?", kind.table());
    if number(app.database.as_ref(), &sql, params![slug.as_str()]).await? == 0 {
        return Ok(slug);
    }
    let tail = random_from(b"abcdefghijklmnopqrstuvwxyz0123456789", 6);
    Ok(format!("{slug}-{tail}"))
}

/// Statements that give an entity the tags of a call; none if the call does not speak of tags.
pub(super) fn retag(kind: Kind, id: i64, input: &Input, now: &str) -> Vec<Statement> {
    let Some(Json::Array(tags)) = input.fields.get("tags") else {
        return Vec::new();
    };
    let delete = "DELETE FROM tags WHERE entity_type = ? AND entity_id = ?";
    let insert = "INSERT INTO tags (entity_id, entity_type, name, value, sort_order, created_at, \
                  updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let mut statements = vec![statement(delete, params![kind.name(), id])];
    for (order, tag) in (0_i64..).zip(tags) {
        let text = |name: &str| tag.get(name).and_then(Json::as_str).unwrap_or_default();
        let values = params![
            id,
            kind.name(),
            text("name"),
            text("value"),
            order,
            now,
            now
        ];
        statements.push(statement(insert, values));
    }
    statements
}

/// Statements that index an entity anew: words of its name weigh more.
pub(super) fn reindex(kind: Kind, id: i64, name: &str, text: &str) -> Vec<Statement> {
    let delete = "DELETE FROM search_terms WHERE entity_type = ? AND entity_id = ?";
    let insert =
        "INSERT INTO search_terms (term, entity_type, entity_id, score) VALUES (?, ?, ?, ?)";
    let mut scores = std::collections::BTreeMap::<String, i64>::new();
    for (source, weight) in [(name, 40), (text, 1)] {
        for word in words(source) {
            *scores.entry(word).or_default() += weight;
        }
    }
    let mut statements = vec![statement(delete, params![kind.name(), id])];
    for (term, score) in scores {
        statements.push(statement(insert, params![term, kind.name(), id, score]));
    }
    statements
}

/// Words as the index has them.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|letter: char| letter.is_whitespace() || ",.;:!?()[]{}<>\"'".contains(letter))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// An entity's tags, and its people as objects.
pub(super) async fn dress(
    app: &Application,
    kind: Kind,
    id: i64,
    entity: &mut Map<String, Json>,
) -> Result<(), ApiError> {
    let sql = "SELECT name, value, sort_order FROM tags \
               WHERE entity_type = ? AND entity_id = ? ORDER BY sort_order";
    let rows = app.database.query(sql, params![kind.name(), id]).await?;
    let tags = rows
        .iter()
        .map(|row| json!({ "name": row.text(0), "value": row.text(1), "order": row.integer(2) }));
    let tags: Json = tags.collect();
    entity.insert("tags".to_owned(), tags);
    for role in ["created_by", "updated_by", "owned_by"] {
        if let Some(person) = entity.get(role).and_then(Json::as_i64) {
            let sql = "SELECT id, name, slug FROM users WHERE id = ?";
            let row = first(app.database.as_ref(), sql, params![person]).await?;
            let person = row.map_or(
                Json::Null,
                |row| json!({ "id": row.integer(0), "name": row.text(1), "slug": row.text(2) }),
            );
            entity.insert(role.to_owned(), person);
        }
    }
    Ok(())
}

/// Puts an entity, and a book's pages with it, into the recycle bin.
pub(super) async fn bin(
    app: &Application,
    kind: Kind,
    id: i64,
    user_id: i64,
) -> Result<(), ApiError> {
    let now = app.moment();
    let now = now.as_str();
    let delete = format!("UPDATE {} SET deleted_at = ? WHERE id = ?", kind.table());
    let record = "INSERT INTO deletions (deleted_by, deletable_type, deletable_id, created_at, \
                  updated_at) VALUES (?, ?, ?, ?, ?)";
    let mut statements = vec![
        statement(&delete, params![now, id]),
        statement(record, params![user_id, kind.name(), id, now, now]),
    ];
    if kind == Kind::Book {
        let pages = "UPDATE pages SET deleted_at = ? WHERE book_id = ? AND deleted_at IS NULL";
        statements.push(statement(pages, params![now, id]));
    }
    Ok(app.database.transaction(statements).await?)
}
