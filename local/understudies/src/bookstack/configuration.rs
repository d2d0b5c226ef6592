//! BookStack's environment variables, by the names that its images read.

use std::collections::BTreeMap;
use std::path::Path;

use super::sealing::Key;
use crate::platform::{BootError, Platform};

/// What the container prints, and then sleeps for ever (linuxserver image).
const KEY_MISSING: &str = "The application key is missing, halting init!\n\
    You can generate a key with: docker run -it --rm --entrypoint /bin/bash \
    lscr.io/linuxserver/bookstack:latest appkey";

/// `AUTH_METHOD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// Email and password.
    Standard,
    /// OpenID Connect.
    Oidc,
}

/// `OIDC_*`.
#[derive(Clone, Debug)]
pub(super) struct OidcConfiguration {
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) discover: bool,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) authorization_endpoint: Option<String>,
    pub(super) token_endpoint: Option<String>,
    pub(super) userinfo_endpoint: Option<String>,
    /// Where logging out at the provider goes.
    pub(super) end_session_endpoint: EndSession,
    pub(super) additional_scopes: Vec<String>,
    pub(super) display_name_claims: Vec<String>,
    pub(super) external_id_claim: String,
    pub(super) sync_groups: bool,
    pub(super) groups_claim: String,
    pub(super) remove_from_groups: bool,
}

/// `OIDC_END_SESSION_ENDPOINT`: `false`, `true` (use what was discovered), or a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndSession {
    Off,
    Discovered,
    Url(String),
}

/// Where one kind of upload goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StorageKind {
    /// `local`: images under the public folder.
    Local,
    /// `local_secure`, `local_secure_restricted`: images under the private folder.
    LocalSecure,
    /// `s3`.
    S3,
}

/// `STORAGE_S3_*`.
#[derive(Clone, Debug)]
pub(super) struct S3Configuration {
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) bucket: String,
    pub(super) region: String,
    pub(super) endpoint: Option<String>,
}

/// All of it.
pub(super) struct Configuration {
    /// `None`: a key of a wrong length, with which every request is answered 500.
    pub(super) key: Option<Key>,
    /// Without a trailing slash.
    pub(super) app_url: String,
    pub(super) auth_method: AuthMethod,
    pub(super) auto_initiate: bool,
    pub(super) oidc: OidcConfiguration,
    pub(super) image_storage: StorageKind,
    pub(super) attachment_storage: StorageKind,
    pub(super) storage_url: Option<String>,
    pub(super) s3: Option<S3Configuration>,
    /// The theme in use replaces `aud` by `azp` before an ID token is validated.
    pub(super) theme_trims_audience: bool,
    pub(super) api_requests_per_min: u32,
    pub(super) cache_in_database: bool,
    pub(super) sessions_in_database: bool,
    pub(super) bcrypt_cost: u32,
}

impl Configuration {
    /// Reads the variables.
    ///
    /// # Errors
    /// [`BootError::Halted`] without `APP_KEY`, [`BootError::Configuration`] for storage on S3
    /// without a bucket.
    pub(super) fn read(platform: &Platform) -> Result<Self, BootError> {
        let env = Variables(&platform.env);
        let app_key = env
            .get("APP_KEY")
            .ok_or_else(|| BootError::Halted(KEY_MISSING.to_owned()))?;
        let default_storage = env.storage("STORAGE_TYPE").unwrap_or(StorageKind::Local);
        let image_storage = env.storage("STORAGE_IMAGE_TYPE").unwrap_or(default_storage);
        let attachment_storage = env
            .storage("STORAGE_ATTACHMENT_TYPE")
            .unwrap_or(default_storage);
        let on_s3 = [image_storage, attachment_storage].contains(&StorageKind::S3);
        let s3 = if on_s3 { Some(env.s3()?) } else { None };
        let app_url = env
            .get("APP_URL")
            .unwrap_or("http://localhost")
            .trim_end_matches('/');
        Ok(Self {
            key: Key::parse(app_key),
            app_url: app_url.to_owned(),
            auth_method: match env.get("AUTH_METHOD") {
                Some("oidc") => AuthMethod::Oidc,
                _ => AuthMethod::Standard,
            },
            auto_initiate: env.flag("AUTH_AUTO_INITIATE"),
            oidc: env.oidc(),
            image_storage,
            attachment_storage,
            storage_url: env.owned("STORAGE_URL"),
            s3,
            theme_trims_audience: env
                .get("APP_THEME")
                .is_some_and(|name| theme_trims_audience(&platform.config, name)),
            api_requests_per_min: env.number("API_REQUESTS_PER_MIN").unwrap_or(180),
            cache_in_database: env.get("CACHE_DRIVER") == Some("database"),
            sessions_in_database: env.get("SESSION_DRIVER") == Some("database"),
            bcrypt_cost: env.number("BCRYPT_ROUNDS").unwrap_or(10).clamp(4, 14),
        })
    }
}

