//! Containers of a run: found by label, started, stopped, removed, asked.

use std::collections::HashMap;

use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;
use phoenix_stores::container::{self, Said};

use super::{Engine, SERVICE, is_going, is_gone};

/// How long a container is given to end by itself when it is stopped, in seconds.
const STOP_WITHIN_S: i32 = 10;

/// A container of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// The engine's id: new with each container.
    pub id: String,
    /// Name of the service in the compose files; empty for one of the harness's own.
    pub service: String,
    /// Image as the compose file names it.
    pub image: String,
    /// Whether it runs.
    pub running: bool,
    /// Names of the volumes that it mounts.
    pub volumes: Vec<String>,
    /// Where something is mounted, with the volume's name if it is one.
    pub mounts: Vec<(Option<String>, String)>,
}

/// How a container stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs; its own health command said so, or has not said anything yet, or there is none.
    Running {
        /// What the health command says, in the engine's word: `healthy`, `starting`, …
        health: Option<String>,
    },
    /// It ended with this code.
    Exited(i64),
    /// It is not there.
    Gone,
}

impl Engine {
    /// All containers of the run, whatever their state.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn containers(&self) -> Result<Vec<Container>, DriverError> {
        self.containers_by(self.mine()).await
    }

    async fn containers_by(
        &self,
        labels: HashMap<String, Vec<String>>,
    ) -> Result<Vec<Container>, DriverError> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&labels)
            .build();
        let found = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(|why| DriverError::new("list the containers of the run", why))?;
        Ok(found
            .into_iter()
            .map(|one| Container {
                mounts: one
                    .mounts
                    .iter()
                    .flatten()
                    .map(|mount| {
                        let at = mount.destination.clone().unwrap_or_default();
                        (mount.name.clone(), at)
                    })
                    .collect(),
                id: one.id.unwrap_or_default(),
                service: one
                    .labels
                    .unwrap_or_default()
                    .remove(SERVICE)
                    .unwrap_or_default(),
                image: one.image.unwrap_or_default(),
                running: one.state == Some(ContainerSummaryStateEnum::RUNNING),
                volumes: one
                    .mounts
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|mount| mount.name)
                    .collect(),
            })
            .collect())
    }

    /// The container of a service, if there is one.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn container(&self, service: &str) -> Result<Option<Container>, DriverError> {
        // The engine picks it: this is asked before every look into a store.
        let mut labels = self.mine();
        labels
            .entry("label".to_owned())
            .or_default()
            .push(format!("{SERVICE}={service}"));
        Ok(self.containers_by(labels).await?.into_iter().next())
    }

    /// Starts a container that exists.
    ///
    /// # Errors
    /// When the engine refuses, in its words.
    pub async fn start_container(&self, container: &Container) -> Result<(), DriverError> {
        self.docker
            .start_container(&container.id, None)
            .await
            .map_err(|why| DriverError::new(format!("start {}", container.service), why))
    }

    /// Whether a container lives in the network of another.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn lives_in(&self, one: &str, other: &str) -> Result<bool, DriverError> {
        let found = self
            .docker
            .inspect_container(one, None)
            .await
            .map_err(|why| DriverError::new("look at the network of a container", why))?;
        let mode = found.host_config.and_then(|config| config.network_mode);
        Ok(mode.is_some_and(|mode| mode.strip_prefix("container:") == Some(other)))
    }

    /// Stops a container; one that has stopped or is gone is stopped.
    ///
    /// # Errors
    /// When the engine cannot.
    pub async fn stop_container(&self, container: &Container) -> Result<(), DriverError> {
        let options = StopContainerOptionsBuilder::new().t(STOP_WITHIN_S).build();
        match self
            .docker
            .stop_container(&container.id, Some(options))
            .await
        {
            Err(why) if !is_gone(&why) => {
                Err(DriverError::new(format!("stop {}", container.service), why))
            }
            _ => Ok(()),
        }
    }

    /// Removes a container with its anonymous volumes, running or not; one that is gone is removed.
    ///
    /// # Errors
    /// When the engine cannot.
    pub async fn remove_container(&self, id: &str) -> Result<(), DriverError> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        match self.docker.remove_container(id, Some(options)).await {
            Err(why) if !is_gone(&why) && !is_going(&why) => {
                Err(DriverError::new(format!("remove the container {id}"), why))
            }
            _ => Ok(()),
        }
    }

    /// How a container stands.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn state(&self, id: &str) -> Result<State, DriverError> {
        match self.docker.inspect_container(id, None).await {
            Ok(found) => {
                let state = found.state.unwrap_or_default();
                if state.running == Some(true) {
                    let health = state.health.and_then(|health| health.status);
                    Ok(State::Running {
                        health: health.map(|word| word.to_string()),
                    })
                } else {
                    Ok(State::Exited(state.exit_code.unwrap_or_default()))
                }
            }
            Err(why) if is_gone(&why) => Ok(State::Gone),
            Err(why) => Err(DriverError::new(format!("inspect the container {id}"), why)),
        }
    }

    /// Environment variables that a container was created with.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn variables(&self, id: &str) -> Result<Vec<(String, String)>, DriverError> {
        let found = self
            .docker
            .inspect_container(id, None)
            .await
            .map_err(|why| DriverError::new(format!("inspect the container {id}"), why))?;
        let all = found.config.and_then(|config| config.env);
        Ok(all
            .unwrap_or_default()
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// The last lines that a container printed.
    pub async fn log(&self, id: &str, lines: usize) -> Vec<String> {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail(&lines.to_string())
            .build();
        let mut text = Vec::new();
        let mut stream = Box::pin(self.docker.logs(id, Some(options)));
        while let Some(Ok(part)) = stream.next().await {
            text.extend_from_slice(&part.into_bytes());
        }
        String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Runs a command in a container. Variables reach the command by its environment, so that no
    /// value stands in an argument list.
    ///
    /// # Errors
    /// When the engine cannot run it; a command that fails is an answer.
    pub async fn exec(
        &self,
        container: &str,
        user: Option<&str>,
        command: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Said, DriverError> {
        container::say(&self.docker, container, user, command, variables).await
    }
}
