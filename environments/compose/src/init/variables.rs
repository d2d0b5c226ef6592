//! The variables that Compose files ask for, and which of them are secrets by their names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::project::sources;

/// A variable of Compose files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Variable {
    /// Whether a file gives a value for when it is not set.
    pub(super) has_default: bool,
}

/// The variables of Compose files and of the files that those extend or include.
pub(super) fn of_files(files: &[PathBuf]) -> BTreeMap<String, Variable> {
    let mut found = BTreeMap::new();
    // A file that is none is refused when the tool is asked.
    for read in sources::trees(files) {
        if let Ok(tree) = &read.tree {
            collect(tree, &mut found);
        }
    }
    found
}

fn collect(value: &Value, found: &mut BTreeMap<String, Variable>) {
    match value {
        Value::String(text) => of_text(text, found),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(entries) => entries.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

fn of_text(text: &str, found: &mut BTreeMap<String, Variable>) {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let from = braced.unwrap_or(rest);
        let len = from
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(from.len());
        let (name, after) = from.split_at(len);
        rest = from;
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        let known = found.entry(name.to_owned()).or_default();
        if braced.is_some() {
            let after = after.strip_prefix(':').unwrap_or(after);
            known.has_default |= after.starts_with('-');
        }
        rest = after;
    }
}

/// Words by which a name says that its value is for nobody to read.
const SECRET: [&str; 15] = [
    "APIKEY",
    "CREDENTIALS",
    "JWT",
    "KEY",
    "KEYS",
    "MASTERKEY",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PEPPER",
    "PWD",
    "SALT",
    "SECRET",
    "TOKEN",
];

/// Last words of a name that is about a secret, and holds none.
const ABOUT: [&str; 12] = [
    "ALGORITHM",
    "ENABLED",
    "EXPIRY",
    "FILE",
    "HOST",
    "ID",
    "LENGTH",
    "NAME",
    "PATH",
    "PORT",
    "TTL",
    "URL",
];

fn words(name: &str) -> Vec<String> {
    name.to_uppercase()
        .split(['_', '-', '.'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a variable holds a secret, by its name.
pub(super) fn is_secret(name: &str) -> bool {
    let words = words(name);
    let says = words.iter().any(|word| {
        SECRET.contains(&word.as_str()) || word.ends_with("PASSWORD") || word.ends_with("SECRET")
    });
    says && !words
        .last()
        .is_some_and(|last| ABOUT.contains(&last.as_str()))
}

/// Whether a secret may be what data is sealed with, by its name: its loss makes that data
/// unreadable, which the loss of a password does not.
pub(super) fn may_seal(name: &str) -> bool {
    let words = words(name);
    let is = |word: &str| words.iter().any(|one| one == word);
    let seals = ["KEY", "KEYS", "MASTERKEY", "PEPPER", "SALT", "SECRET"]
        .iter()
        .any(|word| is(word));
    let opens = [
        "ACCESS", "API", "AWS", "CLIENT", "MINIO", "OAUTH", "OIDC", "PASSWORD", "PUBLIC", "S3",
        "SMTP", "TOKEN",
    ]
    .iter()
    .any(|word| is(word));
    seals && !opens
}

/// Whether a value carries a password within a URL.
pub(super) fn has_password(value: &str) -> bool {
    value
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'))
        .is_some_and(|(who, _)| {
            !who.contains('/')
                && who
                    .split_once(':')
                    .is_some_and(|(_, word)| !word.is_empty())
        })
}

/// A value that is told again wherever it arrives.
pub(super) fn mark(name: &str) -> String {
    format!("phx0{name}0xhp")
}

/// The variables whose marks a text carries.
pub(super) fn marked<'v>(text: &str, names: impl Iterator<Item = &'v String>) -> Vec<&'v str> {
    names
        .filter(|name| text.contains(&mark(name)))
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_as_the_tool_reads_them() {
        let mut found = BTreeMap::new();
        of_text(
            "$A ${B} ${C:-d} ${D-${E}} ${F:?set it} $$NOT $${NEITHER} ${1} 100$",
            &mut found,
        );
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", "B", "C", "D", "E", "F"]);
        assert!(found["C"].has_default && found["D"].has_default && !found["B"].has_default);
        assert!(!found["F"].has_default && !found["A"].has_default);
    }

    #[test]
    fn a_secret_says_so() {
        for name in [
            "DB_PASSWORD",
            "POSTGRES_PASS",
            "APP_KEY",
            "JWT_SECRET",
            "GITEA__database__PASSWD",
            "WORDPRESS_AUTH_SALT",
            "MYSQL_ROOT_PASSWORD",
            "SMTP_TOKEN",
            "MINIO_SECRET_KEY",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "DB_PASSWORD_FILE",
            "KEYCLOAK_URL",
            "OIDC_CLIENT_ID",
            "MONKEY",
            "PASSENGER_PORT",
            "SECRET_NAME",
            "TAG",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        assert!(may_seal("APP_KEY") && may_seal("SECRET_KEY_BASE") && may_seal("MASTERKEY"));
        assert!(!may_seal("S3_SECRET_KEY") && !may_seal("DB_PASSWORD"));
        assert!(!may_seal("STRIPE_API_KEY") && !may_seal("OIDC_CLIENT_SECRET"));
        assert!(has_password("postgres://gitea:word@db/gitea"));
        assert!(!has_password("http://db:5432/x") && !has_password("https://a@b/"));
    }
}
