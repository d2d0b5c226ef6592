//! Texts with placeholders, and what they stand for.

use std::collections::BTreeMap;

use phoenix_language::placeholder::{Piece, pieces};
use serde_json::Value;

use super::vault::Vault;

/// A text of the description.
#[derive(Clone, Debug)]
pub(super) struct Template(pub(super) String);

/// What names stand for while one canary is written or read.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    named: BTreeMap<String, Value>,
    /// Bytes of the canary's file.
    pub(super) file: Option<Vec<u8>>,
}

impl Values {
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.named.insert(name.to_owned(), value.into());
    }

    /// The same, with one name more.
    pub(super) fn with(&self, name: &str, value: impl Into<Value>) -> Self {
        let mut all = self.clone();
        all.set(name, value);
        all
    }

    /// Takes over what an earlier answer gave.
    pub(super) fn take(&mut self, reference: &Value) {
        for (name, value) in reference.as_object().into_iter().flatten() {
            self.named.insert(name.clone(), value.clone());
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.named.get(name)
    }

    /// What a file part of a canary without a file holds: its text.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match &self.file {
            Some(bytes) => bytes.clone(),
            None => self
                .get("payload")
                .map(plain)
                .unwrap_or_default()
                .into_bytes(),
        }
    }
}

/// A value as it stands in a text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

impl Template {
    /// The names in it, secrets and variables apart.
    pub(super) fn names(&self) -> Vec<&str> {
        pieces(&self.0)
            .into_iter()
            .filter_map(|piece| match piece {
                Piece::Name { name, .. } if !name.contains(':') => Some(name),
                _ => None,
            })
            .collect()
    }

    /// The text with its placeholders replaced.
    ///
    /// # Errors
    /// Which name stands for nothing.
    pub(super) fn fill(&self, values: &Values, vault: &Vault) -> Result<String, String> {
        self.filled(values, vault, |value, _| value)
    }

    /// As [`Template::fill`], for a path: what is replaced is encoded, unless it is the whole path:
    /// a link that an answer gave.
    pub(super) fn fill_path(&self, values: &Values, vault: &Vault) -> Result<String, String> {
        if matches!(pieces(&self.0).as_slice(), [Piece::Name { .. }]) {
            return self.fill(values, vault);
        }
        self.filled(values, vault, |value, before| {
            encoded(&value, before.contains('?'))
        })
    }

    /// As JSON: a text that is one placeholder keeps the kind of value that it had, so that a
    /// number stays a number.
    pub(super) fn fill_json(&self, values: &Values, vault: &Vault) -> Result<Value, String> {
        if let [Piece::Name { name, .. }] = pieces(&self.0).as_slice()
            && let Some(value) = values.get(name)
        {
            return Ok(value.clone());
        }
        self.fill(values, vault).map(Value::String)
    }

    fn filled(
        &self,
        values: &Values,
        vault: &Vault,
        dress: impl Fn(String, &str) -> String,
    ) -> Result<String, String> {
        let mut text = String::new();
        for piece in pieces(&self.0) {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Name { name, .. } => {
                    let value = match vault.value(name) {
                        Some(secret) => secret?,
                        None => values
                            .get(name)
                            .map(plain)
                            .ok_or_else(|| format!("nobody knows `{name}` by now"))?,
                    };
                    let value = dress(value, &text);
                    text.push_str(&value);
                }
            }
        }
        Ok(text)
    }
}

/// The texts of a JSON body, at any depth, with their placeholders replaced.
pub(super) fn fill_deep(value: &Value, values: &Values, vault: &Vault) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Template(text.clone()).fill_json(values, vault)?,
        Value::Array(items) => items
            .iter()
            .map(|item| fill_deep(item, values, vault))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Value::Object(entries) => {
            let mut filled = serde_json::Map::new();
            for (key, value) in entries {
                filled.insert(key.clone(), fill_deep(value, values, vault)?);
            }
            filled.into()
        }
        other => other.clone(),
    })
}

/// A value in a path, or in a query behind it: nothing in it can end its part of the address.
fn encoded(value: &str, in_query: bool) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        let stays = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~')
            || (byte == b'/' && !in_query);
        if stays {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Template, Values, fill_deep};
    use crate::http::vault::Vault;

    fn values() -> Values {
        let mut values = Values::default();
        values.take(&json!({"id": 7, "name": "a b&c/ü", "link": "/e/1?x=1"}));
        values
    }

    #[test]
    fn paths_keep_their_parts_apart() {
        let vault = Vault::default();
        let path = |text: &str| Template(text.to_owned()).fill_path(&values(), &vault);
        assert_eq!(path("/e/${id}").as_deref(), Ok("/e/7"));
        assert_eq!(path("/e/${name}").as_deref(), Ok("/e/a%20b%26c/%C3%BC"));
        assert_eq!(
            path("/e?q=${name}").as_deref(),
            Ok("/e?q=a%20b%26c%2F%C3%BC")
        );
        assert_eq!(path("${link}").as_deref(), Ok("/e/1?x=1"));
        assert!(path("/e/${nothing}").is_err());
    }

    #[test]
    fn numbers_stay_numbers_in_json() {
        let vault = Vault::default();
        let body = json!({"id": "${id}", "words": ["no ${id}"], "flag": true});
        assert_eq!(
            fill_deep(&body, &values(), &vault),
            Ok(json!({"id": 7, "words": ["no 7"], "flag": true}))
        );
    }
}
