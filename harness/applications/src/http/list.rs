//! All entries that there are, page by page.

use std::collections::BTreeSet;

use phoenix_engine::application::{AppError, Listing};
use serde_json::Value;
use url::Url;

use super::Http;
use super::description::{List, Next};
use super::place::{Place, Reply};
use super::session::deadline;
use super::template::{Template, plain};

/// Pages after which a listing has no end.
const PAGES_MAX: usize = 10_000;

/// An entry, as a list shows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) id: Option<Value>,
    pub(super) text: Option<String>,
}

impl Http {
    pub(super) async fn list_all(&self) -> Result<Listing, AppError> {
        let Some(list) = &self.description.canary.list else {
            return Err(failed("list entries", "the description has no `list`"));
        };
        let mut entries = Vec::new();
        for entry in self.entries(list).await? {
            match entry.text {
                Some(text) => entries.push(text),
                None => {
                    let id = entry.id.unwrap_or_default();
                    entries.extend(self.text_of(&id).await?);
                }
            }
        }
        Ok(Listing {
            entries,
            probe: list.request.words(),
        })
    }

    /// The text of an entry that a list names by its id only; `None` where it went meanwhile.
    async fn text_of(&self, id: &Value) -> Result<Option<String>, AppError> {
        let doing = format!("read entry {} of the list", plain(id));
        let mut values = self.values().await;
        let Some(name) = self.id_name() else {
            let why = "`read` has not one name that an id could stand for; add `texts` to `list`";
            return Err(failed(&doing, why));
        };
        values.set(&name, id.clone());
        values.set("marker", "");
        match self.row(&self.description.canary.read, &values).await {
            Ok(Some((texts, _))) => Ok(Some(texts.join("\n"))),
            Ok(None) => Ok(None),
            Err(seen) => Err(failed(&doing, &super::read::words(&seen))),
        }
    }

    /// The id of the entry in which a marker stands; `None` where there is none.
    pub(super) async fn find(&self, list: &List, marker: &str) -> Result<Option<Value>, AppError> {
        for entry in self.entries(list).await? {
            let Some(id) = entry.id else { continue };
            let text = match entry.text {
                Some(text) => Some(text),
                None => self.text_of(&id).await?,
            };
            if text.is_some_and(|text| text.contains(marker)) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Every page of the list. A page that is no answer ends it with an error: half a list would
    /// pass for a whole one.
    pub(super) async fn entries(&self, list: &List) -> Result<Vec<Entry>, AppError> {
        let doing = format!("list entries ({})", list.request.words());
        let fail = |why: String| failed(&doing, &self.session.vault.clean(&why));
        let mut all: Vec<Entry> = Vec::new();
        let mut request = list.request.clone();
        let mut before: Vec<Entry> = Vec::new();
        let mut seen = BTreeSet::new();
        for page in 0..PAGES_MAX {
            let number = list.first_page.unwrap_or(1) + page as u64;
            let values = self.values().await.with("page", number);
            let reply = self
                .session
                .send(&request, &values, deadline())
                .await
                .map_err(|none| fail(none.words().to_owned()))?;
            if let Err(why) = request.expect.met(&reply, &values, &self.session.vault) {
                let mut failure = fail(why);
                failure.unauthorised = matches!(reply.status, 401 | 403);
                return Err(failure);
            }
            let entries = entries_of(list, &reply)
                .map_err(|why| fail(format!("{}, but {why}", reply.words(&self.session.vault))))?;
            if list.first_page.is_some() {
                if entries.is_empty() {
                    return Ok(all);
                }
                // Entries would be counted twice, and so be duplicates that nobody made.
                if entries == before {
                    return Err(fail(format!(
                        "page {number} is the one before it again: what does `${{page}}` change?"
                    )));
                }
                before.clone_from(&entries);
                all.extend(entries);
                continue;
            }
            all.extend(entries);
            let Some(next) = self.next(list, &reply).map_err(fail)? else {
                return Ok(all);
            };
            if !seen.insert(next.to_string()) {
                return Err(fail(format!("its pages lead in circles, to {next}")));
            }
            request.path = Template(next.to_string());
        }
        Err(fail(format!("more than {PAGES_MAX} pages")))
    }

    fn next(&self, list: &List, reply: &Reply) -> Result<Option<Url>, String> {
        let link = match &list.next {
            None => None,
            Some(Next::LinkHeader) => reply.header("link").and_then(|line| next_of(&line)),
            // The last page has none.
            Some(Next::At(place)) => place.one(reply).ok().map(|link| plain(&link)),
        };
        let Some(link) = link else { return Ok(None) };
        // From the page that it stands on.
        let next = if link.starts_with('?') {
            reply.url.join(&link).map_err(|why| why.to_string())?
        } else {
            self.session.join(&link)?
        };
        if next.origin() == reply.url.origin() {
            Ok(Some(next))
        } else {
            Err(format!("its next page is at another server: {next}"))
        }
    }
}

fn entries_of(list: &List, reply: &Reply) -> Result<Vec<Entry>, String> {
    let all = |place: &Option<Place>| place.as_ref().map(|place| place.all(reply)).transpose();
    let texts = all(&list.texts)?;
    let ids = all(&list.ids)?;
    Ok(match (texts, ids) {
        (Some(texts), Some(ids)) if texts.len() == ids.len() => texts
            .iter()
            .zip(ids)
            .map(|(text, id)| Entry {
                id: Some(id),
                text: Some(plain(text)),
            })
            .collect(),
        // Which text has which id is not known: each is read by its id.
        (_, Some(ids)) => ids
            .into_iter()
            .map(|id| Entry {
                id: Some(id),
                text: None,
            })
            .collect(),
        (texts, None) => texts
            .unwrap_or_default()
            .iter()
            .map(|text| Entry {
                id: None,
                text: Some(plain(text)),
            })
            .collect(),
    })
}

/// The address of the next page in a `Link` header.
fn next_of(line: &str) -> Option<String> {
    line.split(',').find_map(|link| {
        let (address, parameters) = link.split_once('>')?;
        let is_next = parameters
            .split(';')
            .any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| address.trim().trim_start_matches('<').to_owned())
    })
}

fn failed(doing: &str, why: &str) -> AppError {
    AppError {
        doing: doing.to_owned(),
        why: why.to_owned(),
        unauthorised: false,
    }
}

#[cfg(test)]
mod tests {
    use super::next_of;

    #[test]
    fn the_next_page_of_a_link_header() {
        let line = r#"</e?page=1>; rel="prev", </e?page=3>; rel="next""#;
        assert_eq!(next_of(line).as_deref(), Some("/e?page=3"));
        assert_eq!(next_of(r#"</e?page=1>; rel="prev""#), None);
    }
}
