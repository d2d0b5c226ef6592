//! The file storage: bytes by path, apart from the rows that name them.

use std::path::PathBuf;

use super::configuration::Configuration;
use crate::platform::Platform;
use crate::shared::objects::Bucket;

/// Path that the server writes and removes to see whether the storage works.
const TEST: &str = "testfile";

/// Where bytes are kept.
pub(super) enum Files {
    /// Below the data folder.
    Local(PathBuf),
    /// In a bucket.
    Bucket(Bucket),
}

impl Files {
    pub(super) fn new(platform: &Platform, config: &Configuration) -> Self {
        if config.file_driver == "amazons3" {
            let bucket = &config.bucket;
            Self::Bucket(Bucket::new(
                &bucket.endpoint,
                &bucket.region,
                &bucket.key,
                &bucket.secret,
                &bucket.name,
            ))
        } else {
            Self::Local(platform.files.clone())
        }
    }

    /// Keeps bytes; durable when it returns.
    ///
    /// # Errors
    /// The file system's or the server's words.
    pub(super) async fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Self::Local(root) => {
                let path = root.join(path);
                let write = async {
                    if let Some(parent) = path.parent() {
                        tokio::fs::create_dir_all(parent).await?;
                    }
                    tokio::fs::write(&path, bytes).await
                };
                write
                    .await
                    .map_err(|error: std::io::Error| error.to_string())
            }
            Self::Bucket(bucket) => bucket.put(path, bytes).await,
        }
    }

    /// The bytes at a path; `None` when there are none.
    ///
    /// # Errors
    /// As [`Files::put`].
    pub(super) async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Local(root) => match tokio::fs::read(root.join(path)).await {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.to_string()),
            },
            Self::Bucket(bucket) => bucket.get(path).await,
        }
    }

    /// Writes and removes a file: what the status of the file store means.
    ///
    /// # Errors
    /// As [`Files::put`].
    pub(super) async fn test(&self) -> Result<(), String> {
        self.put(TEST, b"testingwrite".to_vec()).await?;
        match self {
            Self::Local(root) => tokio::fs::remove_file(root.join(TEST))
                .await
                .map_err(|error| error.to_string()),
            Self::Bucket(bucket) => bucket.delete(TEST).await,
        }
    }
}
