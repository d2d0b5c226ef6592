//! What a container has written into its own layer: gone with the container, and on no volume.

use bollard::models::ChangeType;
use bollard::query_parameters::ContainerArchiveInfoOptionsBuilder;
use phoenix_engine::environment::DriverError;

use super::{Engine, is_gone};

/// Bits of a mode, as the engine writes it, that tell what is no regular file: a folder, a link, a
/// device, a pipe, a socket.
const NO_FILE: u32 = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24;

/// A path in a container's layer that its image has otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The path.
    pub path: String,
    /// Whether the image has no such path.
    pub added: bool,
}

impl Engine {
    /// What was added to a container's layer or changed in it. A container that is gone has none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn changes(&self, id: &str) -> Result<Vec<Change>, DriverError> {
        let found = match self.docker().container_changes(id).await {
            Ok(found) => found.unwrap_or_default(),
            Err(why) if is_gone(&why) => Vec::new(),
            Err(why) => {
                let doing = format!("look into the layer of the container {id}");
                return Err(DriverError::new(doing, why));
            }
        };
        let mut changes: Vec<Change> = found
            .into_iter()
            .filter(|one| one.kind != ChangeType::_2)
            .map(|one| Change {
                added: one.kind == ChangeType::_1,
                path: one.path,
            })
            .collect();
        changes.sort();
        Ok(changes)
    }

    /// Whether a path of a container is a regular file; what is gone by now is none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn is_file(&self, id: &str, path: &str) -> Result<bool, DriverError> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self
            .docker()
            .get_container_archive_info(id, Some(options))
            .await
        {
            Ok(found) => Ok(found.file_mode & NO_FILE == 0),
            Err(why) if is_gone(&why) => Ok(false),
            Err(why) => Err(DriverError::new(
                format!("look at {path} in the container {id}"),
                why,
            )),
        }
    }
}