/// Only non-empty values count, as in PHP where an empty string is falsy.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(ToOwned::to_owned)
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.get(name).and_then(|value| value.parse().ok())
    }

    fn list(&self, name: &str, separator: char) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(separator)
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(String::from)
            .collect()
    }

    fn storage(&self, name: &str) -> Option<StorageKind> {
        match self.get(name)? {
            "s3" => Some(StorageKind::S3),
            "local_secure" | "local_secure_restricted" => Some(StorageKind::LocalSecure),
            _ => Some(StorageKind::Local),
        }
    }

    fn s3(&self) -> Result<S3Configuration, BootError> {
        let required = |name: &str| {
            self.owned(name)
                .ok_or_else(|| BootError::Configuration(format!("{name} is required")))
        };
        Ok(S3Configuration {
            key: required("STORAGE_S3_KEY")?,
            secret: required("STORAGE_S3_SECRET")?,
            bucket: required("STORAGE_S3_BUCKET")?,
            region: self
                .owned("STORAGE_S3_REGION")
                .unwrap_or_else(|| "us-east-1".to_owned()),
            endpoint: self.owned("STORAGE_S3_ENDPOINT"),
        })
    }

    fn oidc(&self) -> OidcConfiguration {
        OidcConfiguration {
            name: self.owned("OIDC_NAME").unwrap_or_else(|| "SSO".to_owned()),
            issuer: self.owned("OIDC_ISSUER").unwrap_or_default(),
            discover: self.flag("OIDC_ISSUER_DISCOVER"),
            client_id: self.owned("OIDC_CLIENT_ID").unwrap_or_default(),
            client_secret: self.owned("OIDC_CLIENT_SECRET").unwrap_or_default(),
            authorization_endpoint: self.owned("OIDC_AUTH_ENDPOINT"),
            token_endpoint: self.owned("OIDC_TOKEN_ENDPOINT"),
            userinfo_endpoint: self.owned("OIDC_USERINFO_ENDPOINT"),
            end_session_endpoint: match self.get("OIDC_END_SESSION_ENDPOINT") {
                None | Some("false") => EndSession::Off,
                Some("true") => EndSession::Discovered,
                Some(url) => EndSession::Url(url.to_owned()),
            },
            additional_scopes: self.list("OIDC_ADDITIONAL_SCOPES", ','),
            display_name_claims: match self.get("OIDC_DISPLAY_NAME_CLAIMS") {
                Some(_) => self.list("OIDC_DISPLAY_NAME_CLAIMS", '|'),
                None => vec!["name".to_owned()],
            },
            external_id_claim: self
                .owned("OIDC_EXTERNAL_ID_CLAIM")
                .unwrap_or("sub".to_owned()),
            sync_groups: self.flag("OIDC_USER_TO_GROUPS"),
            groups_claim: self
                .owned("OIDC_GROUPS_CLAIM")
                .unwrap_or("groups".to_owned()),
            remove_from_groups: self.flag("OIDC_REMOVE_FROM_GROUPS"),
        }
    }
}

/// A theme is a folder of PHP. The understudy runs none of it: it reads whether `functions.php`
/// listens to the one event by which operators cut Zitadel's audience list down.
fn theme_trims_audience(config: &Path, name: &str) -> bool {
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return false;
    }
    let functions = config.join("themes").join(name).join("functions.php");
    std::fs::read_to_string(functions).is_ok_and(|text| text.contains("OIDC_ID_TOKEN_PRE_VALIDATE"))
}
