//! Versions read from the server: digested as they stream by, and written down where wanted.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;

use super::errors::{is_missing, words};
use super::listing::{Version, Versions};
use super::{AT_A_TIME, BucketStore};
use crate::manifest::short;

/// How much of one object is in memory: times the requests at a time, it is all.
const GATHERED: usize = 1 << 20;

/// One version, read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Read {
    pub(super) key: String,
    pub(super) marker: bool,
    pub(super) size: u64,
    /// BLAKE3 of the bytes.
    pub(super) digest: String,
    /// Headers that were given with it, and `x-amz-meta-…`.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Where its bytes begin in the pack.
    pub(super) offset: Option<u64>,
}

/// Bytes of many objects in one file: a file per object would cost more than the object.
#[derive(Clone)]
pub(super) struct Pack {
    file: Arc<File>,
    next: Arc<AtomicU64>,
}

impl Pack {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
            next: Arc::default(),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_all()
    }

    fn reserve(&self, size: u64) -> u64 {
        self.next.fetch_add(size, Ordering::SeqCst)
    }

    async fn write(&self, bytes: Vec<u8>, at: u64) -> Result<(), String> {
        let file = Arc::clone(&self.file);
        let written = tokio::task::spawn_blocking(move || file.write_all_at(&bytes, at));
        let written = written.await.map_err(|why| why.to_string())?;
        written.map_err(|why| format!("write to the pack: {why}"))
    }
}

/// Which versions go into a pack.
#[derive(Clone, Copy)]
pub(super) enum Packed<'a> {
    Nothing,
    Newest(&'a Pack),
    All(&'a Pack),
}

impl BucketStore {
    /// Reads what was listed; versions that are gone by now are left out.
    pub(super) async fn digests(&self, listed: Versions) -> Result<Vec<Read>, String> {
        self.read_all(listed, Packed::Nothing).await
    }

    pub(super) async fn read_all(
        &self,
        listed: Versions,
        packed: Packed<'_>,
    ) -> Result<Vec<Read>, String> {
        let all = listed.into_iter().flat_map(|(key, versions)| {
            let last = versions.len().saturating_sub(1);
            let each = versions.into_iter().enumerate();
            each.map(move |(at, version)| (key.clone(), version, at == last))
        });
        // In the order of the listing: keys, and versions of a key from the oldest on.
        futures::stream::iter(all)
            .map(|(key, version, newest)| {
                let pack = match packed {
                    Packed::All(pack) => Some(pack.clone()),
                    Packed::Newest(pack) if newest => Some(pack.clone()),
                    _ => None,
                };
                let store = self.clone();
                // Each on a task of its own: a request is so much work that one thread is the limit.
                let reading = AbortOnDropHandle::new(tokio::spawn(async move {
                    let read = store.read(&key, &version, newest, pack.as_ref()).await;
                    read.map_err(|why| format!("{key}: {why}"))
                }));
                async move { reading.await.map_err(|why| why.to_string())? }
            })
            .buffered(AT_A_TIME)
            .try_filter_map(|read| async move { Ok(read) })
            .try_collect()
            .await
    }

    async fn read(
        &self,
        key: &str,
        version: &Version,
        newest: bool,
        pack: Option<&Pack>,
    ) -> Result<Option<Read>, String> {
        if version.marker {
            return Ok(Some(Read {
                key: key.to_owned(),
                marker: true,
                size: 0,
                digest: String::new(),
                attributes: BTreeMap::new(),
                tags: BTreeMap::new(),
                offset: None,
            }));
        }
        // A bucket that never kept versions has only the current ones, without ids.
        let id = (version.id != "null" || !newest).then(|| version.id.clone());
        let got = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .set_version_id(id.clone())
            .send()
            .await;
        let mut got = match got {
            Ok(got) => got,
            Err(why) if is_missing(&why) => return Ok(None),
            Err(why) => return Err(words(&why)),
        };
        let size = got.content_length.and_then(|size| u64::try_from(size).ok());
        let size = size.ok_or("an answer without a length")?;
        let offset = pack.map(|pack| pack.reserve(size));
        let body = std::mem::take(&mut got.body);
        let digest = drain(body, size, pack.zip(offset)).await?;
        let tags = if got.tag_count.unwrap_or_default() > 0 {
            self.tags(key, id).await?
        } else {
            BTreeMap::new()
        };
        Ok(Some(Read {
            key: key.to_owned(),
            marker: false,
            size,
            digest,
            attributes: attributes(&got),
            tags,
            offset,
        }))
    }

    async fn tags(
        &self,
        key: &str,
        id: Option<String>,
    ) -> Result<BTreeMap<String, String>, String> {
        let asked = self
            .client
            .get_object_tagging()
            .bucket(&self.name)
            .key(key)
            .set_version_id(id)
            .send();
        let tags = asked.await.map_err(|why| words(&why))?.tag_set;
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }
}

/// Digest of a body that must have a size; written where it belongs, if it does.
async fn drain(
    mut body: aws_sdk_s3::primitives::ByteStream,
    size: u64,
    pack: Option<(&Pack, u64)>,
) -> Result<String, String> {
    let mut hasher = blake3::Hasher::new();
    let mut gathered = Vec::new();
    let mut came = 0;
    let mut written = 0;
    while let Some(piece) = body.try_next().await.map_err(|why| why.to_string())? {
        hasher.update(&piece);
        came += piece.len() as u64;
        if came > size {
            break;
        }
        let Some((pack, offset)) = pack else { continue };
        gathered.extend_from_slice(&piece);
        if gathered.len() >= GATHERED {
            let full = std::mem::take(&mut gathered);
            let length = full.len() as u64;
            pack.write(full, offset + written).await?;
            written += length;
        }
    }
    if came != size {
        return Err(format!("{came} bytes came where {size} were announced"));
    }
    if let Some((pack, offset)) = pack
        && !gathered.is_empty()
    {
        pack.write(gathered, offset + written).await?;
    }
    Ok(short(&hasher.finalize()))
}

fn attributes(got: &GetObjectOutput) -> BTreeMap<String, String> {
    let headers = [
        ("content-type", &got.content_type),
        ("cache-control", &got.cache_control),
        ("content-disposition", &got.content_disposition),
        ("content-encoding", &got.content_encoding),
        ("content-language", &got.content_language),
        ("expires", &got.expires_string),
        (
            "x-amz-website-redirect-location",
            &got.website_redirect_location,
        ),
    ];
    let own = got.metadata.iter().flatten();
    headers
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .chain(own.map(|(name, value)| (format!("x-amz-meta-{name}"), value.clone())))
        .collect()
}
