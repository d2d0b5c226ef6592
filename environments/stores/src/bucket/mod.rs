//! A bucket of an S3 server.
//!
//! How servers were seen to differ from S3, so that nobody takes it for a finding:
//!
//! | what | S3 | SeaweedFS 4.48 | here |
//! |---|---|---|---|
//! | deleting a bucket that is not empty | refused | done without a word | emptied first, always |
//! | `If-None-Match: *` on a put | refused when the key is there | ignored | not leant on |
//! | time of creation of a bucket | seconds | seconds | an identity no finer than that |
//! | time of a version in a listing | whole seconds | whole seconds | a moment within a second is not told apart |

mod administration;
mod errors;
mod foreign;
mod listing;
mod manifest;
mod objects;
mod pack;
mod recover;
mod restore;
mod screen;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use futures::{StreamExt as _, TryStreamExt as _};
use phoenix_engine::environment::{DirectCopy, DriverError, FileSeen, Fingerprint, Loaded};
use phoenix_engine::foreign::ForeignPoint;

use crate::search::Finder;
use crate::{Form, Store, Taken};
use errors::words;

pub use listing::Versioning;
pub use recover::{Moment, Moved};
pub use screen::{Screening, Suspects};

/// Prefix of canaries that were written straight into the bucket.
const CANARIES: &str = ".phoenix-canary/";
/// Requests at a time: enough to hide a server's latency, few enough for its connections.
const AT_A_TIME: usize = 32;

/// How a bucket is reached. Printing it shows no secret.
#[derive(Clone)]
pub struct Access {
    /// Where the server listens.
    pub endpoint: SocketAddr,
    /// Region that requests are signed for.
    pub region: String,
    /// Access key.
    pub key: String,
    /// Secret key.
    pub secret: String,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// A bucket as a store.
#[derive(Clone, Debug)]
pub struct BucketStore {
    client: Client,
    name: String,
    endpoint: SocketAddr,
}

impl BucketStore {
    /// A bucket by its name; nothing is asked of the server yet.
    #[must_use]
    pub fn new(access: &Access, bucket: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(60))
            .build();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .endpoint_url(format!("http://{}", access.endpoint))
            .region(Region::new(access.region.clone()))
            .credentials_provider(Credentials::from_keys(&access.key, &access.secret, None))
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .timeout_config(timeouts)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            client: Client::from_conf(config),
            name: bucket.to_owned(),
            endpoint: access.endpoint,
        }
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> DriverError {
        DriverError::new(
            format!("{doing} the bucket {} at {}", self.name, self.endpoint),
            why,
        )
    }

