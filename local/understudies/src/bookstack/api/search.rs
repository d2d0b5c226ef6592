//! `GET /api/search`: words by the index, "exact phrases" by the text, `{type:page}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, ApiError};
use super::caller::Caller;
use super::entities::{Kind, dress, words};
use super::listing::data;
use crate::bookstack::Application;
use crate::bookstack::rows::{first, iso, params};
use crate::shared::text::{escape, params as query_params};

const COUNT_MAX: usize = 100;

/// What is searched for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    words: Vec<String>,
    phrases: Vec<String>,
    kind: Option<String>,
}

impl Wanted {
    fn parse(query: &str) -> Self {
        let mut wanted = Self::default();
        // Every second part is between quotes.
        for (at, part) in query.split('"').enumerate() {
            if at % 2 == 1 {
                wanted.phrases.push(part.to_owned());
                continue;
            }
            for word in part.split_whitespace() {
                match word
                    .strip_prefix("{type:")
                    .and_then(|kind| kind.strip_suffix('}'))
                {
                    Some(kind) => wanted.kind = Some(kind.to_owned()),
                    None => wanted.words.extend(words(word)),
                }
            }
        }
        wanted
    }
}

/// `GET /api/search`.
pub(super) async fn find(
    State(app): State<Arc<Application>>,
    RawQuery(query): RawQuery,
    caller: Caller,
) -> Answer {
    let query = query_params(&query.unwrap_or_default());
    let text = query.get("query").filter(|text| !text.is_empty());
    let wanted = Wanted::parse(text.ok_or_else(|| ApiError::required("query"))?);
    let number = |name: &str| {
        query
            .get(name)
            .and_then(|value| value.parse::<usize>().ok())
    };
    let count = number("count").unwrap_or(20).clamp(1, COUNT_MAX);
    let page = number("page").unwrap_or(1).max(1);
    let mut hits = Vec::new();
    for ((kind, id), score) in candidates(&app, &wanted).await? {
        let permission = format!("{kind}-view-all");
        let asked = wanted.kind.as_ref().is_none_or(|wanted| *wanted == kind);
        if asked && caller.sees(&permission, &kind).is_ok() {
            hits.extend(
                hit(&app, &kind, id, &wanted.phrases)
                    .await?
                    .map(|hit| (score, hit)),
            );
        }
    }
    hits.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let total = i64::try_from(hits.len()).unwrap_or(i64::MAX);
    let window = hits.into_iter().skip((page - 1) * count).take(count);
    Ok(data(window.map(|(_, hit)| hit).collect(), total))
}

/// Entities by kind and id, with their scores: any word that the index has at the beginning of a
/// term, or everything where only phrases are asked for.
async fn candidates(
    app: &Application,
    wanted: &Wanted,
) -> Result<BTreeMap<(String, i64), i64>, ApiError> {
    let mut scores = BTreeMap::new();
    for word in &wanted.words {
        let sql = "SELECT entity_type, entity_id, score FROM search_terms WHERE term LIKE ?";
        let begins = format!("{}%", word.replace(['%', '_'], ""));
        for row in app.database.query(sql, params![begins]).await? {
            *scores.entry((row.text(0), row.integer(1))).or_insert(0) += row.integer(2);
        }
    }
    if wanted.words.is_empty() {
        for kind in [Kind::Book, Kind::Page] {
            let sql = format!("SELECT id FROM {}", kind.table());
            for row in app.database.query(&sql, Vec::new()).await? {
                scores.insert((kind.name().to_owned(), row.integer(0)), 0);
            }
        }
    }
    Ok(scores)
}

async fn hit(
    app: &Application,
    kind: &str,
    id: i64,
    phrases: &[String],
) -> Result<Option<Map<String, Json>>, ApiError> {
    let Some(kind) = Kind::named(kind) else {
        return Ok(None);
    };
    let sql = match kind {
        Kind::Book => {
            "SELECT name, slug, description, created_at, updated_at, 0, '' FROM books \
             WHERE id = ? AND deleted_at IS NULL"
        }
        Kind::Page => {
            "SELECT p.name, p.slug, p.text, p.created_at, p.updated_at, p.book_id, b.slug \
             FROM pages p JOIN books b ON b.id = p.book_id WHERE p.id = ? AND p.deleted_at IS NULL"
        }
    };
    let Some(row) = first(app.database.as_ref(), sql, params![id]).await? else {
        return Ok(None);
    };
    let (name, slug, text) = (row.text(0), row.text(1), row.text(2));
    let has = |phrase: &String| name.contains(phrase.as_str()) || text.contains(phrase.as_str());
    if !phrases.iter().all(has) {
        return Ok(None);
    }
    let path = match kind {
        Kind::Book => format!("/books/{slug}"),
        Kind::Page => format!("/books/{}/page/{slug}", row.text(6)),
    };
    let preview: String = text.chars().take(100).collect();
    let mut hit = Map::from_iter([
        ("id".to_owned(), json!(id)),
        ("name".to_owned(), json!(name)),
        ("slug".to_owned(), json!(slug)),
        ("type".to_owned(), json!(kind.name())),
        ("url".to_owned(), json!(app.url(&path))),
        ("created_at".to_owned(), json!(iso(&row.text(3)))),
        ("updated_at".to_owned(), json!(iso(&row.text(4)))),
        (
            "preview_html".to_owned(),
            json!({ "name": escape(&name), "content": escape(&preview) }),
        ),
    ]);
    if kind == Kind::Page {
        hit.insert("book_id".to_owned(), json!(row.integer(5)));
    }
    dress(app, kind, id, &mut hit).await?;
    Ok(Some(hit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_and_a_kind() {
        let wanted = Wanted::parse("Fire \"burned down\" {type:page} drill");
        assert_eq!(wanted.words, ["fire", "drill"]);
        assert_eq!(wanted.phrases, ["burned down"]);
        assert_eq!(wanted.kind.as_deref(), Some("page"));
    }
}
