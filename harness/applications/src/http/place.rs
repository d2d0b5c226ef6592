//! Where a value stands in an answer, and what a good answer is.

use phoenix_engine::words::first_bytes;
use phoenix_language::json_path::JsonPath;
use reqwest::header::{HeaderMap, LOCATION};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use url::Url;

use super::template::{Template, Values, plain};
use super::vault::Vault;

/// A whole answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) url: Url,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Names and values of the cookies that this address has now.
    pub(super) cookies: Vec<(String, String)>,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|_| "the answer is no JSON".to_owned())
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Where it leads, if it is a redirect.
    pub(super) fn redirect(&self) -> Option<Url> {
        let location = self.headers.get(LOCATION)?.to_str().ok()?;
        (300..400)
            .contains(&self.status)
            .then(|| self.url.join(location).ok())?
    }

    /// Where it leads, as a description writes it: a path where it stays with the service.
    fn leads_to(&self) -> Option<String> {
        let mut to = self.redirect()?;
        to.set_fragment(None);
        Some(if to.origin() == self.url.origin() {
            match to.query() {
                Some(query) => format!("{}?{query}", to.path()),
                None => to.path().to_owned(),
            }
        } else {
            to.to_string()
        })
    }

    /// Status and first bytes, without any secret.
    pub(super) fn words(&self, vault: &Vault) -> String {
        let said = match self.leads_to() {
            Some(to) => format!("leads to {to}"),
            None => self.text(),
        };
        format!("{} {}", self.status, first_bytes(&vault.clean(&said), 160))
    }
}

/// A place in an answer.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) from: From,
    /// What stands around it, `*` for the value.
    pub(super) like: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum From {
    Body,
    Json(JsonPath),
    Html {
        selector: String,
        attribute: Option<String>,
    },
    Header(String),
    Cookie(String),
    Redirect(String),
}

impl Place {
    /// Every value that stands there.
    ///
    /// # Errors
    /// When the answer is not of the kind that has such a place.
    pub(super) fn all(&self, reply: &Reply) -> Result<Vec<Value>, String> {
        let found: Vec<Value> = match &self.from {
            From::Body => vec![reply.text().into()],
            From::Json(path) => {
                let json = reply.json()?;
                path.each(&json)?.into_iter().cloned().collect()
            }
            From::Html {
                selector,
                attribute,
            } => elements(reply, selector, attribute.as_deref())?,
            From::Header(name) => reply.header(name).into_iter().map(Value::from).collect(),
            From::Cookie(name) => reply
                .cookies
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.clone().into())
                .collect(),
            From::Redirect(pattern) => reply
                .leads_to()
                .and_then(|to| segment(pattern, &to))
                .map(|value| decoded(&value).into())
                .into_iter()
                .collect(),
        };
        let Some(like) = &self.like else {
            return Ok(found);
        };
        Ok(found
            .iter()
            .filter_map(|value| between(like, &plain(value)).map(Value::from))
            .collect())
    }

    /// The first value that stands there and is none that says nothing.
    pub(super) fn one(&self, reply: &Reply) -> Result<Value, String> {
        self.all(reply)?
            .into_iter()
            .find(|value| !value.is_null() && value.as_str() != Some(""))
            .ok_or_else(|| format!("nothing stands at {}", self.words()))
    }

    /// The place as people know it.
    pub(super) fn words(&self) -> String {
        match &self.from {
            From::Body => "the body".to_owned(),
            From::Json(path) => path.to_string(),
            From::Html { selector, .. } => format!("`{selector}`"),
            From::Header(name) => format!("the header {name}"),
            From::Cookie(name) => format!("the cookie {name}"),
            From::Redirect(pattern) => format!("a redirect to {pattern}"),
        }
    }
}

fn elements(reply: &Reply, selector: &str, attribute: Option<&str>) -> Result<Vec<Value>, String> {
    let selector =
        Selector::parse(selector).map_err(|_| format!("`{selector}` selects nothing"))?;
    let html = Html::parse_document(&reply.text());
    Ok(html
        .select(&selector)
        .filter_map(|element| value_of(element, attribute))
        .map(Value::from)
        .collect())
}

