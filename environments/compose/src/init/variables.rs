//! The variables that Compose files ask for, and which of them are secrets: by their names, or by
//! what they are handed to.

use std::collections::BTreeMap;

use super::uses::Variable;

/// What stands for a variable that somebody has to set before the files can be read at all, where a
/// text may not stand: it is a number and a tag.
const STANDS_FOR: &str = "1";

/// Ports that stand for ports that nobody has set, from here on.
const PORTS_FROM: u16 = 64_000;

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
const ABOUT: [&str; 31] = [
    "ALGORITHM",
    "BUCKET",
    "DATABASE",
    "DAYS",
    "DB",
    "DIR",
    "ENABLED",
    "EXPIRATION",
    "EXPIRE",
    "EXPIRES",
    "EXPIRY",
    "FILE",
    "HOST",
    "HOURS",
    "ID",
    // EXPIRES_IN
    "IN",
    "LENGTH",
    "LOCATION",
    "MINUTES",
    "NAME",
    "PATH",
    "PORT",
    "ROTATION",
    "SECONDS",
    "TAG",
    "TTL",
    "URI",
    "URL",
    "USER",
    "VERSION",
    "VOLUME",
];

pub(super) fn words(name: &str) -> Vec<String> {
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

/// Whether a variable is a secret: what it is handed to says so, or its own name. What is a name or
/// a place in the files, and what has a setting as its default, is none.
pub(super) fn holds_secret(name: &str, variable: &Variable) -> bool {
    let says = is_secret(name) || (variable.feeds_secret() && !variable.may_be_empty());
    says && !variable.is_name() && !variable.defaults.iter().any(|one| is_setting(one))
}

/// Whether data may be sealed with a variable that is a secret.
pub(super) fn seals(name: &str, variable: &Variable) -> bool {
    may_seal(name) || (!is_secret(name) && variable.keys.iter().any(|key| may_seal(key)))
}

/// Whether a text is a number, a truth value or a duration.
fn is_setting(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'']).to_lowercase();
    let truth = ["true", "false", "yes", "no", "on", "off"].contains(&text.as_str());
    let unit = |word: &str| {
        let units = [
            "", "ms", "s", "sec", "m", "min", "h", "d", "day", "days", "w", "y",
        ];
        units.contains(&word)
    };
    let begins = text.starts_with(|first: char| first.is_ascii_digit());
    let words = text.split(|letter: char| letter.is_ascii_digit() || " .".contains(letter));
    truth || (begins && words.into_iter().all(unit))
}

/// What stands for variables that nothing sets: a text that is told again where one may stand, a
/// folder before the target of a mount, a port where that is asked for.
pub(super) fn stand_in(name: &str, variable: &Variable, at: usize) -> String {
    if variable.is_port() {
        PORTS_FROM
            .saturating_add(at.try_into().unwrap_or(0))
            .to_string()
    } else if variable.is_path() {
        format!("./{name}")
    } else if variable.is_text() {
        mark(name)
    } else {
        STANDS_FOR.to_owned()
    }
}

/// The variables that nothing sets, by the ports that stand for them.
pub(super) fn stand_in_ports(given: &BTreeMap<String, String>) -> BTreeMap<u16, String> {
    let ports = given.iter().filter_map(|(name, value)| {
        let port: u16 = value.parse().ok()?;
        (port >= PORTS_FROM).then(|| (port, name.clone()))
    });
    ports.collect()
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

/// The variable whose mark a text carries first: what the text says is not known.
pub(super) fn unknown(text: &str) -> Option<&str> {
    let from = text.find("phx0")? + "phx0".len();
    let len = text[from..].find("0xhp")?;
    Some(&text[from..from + len])
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
    fn a_setting_is_no_secret() {
        for text in ["30", "1h", "7 days", "1h30m", "true", "0.5", "\"off\""] {
            assert!(is_setting(text), "{text}");
        }
        for text in ["", "hunter2", "5up3r", "changeme", "keys", "1hunter"] {
            assert!(!is_setting(text), "{text}");
        }
    }

    #[test]
    fn a_mark_is_told_again() {
        let text = format!("postgres://x/{}", mark("DB_NAME"));
        assert_eq!(unknown(&text), Some("DB_NAME"));
        assert_eq!(unknown("phx0"), None);
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
            "ACCESS_TOKEN_EXPIRE_MINUTES",
            "JWT_EXPIRES_IN",
            "KEY_ROTATION",
            "KEY_DB",
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
