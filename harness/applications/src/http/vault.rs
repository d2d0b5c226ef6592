//! Secrets of a description: where their values come from, and that none gets out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use base64::Engine as _;

/// Shortest cookie or token that is kept out of what is shown: `1` and `dark` are no secrets, and
/// hiding them would make every answer unreadable.
const LEAST_GIVEN: usize = 8;

/// Values that nobody may read.
#[derive(Default)]
pub(super) struct Vault {
    /// What the driver handed over, by `secret:NAME` and `env:NAME`.
    access: BTreeMap<String, String>,
    /// Every form in which a value may come back to be shown; longest first.
    hidden: Mutex<BTreeSet<Hidden>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hidden {
    shorter_by: usize,
    text: String,
}

impl Vault {
    pub(super) fn new(access: &BTreeMap<String, String>) -> Self {
        let vault = Self {
            access: access.clone(),
            hidden: Mutex::default(),
        };
        for value in access.values() {
            vault.hide(value);
        }
        vault
    }

    /// The value of `secret:NAME` or `env:NAME`; `None` for a name of another kind.
    ///
    /// A variable that the driver does not set is one of phoenix's own environment.
    pub(super) fn value(&self, name: &str) -> Option<Result<String, String>> {
        let variable = name.strip_prefix("env:");
        if variable.is_none() && !name.starts_with("secret:") {
            return None;
        }
        let found = self
            .access
            .get(name)
            .cloned()
            .or_else(|| std::env::var(variable?).ok());
        Some(match found {
            Some(value) => {
                self.hide(&value);
                Ok(value)
            }
            None => Err(match variable {
                Some(variable) => {
                    format!("the variable {variable} is not set: set it where phoenix is started")
                }
                None => format!("the environment has no value for `{name}`"),
            }),
        })
    }

    /// Keeps a value out of everything that is shown from now on.
    pub(super) fn hide(&self, value: &str) {
        if value.is_empty() {
            return;
        }
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let quoted = serde_json::Value::String(value.to_owned()).to_string();
        let forms = [
            value.to_owned(),
            encoded.replace('+', "%20"),
            encoded,
            quoted.trim_matches('"').to_owned(),
            base64::engine::general_purpose::STANDARD.encode(value),
        ];
        if let Ok(mut hidden) = self.hidden.lock() {
            hidden.extend(forms.into_iter().map(|text| Hidden {
                shorter_by: usize::MAX - text.len(),
                text,
            }));
        }
    }

    /// As [`Vault::hide`], for what a server gave: a cookie, a token.
    pub(super) fn hide_given(&self, value: &str) {
        if value.len() >= LEAST_GIVEN {
            self.hide(value);
        }
    }

    /// A text that may be shown.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        if let Ok(hidden) = self.hidden.lock() {
            for one in hidden.iter() {
                if clean.contains(&one.text) {
                    clean = clean.replace(&one.text, "…");
                }
            }
        }
        clean
    }

    /// As [`Vault::clean`], for what a canary was read as. A short value could stand in a payload
    /// by chance, and what was read well must stay as it is.
    pub(super) fn clean_content(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        if let Ok(hidden) = self.hidden.lock() {
            for one in hidden.iter().filter(|one| one.text.len() >= LEAST_GIVEN) {
                if clean.contains(&one.text) {
                    clean = clean.replace(&one.text, "…");
                }
            }
        }
        clean
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Vault;

    #[test]
    fn no_form_of_a_secret_is_shown() {
        let secret = "s3cr\"t &ü";
        let vault = Vault::new(&BTreeMap::from([(
            "secret:admin".to_owned(),
            secret.to_owned(),
        )]));
        assert_eq!(vault.value("secret:admin"), Some(Ok(secret.to_owned())));
        for shown in [
            "p=s3cr\"t &ü.",
            "p=s3cr%22t+%26%C3%BC.",
            "p=s3cr%22t%20%26%C3%BC.",
            "p=s3cr\\\"t &ü.",
            "p=czNjciJ0ICbDvA==.",
        ] {
            assert_eq!(vault.clean(shown), "p=….");
        }
        assert_eq!(vault.value("id"), None);
        let unknown = vault.value("secret:other").expect("a secret");
        assert!(unknown.is_err_and(|why| why.contains("secret:other")));
        let unset = vault
            .value("env:PHOENIX_TEST_IS_NOT_SET")
            .expect("a variable");
        assert!(unset.is_err_and(|why| why.contains("PHOENIX_TEST_IS_NOT_SET")));
    }
}
