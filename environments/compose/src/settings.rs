//! What the environment file says of the Compose files, the variables and the stores in them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Service, Stack, Store};
use phoenix_kit::Secrets;
use phoenix_language::value::Egress;
use serde::Deserialize;

use crate::project::guard::{Fill, Remap};
use crate::project::sources;

/// How long a service may take to be well where the file does not say.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// How long what lies behind a healthy service may fail where the file does not say.
const SERVES_WITHIN: Duration = Duration::from_secs(15);

/// Length of a value that stands for one of a run, in characters.
const STAND_IN: usize = 32;

/// `driver: { compose: … }`, its paths resolved.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settings {
    #[serde(deserialize_with = "paths")]
    pub(crate) files: Vec<PathBuf>,
    #[serde(default, deserialize_with = "paths")]
    pub(crate) airgapped: Vec<PathBuf>,
    #[serde(default)]
    pub(crate) env_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) ingress: Option<Place>,
    #[serde(default)]
    pub(crate) authority: Option<AuthorityFile>,
    #[serde(default, deserialize_with = "words")]
    pub(crate) without: Vec<String>,
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, Text>,
    #[serde(default)]
    settles_within: Option<String>,
    #[serde(default)]
    serves_within: Option<String>,
    #[serde(default)]
    pub(crate) remap: Remapped,
    #[serde(default, deserialize_with = "ways_out")]
    pub(crate) egress: Vec<Egress>,
    /// What containers may lose of their own layers, as `service:/path`, and why.
    #[serde(default)]
    pub(crate) losable: BTreeMap<String, String>,
}

/// A service of the Compose files and a port of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Place {
    pub(crate) service: String,
    #[serde(deserialize_with = "number")]
    pub(crate) port: u16,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuthorityFile {
    pub(crate) service: String,
    pub(crate) file: String,
}

/// What reaches beyond the drill and is replaced.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Remapped {
    #[serde(default, deserialize_with = "flag")]
    ports: bool,
    #[serde(default, deserialize_with = "flag")]
    names: bool,
    #[serde(default, deserialize_with = "flag")]
    addresses: bool,
    #[serde(default)]
    binds: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "words")]
    volumes: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    networks: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    left_out: Vec<String>,
}

impl Remapped {
    /// As the guard takes it.
    pub(crate) fn remap(&self) -> Remap {
        Remap {
            ports: self.ports,
            names: self.names,
            addresses: self.addresses,
            binds: self
                .binds
                .iter()
                .map(|(place, word)| {
                    let fill = match word.as_str() {
                        "copy" => Fill::Copy,
                        "left_out" => Fill::LeftOut,
                        _ => Fill::Empty,
                    };
                    (place.clone(), fill)
                })
                .collect(),
            volumes: self.volumes.iter().cloned().collect(),
            networks: self.networks.iter().cloned().collect(),
            left_out: self.left_out.iter().cloned().collect(),
        }
    }
}

/// A scalar of YAML, whose type nobody has to know: the vocabulary has held it against its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Words(String),
    Number(serde_json::Number),
    Flag(bool),
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

fn words<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Form::deserialize(from)? {
        Form::One(word) => vec![word],
        Form::Many(words) => words,
    })
}

fn paths<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    Ok(words(from)?.into_iter().map(PathBuf::from).collect())
}

fn ways_out<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Egress>, D::Error> {
    words(from)?
        .iter()
        .map(|text| phoenix_language::value::egress(text).map_err(serde::de::Error::custom))
        .collect()
}

fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let text = Text::deserialize(from)?.to_string();
    text.parse()
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no port")))
}

fn flag<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Text::deserialize(from)?.to_string() == "true")
}

impl Settings {
    /// The settings of a stack.
    ///
    /// # Errors
    /// When the stack is not one of containers.
    pub(crate) fn of(stack: &Stack) -> Result<Self, DriverError> {
        let doing = "read the driver's settings";
        let mut own: Self = serde_json::from_value(stack.driver.settings.clone())
            .map_err(|why| DriverError::new(doing, why))?;
        let folder = &stack.driver.folder;
        for path in own.files.iter_mut().chain(&mut own.airgapped) {
            *path = whole(folder, path)?;
        }
        if let Some(file) = &mut own.env_file {
            *file = whole(folder, file)?;
        }
        Ok(own)
    }

