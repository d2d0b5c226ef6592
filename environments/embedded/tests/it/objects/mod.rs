//! The object store as its clients see it, and as its operators do.

mod api;
mod buckets;
mod hostile;
mod listings;
mod manifests;
mod multipart;
mod replication;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use phoenix_embedded::objects::{Access, Objects};

pub(super) const BUCKET: &str = "uploads";

/// A running object store with one bucket.
pub(super) struct Running {
    pub(super) folder: tempfile::TempDir,
    pub(super) objects: Objects,
    pub(super) client: Client,
}

pub(super) fn client(access: &Access, secret: &str) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .endpoint_url(&access.endpoint)
        .region(Region::new(access.region.clone()))
        .credentials_provider(Credentials::from_keys(&access.key, secret, None))
        .force_path_style(true)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

pub(super) async fn start(versions: bool) -> Running {
    let folder = tempfile::tempdir().expect("a folder");
    let objects = Objects::new(folder.path().join("objects"), "AKTEST", "a secret");
    objects.start().await.expect("a server");
    let access = objects.access().expect("it listens");
    let client = client(&access, &access.secret);
    let created = client.create_bucket().bucket(BUCKET).send().await;
    created.expect("a bucket");
    if versions {
        set_versioning(&client, BucketVersioningStatus::Enabled).await;
    }
    Running {
        folder,
        objects,
        client,
    }
}

pub(super) async fn set_versioning(client: &Client, status: BucketVersioningStatus) {
    let wanted = VersioningConfiguration::builder().status(status).build();
    client
        .put_bucket_versioning()
        .bucket(BUCKET)
        .versioning_configuration(wanted)
        .send()
        .await
        .expect("versioning is set");
}

impl Running {
    /// Puts an object; its version.
    pub(super) async fn put(&self, key: &str, text: &str) -> Option<String> {
        let request = self.client.put_object().bucket(BUCKET).key(key);
        let put = request.body(ByteStream::from(text.as_bytes().to_vec()));
        let put = put.send().await.expect("put");
        put.version_id().map(str::to_owned)
    }

    /// The text of a key (and a version), or the code of the refusal.
    pub(super) async fn get(&self, key: &str, version: Option<&str>) -> Result<String, String> {
        let request = self.client.get_object().bucket(BUCKET).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        match request.send().await {
            Ok(found) => {
                let bytes = found.body.collect().await.expect("a body").to_vec();
                Ok(String::from_utf8(bytes).expect("text"))
            }
            Err(why) => Err(code(&why)),
        }
    }

    /// Deletes a key (or a version); the version that the answer names.
    pub(super) async fn delete(&self, key: &str, version: Option<&str>) -> Option<String> {
        let request = self.client.delete_object().bucket(BUCKET).key(key);
        let request = request.set_version_id(version.map(str::to_owned));
        let answer = request.send().await.expect("delete");
        answer.version_id().map(str::to_owned)
    }
}

/// The code of a refusal; where the answer had no body, its status.
pub(super) fn code<E: ProvideErrorMetadata, T: Status>(
    error: &aws_sdk_s3::error::SdkError<E, T>,
) -> String {
    match error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
    {
        Some(code) => code.to_owned(),
        None => error
            .raw_response()
            .map_or_else(|| "no answer".to_owned(), |raw| raw.status().to_string()),
    }
}

/// What an answer without a body still has.
pub(super) trait Status {
    fn status(&self) -> u16;
}

impl Status for aws_sdk_s3::config::http::HttpResponse {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }
}
