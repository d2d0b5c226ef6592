//! Volumes of a run. Each incarnation has a label of its own: a volume's creation time follows its
//! content, and its name comes back with the next one.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder};
use phoenix_engine::environment::DriverError;
use phoenix_kit::Secrets;

use super::{Engine, INCARNATION, VOLUME, is_gone};

/// A volume of the run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Volume {
    /// The engine's name for it.
    pub name: String,
    /// Its name in the compose files; empty when it has none there.
    pub declared: String,
    /// New with each incarnation.
    pub incarnation: String,
}

impl Engine {
    /// The engine's name for a declared volume: the run's own, so that two runs never meet.
    #[must_use]
    pub fn volume_name(&self, declared: &str) -> String {
        format!("phoenix-{}_{declared}", self.run.to_lowercase())
    }

    /// All volumes of the run.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn volumes(&self) -> Result<Vec<Volume>, DriverError> {
        let options = ListVolumesOptionsBuilder::new()
            .filters(&self.mine())
            .build();
        let found = self
            .docker
            .list_volumes(Some(options))
            .await
            .map_err(|why| DriverError::new("list the volumes of the run", why))?;
        Ok(found
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|mut one| Volume {
                declared: one.labels.remove(VOLUME).unwrap_or_default(),
                incarnation: one.labels.remove(INCARNATION).unwrap_or_default(),
                name: one.name,
            })
            .collect())
    }

    /// Makes a declared volume, unless one of this run is there; whether it did.
    ///
    /// # Errors
    /// When the engine cannot, or when a volume of that name is somebody else's.
    pub async fn make_volume(&self, declared: &str) -> Result<bool, DriverError> {
        let name = self.volume_name(declared);
        let doing = || format!("make the volume {declared}");
        let incarnation = Secrets::random(16);
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(self.labels(&[(VOLUME, declared), (INCARNATION, &incarnation)])),
            ..VolumeCreateRequest::default()
        };
        // The engine answers with the one that is there, if there is one.
        let made = self
            .docker
            .create_volume(request)
            .await
            .map_err(|why| DriverError::new(doing(), why))?;
        if made.labels.get(super::RUN) != Some(&self.run) {
            return Err(DriverError::new(
                doing(),
                format!("a volume {name} exists that this run did not make; it is left alone"),
            ));
        }
        Ok(made.labels.get(INCARNATION) == Some(&incarnation))
    }

    /// Removes a volume of this run, by what was read from the engine; one that is gone is removed.
    ///
    /// # Errors
    /// When something still uses it.
    pub async fn remove_volume(&self, volume: &Volume) -> Result<(), DriverError> {
        let options = RemoveVolumeOptionsBuilder::new().force(false).build();
        match self.docker.remove_volume(&volume.name, Some(options)).await {
            Err(why) if !is_gone(&why) => Err(DriverError::new(
                format!("remove the volume {}", volume.name),
                why,
            )),
            _ => Ok(()),
        }
    }
}
