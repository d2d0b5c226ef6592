//! Variables and `config.json`: what is set by a variable wins over the file; keys that neither
//! sets are generated and kept in the file.

use std::path::Path;

use serde_json::{Map, Value, json};
use url::Url;

use crate::platform::{BootError, Platform};
use crate::shared::text::random_from;

/// Characters of generated keys.
const KEY: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Keys that are generated when nobody sets them: section, name.
const KEYS: [(&str, &str); 3] = [
    ("SqlSettings", "AtRestEncryptKey"),
    ("FileSettings", "PublicLinkSalt"),
    ("EmailSettings", "InviteSalt"),
];

/// What the server runs with.
pub(super) struct Configuration {
    pub(super) site_url: String,
    pub(super) open_server: bool,
    pub(super) user_access_tokens: bool,
    pub(super) public_links: bool,
    pub(super) rate_limit: bool,
    /// Bytes that one file may have.
    pub(super) max_file_size: u64,
    pub(super) public_link_salt: String,
    pub(super) file_driver: String,
    pub(super) bucket: BucketSettings,
    pub(super) gitlab: GitLabSettings,
}

/// `FileSettings.AmazonS3*`.
pub(super) struct BucketSettings {
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) region: String,
}

/// `GitLabSettings`.
pub(super) struct GitLabSettings {
    pub(super) enabled: bool,
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) scope: String,
    pub(super) auth_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) user_endpoint: String,
}

