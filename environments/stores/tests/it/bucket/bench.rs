//! How long it takes to see that two buckets are equal, beside `rclone check`. Ignored: it takes
//! minutes. `PHOENIX_BENCH_OBJECTS` says how many objects each has, 100000 where it is not set.

use std::process::Stdio;
use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;
use futures::{StreamExt as _, TryStreamExt as _};
use phoenix_stores::Store as _;
use phoenix_stores::bucket::{Suspects, Versioning};

use super::servers::{Server, seaweedfs};
use crate::bench::{asked, peak};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes and reads two buckets of 100000 objects"]
async fn two_manifests_beside_the_check_of_rclone() {
    let Some(server) = seaweedfs().await else {
        return;
    };
    let objects = asked("PHOENIX_BENCH_OBJECTS", 100_000);
    let (left, right) = (server.bucket("left-bucket"), server.bucket("right-bucket"));
    for bucket in [&left, &right] {
        bucket.create(Versioning::Off).await.unwrap();
    }
    let started = Instant::now();
    fill(&server, objects).await;
    eprintln!("made in {:?}", started.elapsed());
    for round in 1..=2 {
        let started = Instant::now();
        // Each on a task of its own: unpacking a listing is work for a whole core.
        let screened = [left.clone(), right.clone()]
            .map(|bucket| tokio::spawn(async move { bucket.screen().await.unwrap() }));
        let [one, other] = screened;
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert_eq!(one.len() as u64, objects);
        assert_eq!(one.suspects(&other), Suspects::default());
        let screened = started.elapsed();
        eprintln!("round {round}: screenings and their difference {screened:?}");
        let before = peak();
        let started = Instant::now();
        let manifests = futures::future::try_join(left.fingerprint(), right.fingerprint())
            .await
            .unwrap();
        let (Some(one), Some(other)) = manifests else {
            panic!("a bucket without a fingerprint");
        };
        assert_eq!(left.compare(&one, &other), Vec::<String>::new());
        let ours = started.elapsed();
        let after = peak();
        let mut theirs = Vec::new();
        for flags in [&[][..], &["--checksum"], &["--download"]] {
            theirs.push(format!("{flags:?} {}", rclone(&server, flags).await));
        }
        eprintln!(
            "round {round}, twice {objects} objects: fingerprints and their difference {ours:?}, rclone check {}; most memory of this process {before} MB before, {after} MB after the \
             fingerprints",
            theirs.join(", ")
        );
    }
}

/// Small objects of some hundred bytes, the same ones in both buckets.
async fn fill(server: &Server, objects: u64) {
    let client = server.client();
    let put = |bucket: &'static str, number: u64| {
        let body = format!("object {number} ").repeat(30).into_bytes();
        client
            .put_object()
            .bucket(bucket)
            .key(format!("{:03}/{number:06}", number % 500))
            .body(ByteStream::from(body))
            .send()
    };
    let puts = (0..objects)
        .flat_map(|number| ["left-bucket", "right-bucket"].map(|bucket| put(bucket, number)));
    futures::stream::iter(puts)
        .buffer_unordered(64)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
}

/// How long `rclone` takes, where it is installed.
async fn rclone(server: &Server, flags: &[&str]) -> String {
    let mut command = tokio::process::Command::new("rclone");
    command
        .args(["check", "s3:left-bucket", "s3:right-bucket"])
        .args(flags)
        // A plain server: rclone refuses a bundle of certificates that somebody named for others.
        .env_remove("AWS_CA_BUNDLE")
        .env("RCLONE_CONFIG_S3_TYPE", "s3")
        .env("RCLONE_CONFIG_S3_PROVIDER", "Other")
        .env(
            "RCLONE_CONFIG_S3_ENDPOINT",
            format!("http://{}", server.access.endpoint),
        )
        .env("RCLONE_CONFIG_S3_ACCESS_KEY_ID", &server.access.key)
        .env("RCLONE_CONFIG_S3_SECRET_ACCESS_KEY", &server.access.secret)
        .stdin(Stdio::null());
    let started = Instant::now();
    let ended = match command.output().await {
        Ok(ended) => ended,
        Err(why) => return format!("could not be run: {why}"),
    };
    let took = started.elapsed();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{words}");
    format!("{took:?}")
}
