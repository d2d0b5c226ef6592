//! The Docker engine, as far as a run uses it: what carries the run's label, and nothing else.

mod archive;
mod containers;
mod events;
mod fill;
mod helper;
mod images;
mod layers;
mod networks;
mod volumes;

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use phoenix_engine::environment::DriverError;

pub use containers::{Container, State};
pub use events::Watch;
pub use layers::Change;
pub use networks::NetworkSpec;
pub use volumes::Volume;

/// Label of everything that a run made, with the run's id.
pub const RUN: &str = "phoenix.run";
/// Label with the name of a service in the environment's compose files.
pub const SERVICE: &str = "phoenix.service";
/// Label with the name of a volume in the environment's compose files.
pub const VOLUME: &str = "phoenix.volume";
/// Label that is new with each incarnation of a volume.
pub const INCARNATION: &str = "phoenix.incarnation";

/// The oldest API that everything here was tried with: Docker 20.10, Podman 4.
const OLDEST_API: (usize, usize) = (1, 40);
/// Longest time for one call of the engine: removing a large volume takes its time.
const CALL_WITHIN: Duration = Duration::from_secs(120);

/// An engine, seen by one run. Cloning shares the connection.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    run: String,
}

impl Engine {
    /// Connects as the command line of Docker does: `DOCKER_HOST`, or the local socket.
    ///
    /// # Errors
    /// When no engine answers there, or one that is too old, with what to do.
    pub async fn connect(run: &str) -> Result<Self, DriverError> {
        let doing = "reach the Docker engine";
        let help = "start it, or point DOCKER_HOST at one (`docker version` has to show a server)";
        let docker = Docker::connect_with_defaults()
            .map_err(|why| DriverError::new(doing, format!("{why}; {help}")))?
            .with_timeout(CALL_WITHIN)
            .negotiate_version()
            .await
            .map_err(|why| DriverError::new(doing, format!("{why}; {help}")))?;
        let api = docker.client_version();
        if (api.major_version, api.minor_version) < OLDEST_API {
            return Err(DriverError::new(
                doing,
                format!(
                    "its API {}.{} is older than {}.{}: Docker 20.10 or newer is needed",
                    api.major_version, api.minor_version, OLDEST_API.0, OLDEST_API.1
                ),
            ));
        }
        Ok(Self {
            docker,
            run: run.to_owned(),
        })
    }

    /// The connection itself, for store drivers.
    #[must_use]
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The run whose label everything here carries.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Version of the engine, and its architecture as image manifests write it.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn version(&self) -> Result<(String, String), DriverError> {
        let version = self
            .docker
            .version()
            .await
            .map_err(|why| DriverError::new("ask the Docker engine for its version", why))?;
        Ok((
            version.version.unwrap_or_default(),
            version.arch.unwrap_or_default(),
        ))
    }

    /// Whether this is Podman. It takes no notice of what keeps an engine's own machine off a network,
    /// and says so in a warning only.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn is_podman(&self) -> Result<bool, DriverError> {
        let version = self
            .docker
            .version()
            .await
            .map_err(|why| DriverError::new("ask the engine what it is", why))?;
        let mut parts = version.components.into_iter().flatten();
        Ok(parts.any(|part| part.name.contains("Podman")))
    }

    /// What tells this engine from any other; empty where it does not say.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn identity(&self) -> Result<String, DriverError> {
        let info = self
            .docker
            .info()
            .await
            .map_err(|why| DriverError::new("ask the Docker engine for its identity", why))?;
        Ok(info.id.unwrap_or_default())
    }

    /// Removes everything that carries the run's label, containers first. Safe to repeat, and beside
    /// another that does the same.
    ///
    /// # Errors
    /// When something cannot be removed; what could be is gone.
    pub async fn remove_everything(&self) -> Result<(), DriverError> {
        let containers = self.containers().await?;
        let ids: Vec<String> = containers.into_iter().map(|one| one.id).collect();
        self.remove_containers(&ids).await?;
        let volumes = self.volumes().await?;
        self.remove_volumes(&volumes).await?;
        let networks = self.networks().await?;
        let mut removals = Vec::new();
        for name in &networks {
            removals.push(self.remove_network(name));
        }
        all(removals).await
    }

    /// Removes everything with the run's label, and the images that were built for it.
    ///
    /// # Errors
    /// When something of it is still there.
    pub async fn remove_with_images(&self) -> Result<(), DriverError> {
        self.remove_everything().await?;
        self.remove_images().await
    }

    /// Removes containers together.
    ///
    /// # Errors
    /// When one cannot be removed; the others are gone.
    pub async fn remove_containers(&self, ids: &[String]) -> Result<(), DriverError> {
        let mut removals = Vec::new();
        for id in ids {
            removals.push(self.remove_container(id));
        }
        all(removals).await
    }

    /// Removes volumes together.
    ///
    /// # Errors
    /// When one is still used; the others are gone.
    pub async fn remove_volumes(&self, volumes: &[Volume]) -> Result<(), DriverError> {
        let mut removals = Vec::new();
        for volume in volumes {
            removals.push(self.remove_volume(volume));
        }
        all(removals).await
    }

    /// The filter that finds what this run made: a label and its value, never a name.
    fn mine(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{RUN}={}", self.run)])])
    }

    /// Labels for something that this run makes.
    fn labels(&self, more: &[(&str, &str)]) -> HashMap<String, String> {
        let mut labels = HashMap::from([(RUN.to_owned(), self.run.clone())]);
        for (name, value) in more {
            labels.insert((*name).to_owned(), (*value).to_owned());
        }
        labels
    }
}

/// All of them to their end; the first error of any.
async fn all(
    removals: Vec<impl Future<Output = Result<(), DriverError>>>,
) -> Result<(), DriverError> {
    futures::future::join_all(removals)
        .await
        .into_iter()
        .collect()
}

/// Whether the engine said that something is not there.
fn is_gone(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}

/// Whether somebody else is removing it at this moment.
fn is_going(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError {
            status_code: 409,
            message,
        } if message.contains("already in progress")
    )
}
