//! Images: whether they are there, for which architecture, and fetching them.

use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;

use super::{Engine, is_gone};

impl Engine {
    /// Digest of an image that is on the engine, and its architecture; `None` when it is not.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn image(&self, name: &str) -> Result<Option<(String, String)>, DriverError> {
        match self.docker.inspect_image(name).await {
            Ok(found) => Ok(Some((
                found.id.unwrap_or_default(),
                found.architecture.unwrap_or_default(),
            ))),
            Err(why) if is_gone(&why) => Ok(None),
            Err(why) => Err(DriverError::new(format!("look for the image {name}"), why)),
        }
    }

    /// Removes the images that were built for this run.
    ///
    /// # Errors
    /// When one is still used, or the engine does not answer.
    pub(super) async fn remove_images(&self) -> Result<(), DriverError> {
        let doing = "remove the images that were built for the run";
        let built = ListImagesOptionsBuilder::new()
            .filters(&self.mine())
            .build();
        let built = self.docker.list_images(Some(built)).await;
        for image in built.map_err(|why| DriverError::new(doing, why))? {
            let options = RemoveImageOptionsBuilder::new().force(true).build();
            match self
                .docker
                .remove_image(&image.id, Some(options), None)
                .await
            {
                Err(why) if !is_gone(&why) => return Err(DriverError::new(doing, why)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Fetches an image from its registry.
    ///
    /// # Errors
    /// What the registry or the engine said: no such image, none for this architecture, no way
    /// there.
    pub async fn pull(&self, name: &str) -> Result<(), DriverError> {
        let options = CreateImageOptionsBuilder::new().from_image(name).build();
        let mut stream = Box::pin(self.docker.create_image(Some(options), None, None));
        while let Some(part) = stream.next().await {
            let part = part.map_err(|why| DriverError::new(format!("pull {name}"), why))?;
            if let Some(message) = part.error_detail.and_then(|detail| detail.message) {
                return Err(DriverError::new(format!("pull {name}"), message));
            }
        }
        Ok(())
    }
}
