//! Variables of the image, and the file of generated secrets.

use std::collections::BTreeMap;
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
            https: get("CERTIFICATES").is_some() || !load_balancers.is_empty(),
            load_balancers,
            email_backend: backends.is_empty() || has("EmailAuthBackend"),
            oidc,
            rate_limiting: get("SETTING_RATE_LIMITING").is_none_or(|value| value != "False"),
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
    let failed = |why: std::io::Error| {
        BootError::Configuration(format!("{} cannot be used: {why}", path.display()))
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(why) => return Err(failed(why)),
    };
    let mut secrets: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let before = secrets.clone();
    for (name, value) in env {
        if let Some(name) = name.strip_prefix("SECRETS_") {
            secrets.insert(name.to_owned(), value.clone());
        }
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
        std::fs::write(path, text).map_err(failed)?;
    }
    Ok(secrets)
}

/// The first provider of the dictionary. It is Python: `True` and single quotes are usual.
fn provider(dictionary: &str) -> Result<OidcSettings, BootError> {
    let json = dictionary
        .replace('\'', "\"")
        .replace("True", "true")
        .replace("False", "false");
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
            "{'zitadel': {'oidc_url': 'https://id', 'client_id': 'c', 'secret': 's', \
             'auto_signup': True}}",
        )
        .expect("a provider");
        assert_eq!(
            (one.name.as_str(), one.issuer.as_str()),
            ("zitadel", "https://id")
        );
        assert!(one.auto_signup);
        assert!(provider("{}").is_err());
        assert!(provider("{\"zitadel\": {}}").is_err());
    }
}
