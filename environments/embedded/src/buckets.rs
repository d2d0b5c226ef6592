//! Buckets as stores of the driver: each policy as production has it. Copies and replicas lie in the
//! vault; versions lie in the bucket, and a destroy takes them along.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_engine::environment::{DriverError, Fingerprint, Point, StreamCut, Vessel};
use phoenix_engine::stack::{Policy, Stack, Store, StoreKind};

use crate::driver::Embedded;
use crate::objects::{Bucket, Moment, Objects, Refused, Versioning, fingerprint};
use crate::store::identity;

/// Whether every policy can be kept here.
///
/// # Errors
/// When a store that is no bucket is to be replicated.
pub(crate) fn can_keep(stack: &Stack) -> Result<(), DriverError> {
    let replicated = |store: &&Store| store.policy.streams() && store.kind != StoreKind::Bucket;
    match stack.stores.iter().find(replicated) {
        None => Ok(()),
        Some(store) => Err(DriverError::new(
            format!(
                "keep the policy of {} under the profile {}",
                store.name, stack.profile
            ),
            format!(
                "the embedded environment replicates buckets only, and this is a {}: give it \
                 `logical`, `snapshot` or `none`",
                store.engine
            ),
        )),
    }
}

/// What keeps versions as production does: replication and backups of a bucket demand them.
fn versioning(policy: Policy) -> Versioning {
    match policy {
        Policy::None | Policy::Retained => Versioning::Off,
        Policy::Versioned
        | Policy::Replicated { .. }
        | Policy::Snapshot { .. }
        | Policy::Logical { .. } => Versioning::Enabled,
    }
}

impl Embedded {
    /// The object store of the stack.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(crate) async fn start_objects(&self) -> Result<(), DriverError> {
        self.objects
            .start()
            .await
            .map_err(|why| DriverError::new("start the object store", why))
    }

    pub(crate) async fn stop_objects(&self) -> Result<(), DriverError> {
        self.objects
            .stop()
            .await
            .map_err(|why| DriverError::new("stop the object store", why))
    }

    pub(crate) fn bucket(&self, store: &Store) -> io::Result<Arc<Bucket>> {
        Ok(self.objects.stock.bucket(&store.at)?)
    }

    /// A new bucket, or the one that a destroy left.
    pub(crate) fn create_bucket(&self, store: &Store) -> io::Result<()> {
        let bucket = match self
            .objects
            .stock
            .create(&store.at, versioning(store.policy))
        {
            Err(Refused::BucketExists) => self.bucket(store)?,
            made => made.map_err(|why| io::Error::other(format!("`{}`: {why}", store.at)))?,
        };
        if let Policy::Replicated { lag } = store.policy {
            let (_, partial) = self.vault.begin(&store.name)?;
            bucket.replicate(&partial.join("content"), lag)?;
        }
        Ok(())
    }

    /// Removes a bucket with all its versions, as `force_destroy` does.
    pub(crate) fn remove_bucket(&self, store: &Store) -> io::Result<()> {
        Ok(self.objects.stock.remove(&store.at)?)
    }

    /// Cuts the stream of a bucket and makes the replica a recovery point.
    pub(crate) async fn cut_stream(&self, store: &Store) -> Result<Option<StreamCut>, DriverError> {
        if store.kind != StoreKind::Bucket {
            return Ok(None);
        }
        let fail = |why: io::Error| {
            DriverError::new(format!("cut the replication of {}", store.name), why)
        };
        let bucket = self.bucket(store).map_err(fail)?;
        let cut = tokio::task::spawn_blocking(move || bucket.cut())
            .await
            .map_err(|why| fail(io::Error::other(why)))?
            .map_err(fail)?;
        let Some(cut) = cut else {
            return Ok(None);
        };
        let replica = Bucket::open(&cut.replica).map_err(fail)?;
        let fingerprint = fingerprint(&replica).map_err(fail)?;
        drop(replica);
        let partial = cut.replica.parent().map(Path::to_owned).unwrap_or_default();
        let id = partial.file_stem().unwrap_or_default().to_string_lossy();
        let manifest = self
            .vault
            .finish(&store.name, &id, &partial)
            .map_err(fail)?;
        Ok(Some(StreamCut {
            point: Point {
                id: id.into_owned(),
                bytes: manifest.bytes,
                digest: manifest.digest,
                fingerprint: Some(fingerprint),
            },
            carried_until_us: cut.carried_until_us,
        }))
    }

    /// Makes the content of a recovery point: the moment, where the versions stay in the bucket; a
    /// copy otherwise. Its fingerprint is that of the same moment where it is a copy.
    pub(crate) fn back_up_bucket(
        &self,
        store: &Store,
        content: &Path,
    ) -> io::Result<Option<Fingerprint>> {
        let bucket = self.bucket(store)?;
        if store.policy == Policy::Versioned {
            let vessel = identity(bucket.folder()).unwrap_or_default();
            let (moment, fingerprint) = bucket.moment(&vessel)?;
            moment.save(content)?;
            return Ok(Some(fingerprint));
        }
        bucket.copy_out(content)?;
        let copy = Bucket::open(content)?;
        fingerprint(&copy).map(Some)
    }

    /// Puts the content of a recovery point into the bucket; bytes that are current because of it.
    pub(crate) fn restore_bucket(&self, store: &Store, content: &Path) -> io::Result<u64> {
        let bucket = self.bucket(store)?;
        if store.policy != Policy::Versioned {
            return bucket.copy_in(content);
        }
        let moved = bucket.back_to(&Moment::load(content)?, "")?;
        if moved.missing.is_empty() {
            return Ok(moved.bytes);
        }
        let first: Vec<&str> = moved.missing.iter().take(5).map(String::as_str).collect();
        Err(io::Error::other(format!(
            "{} keys have no version of that moment any more: {}",
            moved.missing.len(),
            first.join(", ")
        )))
    }

    /// A recovery point's content that holds nothing.
    pub(crate) fn empty_copy(&self, store: &Store, content: &Path) -> io::Result<()> {
        if store.policy == Policy::Versioned {
            let bucket = identity(&self.path(store)).unwrap_or_default();
            let moment = Moment {
                bucket,
                ..Moment::default()
            };
            return moment.save(content);
        }
        Bucket::lay_out(content)
    }

    /// The recovery points that can be restored from: a moment is one only while the bucket of its
    /// versions is there.
    pub(crate) fn usable(&self, store: &Store, points: Vec<String>) -> io::Result<Vec<String>> {
        if store.kind != StoreKind::Bucket || store.policy != Policy::Versioned {
            return Ok(points);
        }
        let now = identity(&self.path(store));
        let mut usable = Vec::new();
        for point in points {
            let moment = Moment::load(&self.vault.content(&store.name, &point));
            // One that cannot be read is found damaged when it is used.
            let of_this = moment.map_or(true, |moment| Some(&moment.bucket) == now.as_ref());
            if now.is_some() && of_this {
                usable.push(point);
            }
        }
        Ok(usable)
    }

    /// Buckets that no store declares.
    pub(crate) fn undeclared_buckets(
        &self,
        known: &BTreeSet<PathBuf>,
        vessels: &mut Vec<Vessel>,
    ) -> io::Result<()> {
        for name in self.objects.stock.names()? {
            let path = self.objects.stock.root().join(&name);
            if !known.contains(&path) {
                vessels.push(Vessel {
                    store: None,
                    kind: "bucket".to_owned(),
                    place: format!("objects/{name}"),
                    identity: identity(&path).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}
