//! Variables of the image, and the file of generated secrets.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::platform::{BootError, Platform};
use crate::shared::text::token;

/// Names of the image before 12.x, and what replaced each.
const RENAMED: [(&str, &str); 8] = [
    ("DB_HOST", "SETTING_REMOTE_POSTGRES_HOST"),
    ("DB_HOST_PORT", "SETTING_REMOTE_POSTGRES_PORT"),
    ("DB_USER", "CONFIG_postgresql__database_user"),
    ("DB_NAME", "CONFIG_postgresql__database_name"),
    ("DISABLE_HTTPS", "CERTIFICATES"),
    ("SSL_CERTIFICATE_GENERATION", "CERTIFICATES"),
    (
        "NGINX_WORKERS",
        "CONFIG_application_server__nginx_worker_connections",
    ),
    ("SETTING_RABBITMQ_USER", "SETTING_RABBITMQ_USERNAME"),
];
/// Without these the container does not start.
const REQUIRED: [&str; 2] = ["SETTING_EXTERNAL_HOST", "SETTING_ZULIP_ADMINISTRATOR"];
/// Where the certificate comes from; empty is plain http.
const CERTIFICATES: [&str; 4] = ["", "self-signed", "manual", "certbot"];
/// Generated where the file lacks them and no variable sets them.
const GENERATED: [&str; 4] = ["secret_key", "avatar_salt", "shared_secret", "camo_key"];

/// What the server runs with.
pub(super) struct Configuration {
    pub(super) external_host: String,
    /// `https` when a certificate is here or at the load balancer in front.
    pub(super) https: bool,
    pub(super) load_balancers: Vec<String>,
    pub(super) email_backend: bool,
    /// Whether people may log in through the provider.
    pub(super) oidc: Option<OidcSettings>,
    pub(super) rate_limiting: bool,
    pub(super) secret_key: String,
    pub(super) bucket: Option<BucketSettings>,
}

/// One provider of `SOCIAL_AUTH_OIDC_ENABLED_IDPS`.
pub(super) struct OidcSettings {
    /// Its key in the dictionary.
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) secret: String,
    pub(super) auto_signup: bool,
}

/// `S3_*` settings.
pub(super) struct BucketSettings {
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) key: String,
    pub(super) secret: String,
}

impl Configuration {
    /// Reads variables and secrets; writes the secrets that are missing.
    ///
    /// # Errors
    /// A renamed or missing variable, a dictionary that does not parse, a secrets file that cannot
    /// be read or written.
    pub(super) fn read(platform: &Platform) -> Result<Self, BootError> {
        let env = &platform.env;
        for (old, new) in RENAMED {
            if env.contains_key(old) {
                return Err(BootError::Configuration(format!(
                    "'{old}' was replaced by '{new}' in 12.x"
                )));
            }
        }
        let get = |name: &str| env.get(name).filter(|value| !value.is_empty());
        for name in REQUIRED {
            if get(name).is_none() {
                return Err(BootError::Configuration(format!("{name} is not set")));
            }
        }
        let text = |name: &str| get(name).cloned().unwrap_or_default();
        let certificates = text("CERTIFICATES");
        if !CERTIFICATES.contains(&certificates.as_str()) {
            return Err(BootError::Configuration(format!(
                "Unknown value for CERTIFICATES: {certificates}"
            )));
        }
        let secrets = secrets(&platform.files.join("zulip-secrets.conf"), env)?;
        let secret = |name: &str| secrets.get(name).cloned().unwrap_or_default();
        let backends = text("ZULIP_AUTH_BACKENDS");
        let has = |name: &str| backends.split(',').any(|one| one.trim() == name);
        let load_balancers: Vec<String> = text("LOADBALANCER_IPS")
            .split(',')
            .map(|one| one.trim().to_owned())
            .filter(|one| !one.is_empty())
            .collect();
        let oidc = match get("SETTING_SOCIAL_AUTH_OIDC_ENABLED_IDPS") {
            Some(dictionary) if has("GenericOpenIdConnectBackend") => Some(provider(dictionary)?),
            _ => None,
        };
        Ok(Self {
            external_host: text("SETTING_EXTERNAL_HOST"),
            https: !certificates.is_empty() || !load_balancers.is_empty(),
            load_balancers,
            email_backend: backends.is_empty() || has("EmailAuthBackend"),
            oidc,
            rate_limiting: get("SETTING_RATE_LIMITING")
                .is_none_or(|value| !value.eq_ignore_ascii_case("false")),
            secret_key: secret("secret_key"),
            bucket: get("SETTING_S3_AUTH_UPLOADS_BUCKET").map(|name| BucketSettings {
                endpoint: text("SETTING_S3_ENDPOINT_URL"),
                region: get("SETTING_S3_REGION")
                    .cloned()
                    .unwrap_or_else(|| "us-east-1".to_owned()),
                name: name.clone(),
                key: secret("s3_key"),
                secret: secret("s3_secret_key"),
            }),
        })
    }

