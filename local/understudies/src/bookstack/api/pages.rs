//! `/api/pages`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, ApiError, nothing, object};
use super::caller::Caller;
use super::entities::{Kind, bin, dress, free_slug, reindex, retag, statement};
use super::input::Input;
use super::listing::Listing;
use crate::bookstack::Application;
use crate::bookstack::rows::{first, number, params};
use crate::bookstack::users::slug;
use crate::platform::Statement;
use crate::shared::text::escape;

const PAGES: Listing<'static> = Listing {
    table: "pages",
    columns: &[
        "id",
        "book_id",
        "chapter_id",
        "name",
        "slug",
        "priority",
        "draft",
        "template",
        "revision_count",
        "editor",
        "created_at",
        "updated_at",
        "created_by",
        "updated_by",
        "owned_by",
    ],
    condition: "deleted_at IS NULL",
};

/// What a page says, in its three forms.
struct Text {
    html: String,
    plain: String,
    markdown: String,
}

impl Text {
    /// From a call; `None` if it brings neither form.
    fn of(input: &Input) -> Option<Self> {
        let (html, markdown) = match (input.text("markdown"), input.text("html")) {
            (Some(markdown), _) => (paragraphs(&markdown), markdown),
            (None, Some(html)) => (with_ids(&without_scripts(&html)), String::new()),
            (None, None) => return None,
        };
        let plain = without_tags(&html);
        Some(Self {
            html,
            plain,
            markdown,
        })
    }

    fn editor(&self) -> &'static str {
        if self.markdown.is_empty() {
            "wysiwyg"
        } else {
            "markdown"
        }
    }
}

/// `GET /api/pages`.
pub(super) async fn list(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let none = Listing {
        condition: "1 = 0",
        ..PAGES
    };
    let visible = if caller.sees("page-view-all", "Page").is_ok() {
        PAGES
    } else {
        none
    };
    visible.answer(&app, &query.unwrap_or_default()).await
}

/// `POST /api/pages`: 200, not 201.
pub(super) async fn create(
    State(app): State<Arc<Application>>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.require("page-create-all")?;
    let name = input.name()?;
    let book_id = input
        .integer("book_id")
        .ok_or_else(|| ApiError::required("book_id"))?;
    let book_slug = book_slug(&app, book_id).await?;
    let text = Text::of(&input).ok_or_else(|| ApiError::required("html"))?;
    let slug = free_slug(&app, Kind::Page, &name).await?;
    let (now, by) = (app.moment(), caller.user.id);
    let now = now.as_str();
    let last = "SELECT COALESCE(MAX(priority), 0) FROM pages WHERE book_id = ?";
    let priority = number(app.database.as_ref(), last, params![book_id]).await? + 1;
    let sql = "INSERT INTO pages (book_id, chapter_id, name, slug, html, text, markdown, \
               priority, draft, template, revision_count, editor, created_by, updated_by, \
               owned_by, created_at, updated_at) \
               VALUES (?, 0, ?, ?, ?, ?, ?, ?, 0, 0, 1, ?, ?, ?, ?, ?, ?)";
    let values = params![
        book_id,
        name.as_str(),
        slug.as_str(),
        text.html.as_str(),
        text.plain.as_str(),
        text.markdown.as_str(),
        priority,
        text.editor(),
        by,
        by,
        by,
        now,
        now,
    ];
    let id = app.database.insert(sql, values).await?;
    let mut statements = vec![revision(id, &name, &slug, &book_slug, &text, (1, by, now))];
    statements.extend(retag(Kind::Page, id, &input, now));
    statements.extend(reindex(Kind::Page, id, &name, &text.plain));
    app.database.transaction(statements).await?;
    Ok(object(whole(&app, id).await?))
}

/// `GET /api/pages/{id}`.
pub(super) async fn read(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Page")?;
    Ok(object(whole(&app, id).await?))
}

