//! A command in a container of its own with one volume at `/volume`.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig};
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;

use super::{Engine, RUN};

impl Engine {
    /// Runs a command over a volume and waits for its end.
    ///
    /// # Errors
    /// When the engine cannot, or the command does not end well.
    pub async fn in_volume(
        &self,
        image: &str,
        volume: &str,
        command: &[&str],
    ) -> Result<(), DriverError> {
        let doing = || format!("work on the volume {volume}");
        let fail = |why: bollard::errors::Error| DriverError::new(doing(), why);
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            cmd: Some(Vec::new()),
            labels: Some(HashMap::from([(RUN.to_owned(), self.run().to_owned())])),
            network_disabled: Some(true),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{volume}:/volume")]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let made = self
            .docker()
            .create_container(None, body)
            .await
            .map_err(fail)?;
        let ended = async {
            self.docker()
                .start_container(&made.id, None)
                .await
                .map_err(fail)?;
            let mut waiting = Box::pin(self.docker().wait_container(&made.id, None));
            match waiting.next().await {
                Some(Ok(_)) | None => Ok(()),
                Some(Err(why)) => Err(fail(why)),
            }
        }
        .await;
        let log = match &ended {
            Ok(()) => Vec::new(),
            Err(_) => self.log(&made.id, 5).await,
        };
        self.remove_container(&made.id).await?;
        ended
            .map_err(|why| DriverError::new(why.doing, format!("{}: {}", why.why, log.join(" | "))))
    }
}
