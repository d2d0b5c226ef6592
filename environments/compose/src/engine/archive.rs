//! Small files out of a container, running or not.

use phoenix_engine::environment::DriverError;

use super::Engine;

/// Most bytes that are read: a token or a certificate has far fewer.
const MOST: u64 = 1024 * 1024;

impl Engine {
    /// The text of one file of a container; `None` when the file or the container is not there.
    ///
    /// # Errors
    /// When the engine does not answer, or what is there is no small file.
    pub async fn read_file(
        &self,
        container: &str,
        path: &str,
    ) -> Result<Option<String>, DriverError> {
        let read = phoenix_stores::container::file(&self.docker, container, path, MOST).await?;
        let text = read.map(String::from_utf8).transpose();
        text.map_err(|why| {
            DriverError::new(format!("read {path} out of the container {container}"), why)
        })
    }
}
