//! Uploads: bytes by key, apart from the database. Local keys lie as in the linuxserver image,
//! under `www/` of the mounted folder; on S3 the key is the object's.

use std::path::PathBuf;

use super::configuration::{Configuration, S3Configuration, StorageKind};
use crate::platform::Platform;
use crate::shared::objects::Bucket;

/// Where one kind of upload is kept.
pub(super) enum Storage {
    /// `uploads/files/…` and `uploads/images/…` under folders of their own.
    Local {
        /// The prefix of keys that this folder stands for.
        prefix: &'static str,
        /// The folder.
        folder: PathBuf,
    },
    /// A bucket.
    S3(Bucket),
}

impl Storage {
    /// For attachments.
    pub(super) fn attachments(platform: &Platform, config: &Configuration) -> Self {
        Self::of(config.attachment_storage, config, "uploads/files/", &|_| {
            platform.files.join("www/files")
        })
    }

    /// For images.
    pub(super) fn images(platform: &Platform, config: &Configuration) -> Self {
        Self::of(
            config.image_storage,
            config,
            "uploads/images/",
            &|kind| match kind {
                StorageKind::LocalSecure => platform.files.join("www/images"),
                StorageKind::Local | StorageKind::S3 => platform.files.join("www/uploads/images"),
            },
        )
    }

    fn of(
        kind: StorageKind,
        config: &Configuration,
        prefix: &'static str,
        folder: &dyn Fn(StorageKind) -> PathBuf,
    ) -> Self {
        match (kind, &config.s3) {
            (StorageKind::S3, Some(s3)) => {
                let endpoint = endpoint(s3);
                Self::S3(Bucket::new(
                    &endpoint, &s3.region, &s3.key, &s3.secret, &s3.bucket,
                ))
            }
            _ => Self::Local {
                prefix,
                folder: folder(kind),
            },
        }
    }

    /// Keeps bytes. Errors are the file system's or the server's words.
    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Self::S3(bucket) => bucket.put(key, bytes).await,
            Self::Local { prefix, folder } => {
                let file = file_of(prefix, folder, key).ok_or("not a key of an upload")?;
                let words = |_| {
                    let path = file.display();
                    format!(
                        "File path {path} could not be uploaded to. Ensure it is writable \
                             to the server."
                    )
                };
                if let Some(parent) = file.parent() {
                    tokio::fs::create_dir_all(parent).await.map_err(words)?;
                }
                tokio::fs::write(&file, bytes).await.map_err(words)
            }
        }
    }

    /// The bytes. A file that is not there is an error, in upstream's words.
    pub(super) async fn get(&self, key: &str) -> Result<Vec<u8>, String> {
        let missing = || format!("Unable to read file from location: {key}.");
        match self {
            Self::S3(bucket) => bucket.get(key).await?.ok_or_else(missing),
            Self::Local { prefix, folder } => {
                let file = file_of(prefix, folder, key).ok_or_else(missing)?;
                tokio::fs::read(file).await.map_err(|_| missing())
            }
        }
    }

    /// The bytes of an image as the web server hands them out; nothing that lies in a bucket.
    pub(super) async fn get_public(&self, key: &str) -> Option<Vec<u8>> {
        match self {
            Self::S3(_) => None,
            Self::Local { .. } => self.get(key).await.ok(),
        }
    }

    /// Forgets a key; one that is not there is forgotten already.
    pub(super) async fn delete(&self, key: &str) -> Result<(), String> {
        match self {
            Self::S3(bucket) => bucket.delete(key).await,
            Self::Local { prefix, folder } => {
                let file = file_of(prefix, folder, key).ok_or("not a key of an upload")?;
                match tokio::fs::remove_file(file).await {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(error.to_string())
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

/// Address under which images are public: `STORAGE_URL`, the bucket's, or the application's.
/// Upstream leaves a bucket at an endpoint of its own to `STORAGE_URL`; without it this gives the
/// bucket's address there, in path style.
pub(super) fn public_base(config: &Configuration) -> String {
    match (&config.storage_url, config.image_storage, &config.s3) {
        (Some(url), _, _) => url.trim_end_matches('/').to_owned(),
        (None, StorageKind::S3, Some(s3)) => format!("{}/{}", endpoint(s3), s3.bucket),
        _ => config.app_url.clone(),
    }
}

fn endpoint(s3: &S3Configuration) -> String {
    let region = &s3.region;
    s3.endpoint
        .clone()
        .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"))
}

/// The file of a key, inside its folder; `None` for a key that would leave it.
fn file_of(prefix: &str, folder: &std::path::Path, key: &str) -> Option<PathBuf> {
    let rest = key.strip_prefix(prefix)?;
    let plain = rest.split('/').all(|part| !matches!(part, "" | "." | ".."));
    plain.then(|| folder.join(rest))
}
