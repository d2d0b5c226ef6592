//! Bytes of uploads, by path id: below `/data/uploads` or in a bucket.

use std::path::PathBuf;

use super::configuration::Configuration;
use crate::platform::Platform;
use crate::shared::objects::Bucket;

/// Where bytes are kept.
pub(super) enum Uploads {
    /// A folder.
    Local(PathBuf),
    /// `SETTING_S3_AUTH_UPLOADS_BUCKET`.
    Bucket(Bucket),
}

impl Uploads {
    pub(super) fn new(platform: &Platform, config: &Configuration) -> Self {
        match &config.bucket {
            Some(bucket) => Self::Bucket(Bucket::new(
                &bucket.endpoint,
                &bucket.region,
                &bucket.key,
                &bucket.secret,
                &bucket.name,
            )),
            None => Self::Local(platform.files.join("uploads/files")),
        }
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// The file system's or the server's words.
    pub(super) async fn put(&self, path_id: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Self::Local(root) => {
                let path = root.join(path_id);
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
            Self::Bucket(bucket) => bucket.put(path_id, bytes).await,
        }
    }

    /// The bytes of a path id; `None` when there are none.
    ///
    /// # Errors
    /// As [`Uploads::put`].
    pub(super) async fn get(&self, path_id: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Local(root) => match tokio::fs::read(root.join(path_id)).await {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.to_string()),
            },
            Self::Bucket(bucket) => bucket.get(path_id).await,
        }
    }
}