/// What an element says: its value where people type, its words elsewhere.
fn value_of(element: ElementRef<'_>, attribute: Option<&str>) -> Option<String> {
    let own = match element.value().name() {
        "input" => Some("value"),
        "meta" => Some("content"),
        _ => None,
    };
    match attribute.or(own) {
        Some(name) => element.value().attr(name).map(str::to_owned),
        None => {
            let text: String = element.text().collect();
            Some(text.trim().to_owned())
        }
    }
}

/// What `*` stands for in a text that is otherwise as the pattern.
fn between(pattern: &str, text: &str) -> Option<String> {
    let (before, after) = pattern.split_once('*')?;
    let rest = text.strip_prefix(before)?.strip_suffix(after)?;
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// As [`between`], in an address: one part of the path, so that `/entries/*` is not
/// `/entries/new?error=1`.
fn segment(pattern: &str, text: &str) -> Option<String> {
    between(pattern, text).filter(|found| !found.contains(['/', '?', '&', '#']))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What an answer has to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Expect {
    pub(super) status: Vec<u16>,
    pub(super) redirect: Option<Template>,
    pub(super) json: Vec<(JsonPath, Template)>,
    pub(super) html: Vec<(String, Template)>,
    pub(super) contains: Vec<Template>,
}

impl Expect {
    /// Whether an answer is this one.
    ///
    /// # Errors
    /// What it is instead; nothing of the answer that could be a secret.
    pub(super) fn met(&self, reply: &Reply, values: &Values, vault: &Vault) -> Result<(), String> {
        let right = match (self.status.is_empty(), &self.redirect) {
            (false, _) => self.status.contains(&reply.status),
            (true, Some(_)) => (300..400).contains(&reply.status),
            (true, None) => (200..300).contains(&reply.status),
        };
        if !right {
            return Err(reply.words(vault));
        }
        let but = |what: String| Err(format!("{}, but {what}", reply.words(vault)));
        if let Some(redirect) = &self.redirect {
            let wanted = redirect.fill(values, vault)?;
            let to = reply.leads_to().unwrap_or_default();
            if to != wanted && segment(&wanted, &to).is_none() {
                return but(format!("a redirect to {wanted} is expected"));
            }
        }
        for (path, template) in &self.json {
            let wanted = template.fill(values, vault)?;
            let json = match reply.json() {
                Ok(json) => json,
                Err(why) => return but(why),
            };
            if !path.all(&json).iter().any(|value| as_text(value) == wanted) {
                return but(format!("{path} is not `{}`", vault.clean(&wanted)));
            }
        }
        for (selector, template) in &self.html {
            let wanted = template.fill(values, vault)?;
            let found = elements(reply, selector, None)?;
            if !found.iter().any(|value| plain(value).contains(&wanted)) {
                return but(format!("`{selector}` has no `{}`", vault.clean(&wanted)));
            }
        }
        for template in &self.contains {
            let wanted = template.fill(values, vault)?;
            if !reply.text().contains(&wanted) {
                return but(format!("it has no `{}`", vault.clean(&wanted)));
            }
        }
        Ok(())
    }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{between, decoded, segment};

    #[test]
    fn patterns_take_one_value_out() {
        let found = |pattern, text| between(pattern, text);
        assert_eq!(found("Text: *", "Text: a b").as_deref(), Some("a b"));
        assert_eq!(found("/e/*/edit", "/e/7/edit").as_deref(), Some("7"));
        assert_eq!(found("/e/*", "/e/"), None);
        assert_eq!(found("/e/*", "/login"), None);
        assert_eq!(segment("/e/*", "/e/7").as_deref(), Some("7"));
        assert_eq!(segment("/e/*", "/e/new?error=1"), None);
        assert_eq!(segment("/e/*", "/e/7/edit"), None);
        assert_eq!(decoded("a%20b%zz%"), "a b%zz%");
    }
}
