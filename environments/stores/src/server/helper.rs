//! Work on the files of a stopped server, by a helper container of the same image with the same
//! volumes.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;

use super::{Input, Script, Server, Sink, ended};
use crate::container::{self, Ended, Words, converse};

/// How long a server may take to write everything down when it is stopped, in seconds.
const STOP_S: i32 = 120;

impl Server {
    /// Stops the server cleanly.
    pub(crate) async fn stop(&self, doing: &str) -> Result<(), DriverError> {
        let options = StopContainerOptionsBuilder::default().t(STOP_S).build();
        self.docker
            .stop_container(&self.container, Some(options))
            .await
            .map_err(|error| DriverError::new(doing, error))
    }

    /// Starts the server again.
    pub(crate) async fn start(&self, doing: &str) -> Result<(), DriverError> {
        self.docker
            .start_container(&self.container, None)
            .await
            .map_err(|error| DriverError::new(doing, error))
    }

    /// Whether the server's container runs.
    pub(crate) async fn runs(&self, doing: &str) -> Result<bool, DriverError> {
        container::runs(&self.docker, &self.container)
            .await
            .map_err(|error| DriverError::new(doing, error))
    }

    /// The last lines that the server's container logged.
    pub(crate) async fn last_words(&self) -> String {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail("5")
            .build();
        let mut log = self.docker.logs(&self.container, Some(options));
        let mut words = Words::default();
        while let Some(Ok(part)) = log.next().await {
            words.take(&part.into_bytes());
        }
        words.told()
    }

    /// Runs a script as root in a helper container: the server's image, environment and volumes,
    /// no network. The helper is gone afterwards, whatever happened.
    pub(crate) async fn help(
        &self,
        script: &Script<'_>,
        input: Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), DriverError> {
        let failed = |why: &dyn std::fmt::Display| DriverError::new(script.doing, why);
        let server = self
            .docker
            .inspect_container(&self.container, None)
            .await
            .map_err(|error| failed(&error))?;
        if server.state.as_ref().and_then(|state| state.running) == Some(true) {
            return Err(failed(
                &"the server still runs, and its files must not be touched; stop it first",
            ));
        }
        let body = of_the_same_kind(&server, &self.container, script);
        let id = self
            .docker
            .create_container(None, body)
            .await
            .map_err(|error| failed(&error))?
            .id;
        let done = self.help_by(&id, script, input, sink).await;
        // With the volumes without a name that the image may declare: they carry no label.
        let options = RemoveContainerOptionsBuilder::default()
            .force(true)
            .v(true)
            .build();
        let removed = self.docker.remove_container(&id, Some(options)).await;
        done?;
        removed.map_err(|error| failed(&error))
    }

    async fn help_by(
        &self,
        id: &str,
        script: &Script<'_>,
        input: Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), DriverError> {
        let failed = |error| DriverError::new(script.doing, error);
        let options = AttachContainerOptionsBuilder::default()
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .stream(true)
            .build();
        let attached = self
            .docker
            .attach_container(id, Some(options))
            .await
            .map_err(failed)?;
        self.docker
            .start_container(id, None)
            .await
            .map_err(failed)?;
        let (streamed, words) = converse(attached.output, attached.input, input, sink).await;
        let code = match self.docker.wait_container(id, None).next().await {
            Some(Ok(answer)) => Some(answer.status_code),
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Some(code),
            Some(Err(error)) => return Err(failed(error)),
            None => None,
        };
        let done = Ended {
            code,
            streamed,
            words,
        };
        ended(script.doing, done)
    }
}

/// A container with the image, environment and volumes of another. It carries that one's labels of
/// the run, so that whoever sweeps up after the run finds it.
fn of_the_same_kind(
    server: &ContainerInspectResponse,
    name: &str,
    script: &Script<'_>,
) -> ContainerCreateBody {
    let config = server.config.as_ref();
    let labels: HashMap<String, String> = config
        .and_then(|config| config.labels.clone())
        .unwrap_or_default()
        .into_iter()
        .filter(|(label, _)| label.starts_with("phoenix."))
        .collect();
    ContainerCreateBody {
        image: server.image.clone(),
        env: config.and_then(|config| config.env.clone()),
        labels: Some(labels),
        user: Some("0:0".to_owned()),
        entrypoint: Some(["sh", "-euc"].map(str::to_owned).to_vec()),
        cmd: Some(vec![script.text.to_owned()]),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        host_config: Some(HostConfig {
            volumes_from: Some(vec![name.to_owned()]),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