    /// Current objects with a prefix.
    async fn objects(&self, prefix: &str) -> Result<Vec<Object>, String> {
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.name)
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|why| words(&why))?;
            objects.extend(page.contents.unwrap_or_default());
        }
        Ok(objects)
    }

    /// Keys of current objects with a prefix.
    async fn keys(&self, prefix: &str) -> Result<Vec<String>, String> {
        let objects = self.objects(prefix).await?.into_iter();
        Ok(objects.filter_map(|it| it.key).collect())
    }

    /// All bytes of a small object.
    async fn bytes(&self, key: &str) -> Result<Vec<u8>, String> {
        let got = self.client.get_object().bucket(&self.name).key(key).send();
        let got = got.await.map_err(|why| words(&why))?;
        let body = got.body.collect().await;
        body.map(aws_sdk_s3::primitives::AggregatedBytes::to_vec)
            .map_err(|why| why.to_string())
    }

    async fn has_text(&self, key: &str, text: &str) -> Result<bool, String> {
        let got = self.client.get_object().bucket(&self.name).key(key).send();
        let mut body = match got.await {
            Ok(got) => got.body,
            // Deleted since it was listed.
            Err(why) if errors::is_missing(&why) => return Ok(false),
            Err(why) => return Err(words(&why)),
        };
        let mut finder = Finder::new(text);
        while let Some(piece) = body.try_next().await.map_err(|why| why.to_string())? {
            if finder.found(&piece) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl Store for BucketStore {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        let until = tokio::time::Instant::now() + within;
        loop {
            let asked = tokio::time::timeout_at(until, self.versioning_now()).await;
            let why = match asked {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(why)) => why,
                Err(_) => format!("no answer within {within:?}"),
            };
            if tokio::time::Instant::now() + Duration::from_millis(100) >= until {
                return Err(self.failed("wait for", &why));
            }
            // A server that is coming up gives no event.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn backup(&self, form: Form, into: &Path) -> Result<Taken, DriverError> {
        let taken = self.pack(form, into).await;
        taken
            .map(|fingerprint| Taken {
                fingerprint: Some(fingerprint),
            })
            .map_err(|why| self.failed("back up", &why))
    }

    async fn restore(&self, from: &Path) -> Result<u64, DriverError> {
        let restored = self.unpack(from).await;
        restored.map_err(|why| self.failed("restore", &why))
    }

    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let doing = format!("restore from {} into", point.shown);
        let loaded = self.load_foreign(point).await;
        loaded.map_err(|why| self.failed(&doing, &why))
    }

    async fn file(&self, path: &str) -> Result<Option<FileSeen>, DriverError> {
        let seen = self.look_at(path).await;
        seen.map_err(|why| self.failed(&format!("read {path} from"), &why))
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError> {
        let taken = async {
            let listed = self.versions("").await?;
            let read = self.digests(listed).await?;
            Ok::<_, String>(manifest::fingerprint(&manifest::of(&read)))
        };
        taken
            .await
            .map(Some)
            .map_err(|why| self.failed("fingerprint", &why))
    }

    fn compare(&self, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        manifest::compare(before, after)
    }

    async fn write_direct(&self, copy: &DirectCopy) -> Result<bool, DriverError> {
        let put = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(format!("{CANARIES}{}", copy.marker))
            .body(ByteStream::from(copy.text.clone().into_bytes()))
            .send();
        put.await
            .map(|_| true)
            .map_err(|why| self.failed("write straight into", &words(&why)))
    }

    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError> {
        let read = async {
            let mut copies = Vec::new();
            for key in self.keys(CANARIES).await? {
                copies.push(DirectCopy {
                    marker: key[CANARIES.len()..].to_owned(),
                    text: String::from_utf8_lossy(&self.bytes(&key).await?).into_owned(),
                });
            }
            Ok::<_, String>(copies)
        };
        read.await
            .map_err(|why| self.failed("read straight from", &why))
    }

    async fn find_text(&self, text: &str) -> Result<bool, DriverError> {
        let search = async {
            let mut keys = self.keys("").await?;
            keys.retain(|key| !key.starts_with(CANARIES));
            if keys.iter().any(|key| key.contains(text)) {
                return Ok(true);
            }
            let mut searches = futures::stream::iter(keys)
                .map(|key| async move { self.has_text(&key, text).await })
                .buffer_unordered(AT_A_TIME);
            while let Some(found) = searches.try_next().await? {
                if found {
                    return Ok(true);
                }
            }
            Ok::<_, String>(false)
        };
        search
            .await
            .map_err(|why| self.failed("look for a text in", &why))
    }

    async fn holds(&self) -> Result<u64, DriverError> {
        let keys = self.keys("").await;
        keys.map(|keys| keys.iter().filter(|key| !key.starts_with(CANARIES)).count() as u64)
            .map_err(|why| self.failed("count what is in", &why))
    }

    async fn sql(&self, _query: &str) -> Result<Vec<String>, DriverError> {
        Err(self.failed("ask", &"it is no database"))
    }

    async fn execute(&self, _statement: &str, _values: &[String]) -> Result<u64, DriverError> {
        Err(self.failed("change", &"it is no database"))
    }
}
