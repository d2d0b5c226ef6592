//! A command in a container of its own with one volume at `/volume`.

use bollard::models::{ContainerCreateBody, HostConfig};
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;

use super::Engine;

/// Where the volume is.
pub(super) const AT: &str = "/volume";

impl Engine {
    /// A container with nothing but one volume.
    pub(super) fn beside(&self, image: &str, volume: &str) -> ContainerCreateBody {
        ContainerCreateBody {
            image: Some(image.to_owned()),
            labels: Some(self.labels(&[])),
            network_disabled: Some(true),
            host_config: Some(HostConfig {
                binds: Some(vec![format!("{volume}:{AT}")]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }

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
            entrypoint: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            cmd: Some(Vec::new()),
            ..self.beside(image, volume)
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
