//! What each application needs from the environment that runs it: the variables of its upstream
//! image, its mounts, where logins come back to. One file per application.

mod bookstack;
mod mattermost;
mod zitadel;
mod zulip;

pub(crate) use zitadel::PAT;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Service, Stack, Store, StoreKind};
use phoenix_understudies::platform::{BootError, Platform, Running};

use crate::objects::Access;

/// One service about to start, as its container would see the machine.
pub(crate) struct Container<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) service: &'a Service,
    /// Host name of the service's own URL.
    pub(crate) host: &'a str,
    /// The container's own folder, which does not outlive the container.
    pub(crate) folder: &'a Path,
    /// Values of the service's keys, in the order of the environment file.
    pub(crate) secrets: Vec<String>,
    /// What the provider knows this service's client by: `client_id`, `client_secret`.
    pub(crate) client: &'a BTreeMap<String, String>,
    /// How it reaches its buckets; `None` while the object store is stopped.
    pub(crate) objects: Option<Access>,
    /// Where a store's data is.
    pub(crate) path: &'a (dyn Fn(&Store) -> PathBuf + Sync),
}

impl Container<'_> {
    /// The service's secret at a place of the environment file; empty when there is none, so that
    /// the application itself complains as it would in production.
    pub(crate) fn secret(&self, at: usize) -> String {
        self.secrets.get(at).cloned().unwrap_or_default()
    }

    /// The address of the service itself, without a slash at its end.
    pub(crate) fn base(&self) -> String {
        self.service.url.trim_end_matches('/').to_owned()
    }

    /// A field of the client at the provider; empty before the provider knows it.
    pub(crate) fn client(&self, field: &str) -> String {
        self.client.get(field).cloned().unwrap_or_default()
    }

    /// Where the provider of the service's logins is; empty when it has none.
    pub(crate) fn provider(&self) -> String {
        self.service
            .login_via
            .as_deref()
            .and_then(|via| self.stack.service(via))
            .map(|provider| provider.url.trim_end_matches('/').to_owned())
            .unwrap_or_default()
    }

    /// The service's stores of one kind, in the order of the environment file.
    pub(crate) fn stores(&self, kind: StoreKind) -> Vec<&Store> {
        self.stack
            .stores_of(self.service)
            .into_iter()
            .filter(|store| store.kind == kind)
            .collect()
    }

    /// The service's first bucket, and how it is reached.
    pub(crate) fn bucket(&self) -> Option<(&Access, &Store)> {
        let store = self.stores(StoreKind::Bucket).first().copied()?;
        Some((self.objects.as_ref()?, store))
    }

    /// Mounts a store's folder inside the container's own, as a volume would be.
    pub(crate) fn mount(&self, store: &Store, at: &str) -> Result<PathBuf, DriverError> {
        let mount = self.folder.join(at);
        let _old = std::fs::remove_file(&mount);
        std::os::unix::fs::symlink((self.path)(store), &mount).map_err(|why| {
            DriverError::new(
                format!("mount {} for {}", store.name, self.service.name),
                why,
            )
        })?;
        Ok(mount)
    }
}

/// Mounts the volumes of a container and sets the variables of its upstream image as production
/// does; what the environment file sets itself stays.
///
/// # Errors
/// When a volume cannot be mounted.
pub(crate) fn set_up(
    container: &Container<'_>,
    env: &mut BTreeMap<String, String>,
) -> Result<(), DriverError> {
    let variables = match container.service.app.as_str() {
        "zitadel" => zitadel::variables(container),
        "bookstack" => bookstack::variables(container)?,
        "mattermost" => mattermost::variables(container),
        "zulip" => zulip::variables(container),
        _ => Vec::new(),
    };
    for (name, value) in variables {
        env.entry(name.to_owned()).or_insert(value);
    }
    Ok(())
}

/// Starts the understudy of an application; `None` when nobody plays it.
pub(crate) async fn start(app: &str, platform: Platform) -> Option<Result<Running, BootError>> {
    Some(match app {
        "zitadel" => phoenix_understudies::zitadel::start(platform).await,
        "bookstack" => phoenix_understudies::bookstack::start(platform).await,
        "mattermost" => phoenix_understudies::mattermost::start(platform).await,
        "zulip" => phoenix_understudies::zulip::start(platform).await,
        _ => return None,
    })
}

/// Where an application keeps its files and, where it has a second volume, its configuration.
pub(crate) struct Volumes {
    pub(crate) files: PathBuf,
    pub(crate) config: PathBuf,
}

impl Container<'_> {
    /// Its volumes; an application without any keeps its files in the container, and loses them
    /// with it.
    ///
    /// # Errors
    /// When a folder that the image expects cannot be made.
    pub(crate) fn volumes(&self) -> Result<Volumes, DriverError> {
        let own = || self.folder.to_owned();
        let all = self.stores(StoreKind::Files);
        Ok(match self.service.app.as_str() {
            "zulip" => zulip::volumes(self)?,
            "mattermost" => Volumes {
                files: all.first().map_or_else(own, |store| (self.path)(store)),
                config: all.get(1).map_or_else(own, |store| (self.path)(store)),
            },
            _ => Volumes {
                files: own(),
                config: own(),
            },
        })
    }
}