    /// A value for every variable that a run sets. They serve to read the Compose files before there
    /// is a stack: which services, volumes and images there are depends on none of them.
    pub(crate) fn stand_ins(&self, stack: &Stack) -> BTreeMap<String, String> {
        let secrets = stack.secrets.iter().filter_map(|secret| secret.env.clone());
        let clients = stack.services.iter().flat_map(client_variables);
        self.variables
            .keys()
            .cloned()
            .chain(secrets)
            .chain(clients.map(|(variable, _)| variable.to_owned()))
            .map(|variable| (variable, Secrets::random(STAND_IN)))
            .collect()
    }

    /// What the file of variables says, which nobody is told.
    pub(crate) fn hidden(&self) -> Vec<String> {
        self.env_file
            .iter()
            .flat_map(|file| sources::values(file))
            .collect()
    }

    /// How long a service may take to be well.
    pub(crate) fn settles_within(&self) -> Duration {
        time(self.settles_within.as_deref(), SETTLES_WITHIN)
    }

    /// How long what lies behind a service that says it is healthy may fail.
    pub(crate) fn serves_within(&self) -> Duration {
        time(self.serves_within.as_deref(), SERVES_WITHIN)
    }

    /// Where a service of the environment is reached: its own place, or the ingress.
    pub(crate) fn place(&self, service: &Service) -> Result<Place, DriverError> {
        if let Some(own) = service.settings.get("container") {
            return serde_json::from_value(own.clone()).map_err(|why| {
                DriverError::new(format!("find {} in the Compose files", service.name), why)
            });
        }
        self.ingress.clone().ok_or_else(|| {
            DriverError::new(
                format!("find {} in the Compose files", service.name),
                "it has no `container:`, and the driver has no `ingress:`",
            )
        })
    }
}

/// A path of the environment file, without links: containers and the tool read it from elsewhere.
fn whole(folder: &std::path::Path, path: &std::path::Path) -> Result<PathBuf, DriverError> {
    let joined = folder.join(path);
    std::fs::canonicalize(&joined)
        .map_err(|why| DriverError::new(format!("find {}", joined.display()), why))
}

/// The variables of the Compose files that tell a service what client it is at its provider, and
/// which word of the client each has.
pub(crate) fn client_variables(service: &Service) -> impl Iterator<Item = (&str, &'static str)> {
    let words = [("id", "client_id"), ("secret", "client_secret")];
    words.into_iter().filter_map(|(word, field)| {
        let place = format!("/login/client/{word}");
        Some((service.settings.pointer(&place)?.as_str()?, field))
    })
}

/// The service of the Compose files that runs a service of the environment.
pub(crate) fn container_of(service: &Service) -> String {
    service
        .settings
        .pointer("/container/service")
        .and_then(serde_json::Value::as_str)
        .unwrap_or(&service.name)
        .to_owned()
}

/// What a store's entry says beside its kind.
pub(crate) fn field(store: &Store, name: &str) -> Option<String> {
    let value = store.settings.get(name)?;
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The service of the Compose files that a store lives in; `None` for a volume.
pub(crate) fn server_of(store: &Store) -> Option<String> {
    match store.engine.as_str() {
        "volume" => None,
        _ => field(store, "service").or_else(|| Some(store.at.clone())),
    }
}

/// The port of a store's server.
pub(crate) fn port_of(store: &Store) -> Option<u16> {
    let usual = match store.engine.as_str() {
        "postgres" => 5432,
        "mysql" => 3306,
        "redis" => 6379,
        "memcached" => 11211,
        "rabbitmq" => 5672,
        "bucket" => 8333,
        _ => return None,
    };
    field(store, "port").map_or(Some(usual), |port| port.parse().ok())
}

/// A time of the file; its form was checked with the file.
fn time(text: Option<&str>, otherwise: Duration) -> Duration {
    text.and_then(|text| phoenix_language::value::duration(text).ok())
        .unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use serde_json::json;

    #[test]
    fn scalars_are_read_as_the_file_has_them() {
        let own: Settings = serde_json::from_value(json!({
            "files": "compose.yaml",
            "ingress": {"service": "traefik", "port": "443"},
            "remap": {"ports": "true"},
            "settles_within": "2m",
        }))
        .expect("settings");
        assert_eq!(own.files.len(), 1);
        assert_eq!(own.ingress.as_ref().map(|at| at.port), Some(443));
        let remap = own.remap.remap();
        assert!(remap.ports && !remap.names);
        assert_eq!(own.settles_within().as_secs(), 120);
        assert_eq!(own.serves_within().as_secs(), 15);
    }
}