/// `PUT /api/pages/{id}`.
pub(super) async fn update(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
    input: Input,
) -> Answer {
    caller.sees("page-view-all", "Page")?;
    let before = whole(&app, id).await?;
    caller.require("page-update-all")?;
    let old = |name: &str| {
        before
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let number = |name: &str| before.get(name).and_then(Json::as_i64).unwrap_or_default();
    let name = input.text("name").unwrap_or_else(|| old("name"));
    let book_id = input
        .integer("book_id")
        .unwrap_or_else(|| number("book_id"));
    let book_slug = book_slug(&app, book_id).await?;
    let text = Text::of(&input).unwrap_or_else(|| Text {
        html: old("raw_html"),
        plain: without_tags(&old("raw_html")),
        markdown: old("markdown"),
    });
    let slug = if name == old("name") {
        old("slug")
    } else {
        free_slug(&app, Kind::Page, &name).await?
    };
    let count = number("revision_count") + 1;
    let (now, by) = (app.moment(), caller.user.id);
    let now = now.as_str();
    let sql = "UPDATE pages SET book_id = ?, name = ?, slug = ?, html = ?, text = ?, \
               markdown = ?, editor = ?, revision_count = ?, updated_by = ?, updated_at = ? \
               WHERE id = ?";
    let values = params![
        book_id,
        name.as_str(),
        slug.as_str(),
        text.html.as_str(),
        text.plain.as_str(),
        text.markdown.as_str(),
        text.editor(),
        count,
        by,
        now,
        id,
    ];
    let mut statements = vec![
        statement(sql, values),
        revision(id, &name, &slug, &book_slug, &text, (count, by, now)),
    ];
    statements.extend(retag(Kind::Page, id, &input, now));
    statements.extend(reindex(Kind::Page, id, &name, &text.plain));
    app.database.transaction(statements).await?;
    Ok(object(whole(&app, id).await?))
}

/// `DELETE /api/pages/{id}`: into the recycle bin.
pub(super) async fn delete(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Page")?;
    found(&app, id).await?;
    caller.require("page-delete-all")?;
    bin(&app, Kind::Page, id, caller.user.id).await?;
    Ok(nothing())
}

/// `GET /api/pages/{id}/export/plaintext`.
pub(super) async fn export_plaintext(
    State(app): State<Arc<Application>>,
    Path(id): Path<i64>,
    caller: Caller,
) -> Answer {
    caller.sees("page-view-all", "Page")?;
    found(&app, id).await?;
    let sql = "SELECT name, text FROM pages WHERE id = ?";
    let row = first(app.database.as_ref(), sql, params![id]).await?;
    let row = row.ok_or_else(|| ApiError::missing("Page"))?;
    let text = format!("{}\n\n{}", row.text(0), row.text(1));
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// A page that is there to be seen.
pub(super) async fn found(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    PAGES
        .one(app, id)
        .await?
        .ok_or_else(|| ApiError::missing("Page"))
}

async fn whole(app: &Application, id: i64) -> Result<Map<String, Json>, ApiError> {
    let mut page = found(app, id).await?;
    dress(app, Kind::Page, id, &mut page).await?;
    let sql = "SELECT html, markdown FROM pages WHERE id = ?";
    if let Some(row) = first(app.database.as_ref(), sql, params![id]).await? {
        page.insert("html".to_owned(), json!(row.text(0)));
        page.insert("raw_html".to_owned(), json!(row.text(0)));
        page.insert("markdown".to_owned(), json!(row.text(1)));
    }
    Ok(page)
}

async fn book_slug(app: &Application, book_id: i64) -> Result<String, ApiError> {
    let sql = "SELECT slug FROM books WHERE id = ? AND deleted_at IS NULL";
    let row = first(app.database.as_ref(), sql, params![book_id]).await?;
    let missing = || ApiError::invalid("book_id", "The selected book id is invalid.");
    row.map(|row| row.text(0)).ok_or_else(missing)
}

fn revision(
    page_id: i64,
    name: &str,
    slug: &str,
    book_slug: &str,
    text: &Text,
    (count, by, now): (i64, i64, &str),
) -> Statement {
    let sql = "INSERT INTO page_revisions (page_id, name, slug, book_slug, html, text, markdown, \
               type, summary, revision_number, created_by, created_at, updated_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, 'version', '', ?, ?, ?, ?)";
    let (html, plain, markdown) = (
        text.html.as_str(),
        text.plain.as_str(),
        text.markdown.as_str(),
    );
    let values = params![
        page_id, name, slug, book_slug, html, plain, markdown, count, by, now, now
    ];
    statement(sql, values)
}

fn without_scripts(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.to_ascii_lowercase().find("<script") {
        kept.push_str(&rest[..start]);
        let lower = rest[start..].to_ascii_lowercase();
        match lower.find("</script>") {
            Some(end) => rest = &rest[start + end + "</script>".len()..],
            None => return kept,
        }
    }
    kept.push_str(rest);
    kept
}

/// Paragraphs without an id get one, as upstream gives them, from their first words.
fn with_ids(html: &str) -> String {
    let mut parts = html.split("<p>");
    let mut dressed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let words: String = without_tags(part).chars().take(20).collect();
        dressed.push_str(&format!("<p id=\"bkmrk-{}\">{part}", slug(&words)));
    }
    dressed
}

fn paragraphs(markdown: &str) -> String {
    let blocks = markdown
        .split("\n\n")
        .filter(|block| !block.trim().is_empty());
    let html: String = blocks
        .map(|block| format!("<p>{}</p>\n", escape(block.trim())))
        .collect();
    with_ids(html.trim_end())
}

fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_filtered_and_gets_ids_and_keeps_its_words() {
        let html = with_ids(&without_scripts(
            "<p>One <b>two</b></p><script>x()</script><p>3</p>",
        ));
        assert_eq!(
            html,
            "<p id=\"bkmrk-one-two\">One <b>two</b></p><p id=\"bkmrk-3\">3</p>"
        );
        assert_eq!(without_tags(&html), "One two 3");
    }
}
