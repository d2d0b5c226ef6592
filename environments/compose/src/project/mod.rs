//! Other people's Compose projects: read as the tool resolves them, held against what a drill may
//! reach, and turned into the file that is really run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

pub mod guard;
pub mod parse;
pub mod read;
pub(crate) mod sources;
pub mod tool;
pub mod transform;
mod words;
pub(crate) mod yaml;

pub use guard::{Reach, Remap, own, reaches};
pub(crate) use read::hide;
pub use read::{Files, resolve};
pub use tool::Tool;
pub use transform::{Drill, transform};

/// A project as the tool resolved it. Version 1 and version 2 of the tool give the same one, but
/// for the raw trees.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// The name it was resolved under.
    pub name: String,
    /// The folder of its first file, without symbolic links.
    pub folder: PathBuf,
    /// Its services.
    pub services: BTreeMap<String, Service>,
    /// The volumes that its services use.
    pub volumes: BTreeMap<String, Volume>,
    /// The networks that its services use.
    pub networks: BTreeMap<String, Network>,
    /// Secrets and configurations, as `secrets/NAME` and `configs/NAME`.
    pub files: BTreeMap<String, Material>,
    /// What the tool warned of, such as variables that are not set.
    pub warnings: Vec<String>,
}

impl Project {
    /// Whether a volume has a copy of a folder that nothing can write to: it is a part of the program,
    /// and no data can be in it.
    #[must_use]
    pub fn is_fixed(&self, volume: &str) -> bool {
        let copied = self.volumes.get(volume);
        copied.is_some_and(|one| one.filled_from.is_some())
            && self
                .services
                .values()
                .flat_map(|service| &service.mounts)
                .filter(|mount| matches!(&mount.source, Source::Volume(name) if name == volume))
                .all(|mount| mount.read_only)
    }

    /// The project without some of its services, and without what only they use.
    #[must_use]
    pub fn without(mut self, services: &[String]) -> Self {
        self.services.retain(|name, _| !services.contains(name));
        let mounted = |volume: &String| {
            let mut mounts = self.services.values().flat_map(|one| &one.mounts);
            mounts.any(|mount| mount.source == Source::Volume(volume.clone()))
        };
        self.volumes.retain(|name, _| mounted(name));
        let joined = |network: &String| {
            let mut all = self.services.values();
            all.any(|one| one.networks.contains_key(network))
        };
        self.networks.retain(|name, _| joined(name));
        self
    }
}

/// A service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its image.
    pub image: Option<String>,
    /// Whether it is built from a folder.
    pub built: bool,
    /// What replaces the image's command.
    pub command: Option<Vec<String>>,
    /// What replaces the image's entry point.
    pub entrypoint: Option<Vec<String>>,
    /// Environment, with env files read in. May hold secrets: never printed.
    pub environment: BTreeMap<String, String>,
    /// Ports published on the host.
    pub ports: Vec<Port>,
    /// Ports that are only named.
    pub exposed: Vec<String>,
    /// What is mounted, by target.
    pub mounts: Vec<Mount>,
    /// What it waits for, and for which condition.
    pub depends_on: BTreeMap<String, String>,
    /// Networks, and its other names there.
    pub networks: BTreeMap<String, Vec<String>>,
    /// Whether the file gives it a health check.
    pub healthcheck: bool,
    /// Fixed name of its container.
    pub container_name: Option<String>,
    /// Another network than those of the project.
    pub network_mode: Option<String>,
    /// Whether it may do everything that the host may.
    pub privileged: bool,
    /// Names with addresses.
    pub extra_hosts: BTreeMap<String, String>,
    /// Restart policy.
    pub restart: Option<String>,
    /// User.
    pub user: Option<String>,
    /// The service as the tool printed it, `$` unescaped.
    pub raw: Map<String, Value>,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Port in the container.
    pub target: String,
    /// Port on the host; none: the engine chooses.
    pub published: Option<String>,
    /// Address on the host.
    pub host: Option<String>,
    /// `tcp` or `udp`.
    pub protocol: String,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted.
    pub source: Source,
    /// Where.
    pub target: String,
    /// Whether the service cannot write to it.
    pub read_only: bool,
}

/// What a mount mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A volume of the project.
    Volume(String),
    /// A volume without a name.
    Anonymous,
    /// A place of the host.
    Bind {
        /// As the tool resolved it.
        path: PathBuf,
        /// Where that leads to when symbolic links are followed.
        real: PathBuf,
        /// Whether it is known to be no folder.
        file: bool,
    },
    /// Memory.
    Tmpfs,
    /// Another kind: a pipe, an image, a cluster's volume.
    Other(String),
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Made by somebody else.
    pub external: bool,
    /// Its name on the engine, where the file fixes it.
    pub name: Option<String>,
    /// Its driver, where it is not `local`.
    pub driver: Option<String>,
    /// The driver's options.
    pub options: BTreeMap<String, String>,
    /// The folder whose content it gets when this run makes it.
    pub filled_from: Option<PathBuf>,
}

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Made by somebody else.
    pub external: bool,
    /// Its name on the engine, where the file fixes it.
    pub name: Option<String>,
}

/// A secret or a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Material {
    /// Kept by the engine, not by the project.
    pub external: bool,
    /// The file it comes from, symbolic links followed.
    pub file: Option<PathBuf>,
}
