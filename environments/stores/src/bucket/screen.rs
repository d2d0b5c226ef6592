//! A quick look at a whole bucket, by what its server lists: no object is read.
//!
//! It tells early that something differs. It never tells that nothing does: it takes the server's word
//! for the bytes, and knows nothing of attributes and tags.

use std::collections::BTreeMap;

use phoenix_engine::environment::DriverError;

use super::BucketStore;
use super::listing::{Version, Versioning, etag, size};

/// What a server lists of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screening {
    keys: BTreeMap<String, Listed>,
}

/// One key: its versions from the oldest on, `None` for a delete marker.
type Listed = Vec<Option<(u64, String)>>;

/// What two screenings say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// Keys that certainly differ.
    pub differ: Vec<String>,
    /// Keys of one size whose sums are of parts: the same bytes have others when they are sent in
    /// other parts.
    pub not_judged: Vec<String>,
}

impl Screening {
    /// How many keys there are, deleted ones among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keys that differ. An empty answer proves nothing; the fingerprint has the last word.
    #[must_use]
    pub fn suspects(&self, after: &Self) -> Suspects {
        let mut found = Suspects::default();
        let gone = |key: &&String| !after.keys.contains_key(*key);
        found.differ.extend(self.keys.keys().filter(gone).cloned());
        for (key, new) in &after.keys {
            match self.keys.get(key) {
                Some(old) if old == new => {}
                Some(old) if may_be_equal(old, new) => found.not_judged.push(key.clone()),
                _ => found.differ.push(key.clone()),
            }
        }
        found
    }
}

/// Whether only sums of parts stand between two keys.
fn may_be_equal(old: &Listed, new: &Listed) -> bool {
    old.len() == new.len()
        && old.iter().zip(new).all(|(old, new)| match (old, new) {
            (Some((size, sum)), Some((other_size, other))) => {
                size == other_size && (sum == other || sum.contains('-') || other.contains('-'))
            }
            (None, None) => true,
            _ => false,
        })
}

impl BucketStore {
    /// What is listed of a bucket that never kept versions: a shorter list, and less work for a server.
    async fn current(&self) -> Result<BTreeMap<String, Listed>, String> {
        let listed = self.objects("").await?.into_iter().map(|object| {
            let one = (size(object.size), etag(object.e_tag));
            (object.key.unwrap_or_default(), vec![Some(one)])
        });
        Ok(listed.collect())
    }

    /// Lists every version of every key.
    ///
    /// # Errors
    /// A server that does not answer, or a bucket that is not there.
    pub async fn screen(&self) -> Result<Screening, DriverError> {
        let failed = |why: String| self.failed("list", &why);
        if self.versioning_now().await.map_err(failed)? == Versioning::Off {
            let keys = self.current().await.map_err(failed)?;
            return Ok(Screening { keys });
        }
        let versions = self.versions("").await.map_err(failed)?;
        let listed = |one: Version| (!one.marker).then_some((one.size, one.etag));
        let keys = versions
            .into_iter()
            .map(|(key, versions)| (key, versions.into_iter().map(listed).collect()));
        Ok(Screening {
            keys: keys.collect(),
        })
    }
}