    /// The address of the server, without a slash at its end.
    pub(super) fn base(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}", self.external_host)
    }
}

/// Generated and given secrets: a variable wins, then the file, then a new one.
fn secrets(
    path: &Path,
    env: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BootError> {
    let text = if path.exists() {
        read(path)?
    } else {
        String::new()
    };
    let mut secrets: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let before = secrets.clone();
    for (name, value) in env {
        let Some(name) = name.strip_prefix("SECRETS_") else {
            continue;
        };
        let (name, value) = match name.strip_suffix("_FILE") {
            Some(name) => (name, read(Path::new(value))?.trim_end().to_owned()),
            None => (name, value.clone()),
        };
        if value.contains('\n') {
            return Err(BootError::Configuration(format!(
                "ERROR: Secret \"{name}\" contains a newline!"
            )));
        }
        secrets.insert(name.to_owned(), value);
    }
    for name in GENERATED {
        secrets.entry(name.to_owned()).or_insert_with(|| token(32));
    }
    if secrets != before {
        let lines: Vec<String> = secrets
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let text = format!("[secrets]\n{}\n", lines.join("\n"));
        write(path, &text).map_err(|why| unusable(path, &why))?;
    }
    Ok(secrets)
}

fn unusable(path: &Path, why: &std::io::Error) -> BootError {
    BootError::Configuration(format!("{} cannot be used: {why}", path.display()))
}

fn read(path: &Path) -> Result<String, BootError> {
    std::fs::read_to_string(path).map_err(|why| unusable(path, &why))
}

/// Writes what only the owner and the group may read.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o640);
    options.open(path)?.write_all(text.as_bytes())
}

/// A literal of Python in JSON: `True` and single quotes are usual, commas before an end allowed.
fn json_of(python: &str) -> String {
    let mut json = String::new();
    let mut rest = python.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => {
                let mut text = String::new();
                while let Some(inner) = rest.next() {
                    match inner {
                        '\\' => text.extend(rest.next()),
                        inner if inner == c => break,
                        inner => text.push(inner),
                    }
                }
                json.push_str(&Value::String(text).to_string());
            }
            '}' | ']' => {
                if json.trim_end().ends_with(',') {
                    json.truncate(json.trim_end().len() - 1);
                }
                json.push(c);
            }
            c if c.is_alphabetic() => {
                let mut word = String::from(c);
                while let Some(next) = rest.next_if(|next| next.is_alphabetic()) {
                    word.push(next);
                }
                json.push_str(match word.as_str() {
                    "True" => "true",
                    "False" => "false",
                    "None" => "null",
                    other => other,
                });
            }
            c => json.push(c),
        }
    }
    json
}

/// The first provider of the dictionary.
fn provider(dictionary: &str) -> Result<OidcSettings, BootError> {
    let json = json_of(dictionary);
    let wrong = |why: &str| {
        BootError::Configuration(format!(
            "SETTING_SOCIAL_AUTH_OIDC_ENABLED_IDPS is no dictionary of providers: {why}"
        ))
    };
    let all: Value = serde_json::from_str(&json).map_err(|why| wrong(&why.to_string()))?;
    let (name, one) = all
        .as_object()
        .and_then(|all| all.iter().next())
        .ok_or_else(|| wrong("it is empty"))?;
    let text = |key: &str| {
        one.get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| wrong(&format!("{name} has no {key}")))
    };
    Ok(OidcSettings {
        name: name.clone(),
        display_name: text("display_name").unwrap_or_else(|_| name.clone()),
        issuer: text("oidc_url")?,
        client_id: text("client_id")?,
        secret: text("secret")?,
        auto_signup: one
            .get("auto_signup")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::provider;

    #[test]
    fn a_python_dictionary_is_read() {
        let one = provider(
            "{'zitadel': {'oidc_url': 'https://id', 'client_id': \"c\", 'secret': 'it\\'sTrue\"', \
             'extra_params': None, 'auto_signup': True,}}",
        )
        .expect("a provider");
        assert_eq!(one.secret, "it'sTrue\"");
        assert_eq!(
            (one.name.as_str(), one.issuer.as_str()),
            ("zitadel", "https://id")
        );
        assert!(one.auto_signup);
        assert!(provider("{}").is_err());
        assert!(provider("{\"zitadel\": {}}").is_err());
    }
}
