//! Object storage as the applications use it, at a server that nobody here wrote.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::Region;
use phoenix_understudies::shared::objects::Bucket;
use testcontainers::core::IntoContainerPort as _;
use testcontainers::{GenericImage, ImageExt as _};

use super::server::container;

const KEY: &str = "key-of-the-test";
const SECRET: &str = "secret-of-the-test";

#[tokio::test]
async fn objects_are_kept_found_and_forgotten() {
    let image = GenericImage::new("phoenix.local/seaweedfs", "current")
        .with_exposed_port(8333.tcp())
        .with_env_var("AWS_ACCESS_KEY_ID", KEY)
        .with_env_var("AWS_SECRET_ACCESS_KEY", SECRET)
        .with_cmd(["server", "-s3", "-dir=/data", "-ip.bind=0.0.0.0"]);
    let Some(container) = container(image).await else {
        return;
    };
    let port = container.get_host_port_ipv4(8333.tcp()).await.unwrap();
    let endpoint = format!("http://127.0.0.1:{port}");
    make_bucket(&endpoint).await;

    let bucket = Bucket::new(&endpoint, "us-east-1", KEY, SECRET, "uploads");
    let key = "uploads/files/2026-11/a name.bin";
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    assert_eq!(bucket.get(key).await, Ok(None));
    bucket.put(key, bytes.clone()).await.unwrap();
    assert_eq!(bucket.get(key).await, Ok(Some(bytes)));
    bucket.delete(key).await.unwrap();
    assert_eq!(bucket.get(key).await, Ok(None));

    let stranger = Bucket::new(&endpoint, "us-east-1", KEY, "another secret", "uploads");
    assert!(stranger.get(key).await.is_err());
    let nowhere = Bucket::new(&endpoint, "us-east-1", KEY, SECRET, "nowhere");
    let told = nowhere.get(key).await;
    assert!(
        told.is_err(),
        "a missing bucket is no missing object: {told:?}"
    );
}

/// The mirror makes it, not the application.
async fn make_bucket(endpoint: &str) {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::from_keys(KEY, SECRET, None))
        .force_path_style(true)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = aws_sdk_s3::Client::from_conf(config);
    let made = async {
        while client
            .create_bucket()
            .bucket("uploads")
            .send()
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let made = tokio::time::timeout(Duration::from_secs(60), made).await;
    assert!(made.is_ok(), "the server never made a bucket");
}