impl Configuration {
    /// Reads variables and the file; writes the file where it lacks a key.
    ///
    /// # Errors
    /// A data source that is no URL, a site URL that is none, a file that is no JSON or cannot be
    /// written.
    pub(super) fn read(platform: &Platform) -> Result<Self, BootError> {
        let file = read_file(&platform.config.join("config.json"))?;
        let setting = |section: &str, name: &str| -> Option<String> {
            let variable = format!("MM_{section}_{name}").to_uppercase();
            platform.env.get(&variable).cloned().or_else(|| {
                file.get(section)?.get(name).map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            })
        };
        let text = |section: &str, name: &str| setting(section, name).unwrap_or_default();
        let flag = |section: &str, name: &str| {
            setting(section, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        data_source(&text("SqlSettings", "DataSource"))?;
        let site_url = text("ServiceSettings", "SiteURL")
            .trim_end_matches('/')
            .to_owned();
        if !site_url.is_empty() && Url::parse(&site_url).is_err() {
            return Err(BootError::Configuration(
                "Config.IsValid: model.config.is_valid.site_url.app_error, Must be a valid URL and \
                 start with http:// or https://."
                    .to_owned(),
            ));
        }
        Ok(Self {
            site_url,
            open_server: flag("TeamSettings", "EnableOpenServer"),
            user_access_tokens: flag("ServiceSettings", "EnableUserAccessTokens"),
            public_links: flag("FileSettings", "EnablePublicLink"),
            rate_limit: flag("RateLimitSettings", "Enable"),
            max_file_size: text("FileSettings", "MaxFileSize")
                .parse()
                .unwrap_or(100 * 1024 * 1024),
            public_link_salt: text("FileSettings", "PublicLinkSalt"),
            file_driver: setting("FileSettings", "DriverName")
                .unwrap_or_else(|| "local".to_owned()),
            bucket: BucketSettings {
                key: text("FileSettings", "AmazonS3AccessKeyId"),
                secret: text("FileSettings", "AmazonS3SecretAccessKey"),
                name: text("FileSettings", "AmazonS3Bucket"),
                endpoint: text("FileSettings", "AmazonS3Endpoint"),
                region: setting("FileSettings", "AmazonS3Region")
                    .unwrap_or_else(|| "us-east-1".to_owned()),
            },
            gitlab: GitLabSettings {
                enabled: flag("GitLabSettings", "Enable"),
                id: text("GitLabSettings", "Id"),
                secret: text("GitLabSettings", "Secret"),
                scope: text("GitLabSettings", "Scope"),
                auth_endpoint: text("GitLabSettings", "AuthEndpoint"),
                token_endpoint: text("GitLabSettings", "TokenEndpoint"),
                user_endpoint: text("GitLabSettings", "UserAPIEndpoint"),
            },
        })
    }
}

/// `SqlSettings.DataSource` in its parts.
pub struct DataSource {
    /// Name or address of the server.
    pub host: String,
    /// Its port; 5432 where none is given.
    pub port: u16,
    /// Role.
    pub user: String,
    /// The role's password.
    pub password: String,
    /// Database.
    pub database: String,
    /// `sslmode`; `require` where none is given, as the driver has it.
    pub ssl_mode: String,
}

/// A data source has to parse as a URL, as strictly as Go's parser takes it: a password with
/// characters that mean something in a URL has to be escaped.
///
/// # Errors
/// [`BootError::Configuration`] in the server's words.
pub fn data_source(text: &str) -> Result<DataSource, BootError> {
    let refused = |why: &str| {
        BootError::Configuration(format!(
            "failed to load configuration: could not parse data source: {why}"
        ))
    };
    let Some(rest) = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
    else {
        return Err(refused("not a postgres URL"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%@".contains(&byte);
    if !userinfo.bytes().all(plain) {
        return Err(refused("net/url: invalid userinfo"));
    }
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("invalid port after host"));
    }
    if host.is_empty() || rest.len() == authority.len() {
        return Err(refused("no database host"));
    }
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let unescaped =
        |text: &str| unescaped(text).ok_or_else(|| refused("invalid URL escape in the userinfo"));
    let after = &rest[authority.len()..];
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    let ssl_mode = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "sslmode")
        .map_or_else(|| "require".to_owned(), |(_, value)| value.into_owned());
    Ok(DataSource {
        host: host
            .strip_suffix(port)
            .map_or(host, |host| host.trim_end_matches(':'))
            .to_owned(),
        port: if port.is_empty() {
            5432
        } else {
            port.parse()
                .map_err(|_| refused("invalid port after host"))?
        },
        user: unescaped(user)?,
        password: unescaped(password)?,
        database: unescaped(path.trim_start_matches('/'))?,
        ssl_mode,
    })
}

/// Text without its percent escapes; `None` where one is none.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// The file, with every generated key in it.
fn read_file(path: &Path) -> Result<Value, BootError> {
    let failed = |why: String| {
        BootError::Configuration(format!(
            "failed to load configuration {}: {why}",
            path.display()
        ))
    };
    let mut file = match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|why| failed(why.to_string()))?,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => json!({}),
        Err(why) => return Err(failed(why.to_string())),
    };
    let Some(sections) = file.as_object_mut() else {
        return Err(failed("it is no JSON object".to_owned()));
    };
    let mut generated = false;
    for (section, name) in KEYS {
        let section = sections
            .entry(section)
            .or_insert_with(|| Value::Object(Map::new()));
        if section
            .get(name)
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            section[name] = random_from(KEY, 32).into();
            generated = true;
        }
    }
    if generated {
        let text = serde_json::to_string_pretty(&file).unwrap_or_default();
        std::fs::write(path, text).map_err(|why| failed(why.to_string()))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::data_source;

    #[test]
    fn a_password_has_to_be_escaped() {
        let source = data_source("postgres://mm:pa%2Fss@db:5433/mattermost?sslmode=disable")
            .unwrap_or_else(|words| panic!("{words}"));
        assert_eq!((source.host.as_str(), source.port), ("db", 5433));
        assert_eq!(
            (source.user.as_str(), source.password.as_str()),
            ("mm", "pa/ss")
        );
        assert_eq!(
            (source.database.as_str(), source.ssl_mode.as_str()),
            ("mattermost", "disable")
        );
        let refused = |text: &str| data_source(text).err().map(|words| words.to_string());
        let words = refused("postgres://mm:pa<ss@db:5432/mattermost").unwrap_or_default();
        assert!(words.contains("invalid userinfo"), "{words}");
        let words = refused("postgres://mm:pa/ss@db:5432/mattermost").unwrap_or_default();
        assert!(words.contains("invalid port"), "{words}");
        assert!(data_source("mysql://x").is_err());
    }
}
