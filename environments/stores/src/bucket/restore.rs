//! A recovery point is put back into an empty bucket, and read back before anybody says so.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use futures::{StreamExt as _, TryStreamExt as _};

use super::errors::words;
use super::objects::Read;
use super::{AT_A_TIME, BucketStore, Versioning, manifest, pack};

/// From this size on, an object is sent in parts of it.
const PART: u64 = 16 << 20;
/// No server takes more parts of one object.
const PARTS: u64 = 10_000;

impl BucketStore {
    pub(super) async fn unpack(&self, from: &Path) -> Result<u64, String> {
        let (seal, mut index) = pack::open(from)?;
        let held = self.versions("").await?;
        if !held.is_empty() {
            return Err(format!(
                "it holds {} keys, delete markers included; a recovery point goes into an empty \
                 bucket only",
                held.len()
            ));
        }
        if seal.history {
            let now = self.versioning_now().await?;
            if seal.versioning != Versioning::Off && now != Versioning::On {
                let set = self.set_versioning(Versioning::On).await;
                set.map_err(|why| why.to_string())?;
            }
        } else {
            index.retain(|version| !version.marker);
        }
        let path = from.join(pack::PACK);
        let wanted = manifest::of(&index);
        let mut keys: BTreeMap<String, Vec<Read>> = BTreeMap::new();
        for version in index {
            keys.entry(version.key.clone()).or_default().push(version);
        }
        let bytes: u64 = futures::stream::iter(keys.into_values())
            .map(|versions| self.put_versions(versions, &path))
            .buffer_unordered(AT_A_TIME)
            .try_fold(0, |sum, bytes| async move { Ok(sum + bytes) })
            .await?;
        if seal.history && seal.versioning == Versioning::Suspended {
            let set = self.set_versioning(Versioning::Suspended).await;
            set.map_err(|why| why.to_string())?;
        }
        let now = self.digests(self.versions("").await?).await?;
        let lines = manifest::differences(&wanted, &manifest::of(&now));
        if lines.is_empty() {
            return Ok(bytes);
        }
        Err(format!(
            "what is there now is not what was backed up: {}",
            lines.join("; ")
        ))
    }

    /// Versions of one key, in the order in which they were written.
    pub(super) async fn put_versions(
        &self,
        versions: Vec<Read>,
        pack: &Path,
    ) -> Result<u64, String> {
        let mut bytes = 0;
        for version in &versions {
            let put = if version.marker {
                let marked = self
                    .client
                    .delete_object()
                    .bucket(&self.name)
                    .key(&version.key);
                marked.send().await.map(|_| ()).map_err(|why| words(&why))
            } else if version.size > PART {
                self.put_in_parts(version, pack).await
            } else {
                self.put(version, pack).await
            };
            put.map_err(|why| format!("{}: {why}", version.key))?;
            bytes += version.size;
        }
        Ok(bytes)
    }

    async fn put(&self, version: &Read, pack: &Path) -> Result<(), String> {
        let given = Given::of(version);
        let put = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(&version.key)
            .body(part(pack, version.offset.unwrap_or(0), version.size).await?)
            .set_content_type(given.header("content-type"))
            .set_cache_control(given.header("cache-control"))
            .set_content_disposition(given.header("content-disposition"))
            .set_content_encoding(given.header("content-encoding"))
            .set_content_language(given.header("content-language"))
            .set_expires(given.expires()?)
            .set_website_redirect_location(given.header("x-amz-website-redirect-location"))
            .set_metadata(given.metadata())
            .set_tagging(given.tags())
            .send();
        put.await.map(|_| ()).map_err(|why| words(&why))
    }

    async fn put_in_parts(&self, version: &Read, pack: &Path) -> Result<(), String> {
        let given = Given::of(version);
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(&version.key)
            .set_content_type(given.header("content-type"))
            .set_cache_control(given.header("cache-control"))
            .set_content_disposition(given.header("content-disposition"))
            .set_content_encoding(given.header("content-encoding"))
            .set_content_language(given.header("content-language"))
            .set_expires(given.expires()?)
            .set_website_redirect_location(given.header("x-amz-website-redirect-location"))
            .set_metadata(given.metadata())
            .set_tagging(given.tags())
            .send();
        let upload = begun.await.map_err(|why| words(&why))?.upload_id;
        let upload = upload.ok_or("an upload without an id")?;
        let sent = self.send_parts(version, pack, &upload).await;
        if sent.is_err() {
            // What was sent of it would lie there, unseen and paid for.
            let abort = self.client.abort_multipart_upload().bucket(&self.name);
            let _best_effort = abort.key(&version.key).upload_id(&upload).send().await;
        }
        sent
    }

    async fn send_parts(&self, version: &Read, pack: &Path, upload: &str) -> Result<(), String> {
        let length = PART.max(version.size.div_ceil(PARTS));
        let mut parts = Vec::new();
        let mut sent = 0;
        while sent < version.size {
            let number = i32::try_from(parts.len() + 1).map_err(|why| why.to_string())?;
            let now = length.min(version.size - sent);
            let body = part(pack, version.offset.unwrap_or(0) + sent, now).await?;
            let put = self
                .client
                .upload_part()
                .bucket(&self.name)
                .key(&version.key)
                .upload_id(upload)
                .part_number(number)
                .body(body)
                .send();
            let put = put.await.map_err(|why| words(&why))?;
            let part = CompletedPart::builder().part_number(number);
            parts.push(part.set_e_tag(put.e_tag).build());
            sent += now;
        }
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts));
        let completed = self
            .client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(&version.key)
            .upload_id(upload)
            .multipart_upload(all.build())
            .send();
        completed.await.map(|_| ()).map_err(|why| words(&why))
    }
}

/// Bytes of the pack, streamed: a request that is sent again reads them again.
async fn part(pack: &Path, offset: u64, length: u64) -> Result<ByteStream, String> {
    if length == 0 {
        return Ok(ByteStream::from_static(b""));
    }
    let stream = ByteStream::read_from().path(pack).offset(offset);
    let stream = stream.length(Length::Exact(length)).build().await;
    stream.map_err(|why| format!("read {}: {why}", pack.display()))
}

/// What goes with an object.
struct Given<'a> {
    version: &'a Read,
}

impl<'a> Given<'a> {
    fn of(version: &'a Read) -> Self {
        Self { version }
    }

    fn header(&self, name: &str) -> Option<String> {
        self.version.attributes.get(name).cloned()
    }

    fn expires(&self) -> Result<Option<aws_sdk_s3::primitives::DateTime>, String> {
        use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
        let Some(text) = self.header("expires") else {
            return Ok(None);
        };
        let time = DateTime::from_str(&text, DateTimeFormat::HttpDate);
        time.map(Some).map_err(|_| {
            format!("its header `expires: {text}` is no date and cannot be given again")
        })
    }

    fn metadata(&self) -> Option<std::collections::HashMap<String, String>> {
        let own = self.version.attributes.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.clone()))
        });
        Some(own.collect()).filter(|own: &std::collections::HashMap<_, _>| !own.is_empty())
    }

    fn tags(&self) -> Option<String> {
        let tags: &BTreeMap<String, String> = &self.version.tags;
        let pairs: Vec<String> = tags
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }
}

/// A text as it may stand in a URL.
pub(super) fn escaped(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}
