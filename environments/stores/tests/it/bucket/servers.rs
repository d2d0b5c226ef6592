//! The servers that the same tests run against: SeaweedFS in a container, and the S3 in process.

use std::net::SocketAddr;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation};
use phoenix_embedded::objects::Objects;
use phoenix_stores::Store as _;
use phoenix_stores::bucket::{Access, BucketStore};
use testcontainers::core::{IntoContainerPort as _, Mount};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use crate::volume::engine;

const IMAGE: &str = "phoenix.local/seaweedfs:current";
const KEY: &str = "phoenix-test";
const SECRET: &str = "phoenix-test-secret";

/// A running server; gone when it is dropped.
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) access: Access,
    pub(super) container: Option<ContainerAsync<GenericImage>>,
    pub(super) embedded: Option<(Objects, tempfile::TempDir)>,
}

fn access(endpoint: SocketAddr) -> Access {
    Access {
        endpoint,
        region: "us-east-1".to_owned(),
        key: KEY.to_owned(),
        secret: SECRET.to_owned(),
    }
}

/// The server in process.
pub(super) async fn embedded() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::new(folder.path().to_owned(), KEY, SECRET);
    objects.start().await.unwrap();
    Server {
        name: "embedded",
        access: access(objects.address().unwrap()),
        container: None,
        embedded: Some((objects, folder)),
    }
}

/// SeaweedFS; `None` where there is no engine or image.
pub(super) async fn seaweedfs() -> Option<Server> {
    engine(IMAGE).await?;
    let container = GenericImage::new("phoenix.local/seaweedfs", "current")
        .with_exposed_port(8333.tcp())
        .with_cmd([
            "server",
            "-s3",
            "-ip.bind=0.0.0.0",
            "-master.volumePreallocate=false",
            // Else a small disk has room for the volumes of one bucket only, and writes wait.
            "-master.volumeSizeLimitMB=64",
            "-volume.max=200",
        ])
        .with_env_var("AWS_ACCESS_KEY_ID", KEY)
        .with_env_var("AWS_SECRET_ACCESS_KEY", SECRET)
        .with_mount(Mount::tmpfs_mount("/data"))
        .with_label("phoenix.run", "test-buckets")
        .start()
        .await
        .unwrap();
    let port = container.get_host_port_ipv4(8333).await.unwrap();
    let server = Server {
        name: "seaweedfs",
        access: access(SocketAddr::from(([127, 0, 0, 1], port))),
        container: Some(container),
        embedded: None,
    };
    let probe = server.bucket("phoenix-probe");
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    while let Err(why) = probe.create(phoenix_stores::bucket::Versioning::Off).await {
        assert!(tokio::time::Instant::now() < until, "{why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    probe.ready(Duration::from_secs(30)).await.unwrap();
    probe.delete().await.unwrap();
    Some(server)
}

/// All that can be had.
pub(super) async fn all() -> Vec<Server> {
    let mut servers = vec![embedded().await];
    servers.extend(seaweedfs().await);
    servers
}

impl Server {
    pub(super) fn bucket(&self, name: &str) -> BucketStore {
        BucketStore::new(&self.access, name)
    }

    /// A client of the application's own.
    pub(super) fn client(&self) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .endpoint_url(format!("http://{}", self.access.endpoint))
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys(KEY, SECRET, None))
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Client::from_conf(config)
    }

    pub(super) async fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        let body = aws_sdk_s3::primitives::ByteStream::from(bytes.to_vec());
        let put = self
            .client()
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(body);
        put.send().await.unwrap();
    }

    pub(super) async fn delete(&self, bucket: &str, key: &str) {
        let delete = self.client().delete_object().bucket(bucket).key(key);
        delete.send().await.unwrap();
    }

    pub(super) async fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let got = self
            .client()
            .get_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
            .ok()?;
        Some(got.body.collect().await.unwrap().to_vec())
    }
}
