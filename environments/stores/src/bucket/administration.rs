//! Buckets are made, emptied and removed.

use std::net::SocketAddr;

use aws_sdk_s3::types::{
    BucketVersioningStatus, Delete, ObjectIdentifier, VersioningConfiguration,
};
use futures::{StreamExt as _, TryStreamExt as _};
use phoenix_engine::environment::DriverError;

use super::errors::words;
use super::{Access, BucketStore, Versioning};

/// How many keys one request deletes: what S3 allows.
const DELETED_AT_ONCE: usize = 1000;

/// A bucket that a server lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its identity: see [`BucketStore::identity`].
    pub identity: String,
}

impl Access {
    /// All buckets of the server.
    ///
    /// # Errors
    /// What the server answers.
    pub async fn list_buckets(&self) -> Result<Vec<Listed>, DriverError> {
        let store = BucketStore::new(self, "");
        list(&store)
            .await
            .map_err(|why| DriverError::new(format!("list the buckets at {}", self.endpoint), why))
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.endpoint
    }
}

async fn list(store: &BucketStore) -> Result<Vec<Listed>, String> {
    let mut pages = store.client.list_buckets().into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        for bucket in page.map_err(|why| words(&why))?.buckets.unwrap_or_default() {
            let name = bucket.name.unwrap_or_default();
            let born = bucket.creation_date.map_or(0, |at| at.as_nanos() / 1_000);
            found.push(Listed {
                identity: format!("{name}:{born}"),
                name,
            });
        }
    }
    Ok(found)
}

impl BucketStore {
    /// Name and time of creation as the server lists it; `None` when there is no such bucket. Most
    /// servers tell whole seconds: two buckets of one name, made within one second, look the same.
    ///
    /// # Errors
    /// What the server answers.
    pub async fn identity(&self) -> Result<Option<String>, DriverError> {
        let listed = list(self)
            .await
            .map_err(|why| self.failed("identify", &why))?;
        let found = listed.into_iter().find(|bucket| bucket.name == self.name);
        Ok(found.map(|bucket| bucket.identity))
    }

    /// Makes the bucket.
    ///
    /// # Errors
    /// What the server answers, also when it is there already.
    pub async fn create(&self, versioning: Versioning) -> Result<(), DriverError> {
        let made = self.client.create_bucket().bucket(&self.name).send().await;
        made.map_err(|why| self.failed("create", &words(&why)))?;
        if versioning == Versioning::Off {
            return Ok(());
        }
        self.set_versioning(versioning).await
    }

    /// Lets the bucket keep what is overwritten or deleted, or not any more.
    ///
    /// # Errors
    /// What the server answers; nobody can make it forget that it ever kept versions.
    pub async fn set_versioning(&self, versioning: Versioning) -> Result<(), DriverError> {
        let status = match versioning {
            Versioning::On => BucketVersioningStatus::Enabled,
            Versioning::Suspended | Versioning::Off => BucketVersioningStatus::Suspended,
        };
        let set = self
            .client
            .put_bucket_versioning()
            .bucket(&self.name)
            .versioning_configuration(VersioningConfiguration::builder().status(status).build())
            .send();
        set.await
            .map(|_| ())
            .map_err(|why| self.failed("set the versioning of", &words(&why)))
    }

    /// Whether the bucket keeps versions.
    ///
    /// # Errors
    /// What the server answers.
    pub async fn versioning(&self) -> Result<Versioning, DriverError> {
        let asked = self.versioning_now().await;
        asked.map_err(|why| self.failed("ask for the versioning of", &why))
    }

    /// Removes all versions and delete markers of all keys; how many there were.
    ///
    /// # Errors
    /// What the server answers, for the bucket or for one key.
    pub async fn empty(&self) -> Result<u64, DriverError> {
        let fail = |why: String| self.failed("empty", &why);
        let versions = self.versions("").await.map_err(fail)?;
        let doomed: Vec<(String, String)> = versions
            .into_iter()
            .flat_map(|(key, versions)| {
                versions
                    .into_iter()
                    .map(move |version| (key.clone(), version.id))
            })
            .collect();
        self.remove(&doomed).await.map_err(fail)?;
        Ok(doomed.len() as u64)
    }

    /// Removes the bucket with all its versions. It is emptied first: not every server refuses to
    /// remove one that is not empty, and one that refuses is right.
    ///
    /// # Errors
    /// What the server answers.
    pub async fn delete(&self) -> Result<(), DriverError> {
        self.empty().await?;
        let deleted = self.client.delete_bucket().bucket(&self.name).send().await;
        deleted
            .map(|_| ())
            .map_err(|why| self.failed("delete", &words(&why)))
    }

    /// Removes versions by key and id.
    pub(super) async fn remove(&self, doomed: &[(String, String)]) -> Result<(), String> {
        // Made before the stream: a closure over borrowed chunks would tie callers to this thread.
        let removals: Vec<_> = doomed
            .chunks(DELETED_AT_ONCE)
            .map(|chunk| self.remove_some(chunk))
            .collect();
        futures::stream::iter(removals)
            .buffer_unordered(4)
            .try_collect()
            .await
    }

    async fn remove_some(&self, doomed: &[(String, String)]) -> Result<(), String> {
        let objects = doomed.iter().map(|(key, id)| {
            let object = ObjectIdentifier::builder().key(key).version_id(id);
            object.build().map_err(|why| why.to_string())
        });
        let delete = Delete::builder()
            .set_objects(Some(objects.collect::<Result<_, _>>()?))
            .quiet(true)
            .build()
            .map_err(|why| why.to_string())?;
        let deleted = self
            .client
            .delete_objects()
            .bucket(&self.name)
            .delete(delete)
            .send()
            .await
            .map_err(|why| words(&why))?;
        match deleted.errors.unwrap_or_default().first() {
            None => Ok(()),
            Some(refused) => Err(format!(
                "{} was not removed: {} {}",
                refused.key.as_deref().unwrap_or_default(),
                refused.code.as_deref().unwrap_or_default(),
                refused.message.as_deref().unwrap_or_default()
            )),
        }
    }
}
