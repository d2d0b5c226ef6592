//! A comparison names what was changed, and nothing else.

use phoenix_engine::environment::Fingerprint;
use phoenix_stores::Store as _;
use phoenix_stores::bucket::{BucketStore, Versioning};

use super::servers::{Server, all};

const BUCKET: &str = "some-bucket";

async fn step(store: &BucketStore, before: &mut Fingerprint, named: &[&str], what: &str) {
    let after = store.fingerprint().await.unwrap().unwrap();
    assert_eq!(store.compare(before, &after), named, "{what}");
    assert_eq!(before.digest == after.digest, named.is_empty(), "{what}");
    *before = after;
}

/// Puts `k` with the same bytes, and what is said of it.
async fn put_as(server: &Server, content_type: &str, owner: &str, cache: Option<&str>) {
    server
        .client()
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .content_type(content_type)
        .metadata("owner", owner)
        .set_cache_control(cache.map(str::to_owned))
        .body(aws_sdk_s3::primitives::ByteStream::from_static(b"abc"))
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_single_change_is_named() {
    for server in all().await {
        let store = server.bucket(BUCKET);
        store.create(Versioning::Off).await.unwrap();
        put_as(&server, "text/plain", "a", None).await;
        server.put(BUCKET, "l", b"l").await;
        let now = &mut store.fingerprint().await.unwrap().unwrap();
        step(&store, now, &[], "nothing").await;
        put_as(&server, "text/html", "a", None).await;
        step(
            &store,
            now,
            &["k has other attributes: content-type"],
            "type",
        )
        .await;
        put_as(&server, "text/html", "b", None).await;
        step(
            &store,
            now,
            &["k has other attributes: x-amz-meta-owner"],
            "metadata",
        )
        .await;
        put_as(&server, "text/html", "b", Some("no-store")).await;
        step(
            &store,
            now,
            &["k has other attributes: cache-control"],
            "caching",
        )
        .await;
        server.put(BUCKET, "l", b"m").await;
        step(&store, now, &["l has other content"], "same size").await;
        server.put(BUCKET, "l", b"mm").await;
        step(&store, now, &["l has other content"], "size").await;
        server.put(BUCKET, "n", b"").await;
        step(&store, now, &["n is new"], "new").await;
        server.delete(BUCKET, "l").await;
        step(&store, now, &["l is missing"], "deleted").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_a_key_is_seen() {
    for server in all().await {
        let store = server.bucket(BUCKET);
        store.create(Versioning::On).await.unwrap();
        server.put(BUCKET, "k", b"1").await;
        server.put(BUCKET, "other", b"1").await;
        let now = &mut store.fingerprint().await.unwrap().unwrap();
        server.put(BUCKET, "k", b"1").await;
        let named = "k has 2 versions and 0 delete markers, 1 and 0 before";
        step(&store, now, &[named], "the same again").await;
        server.delete(BUCKET, "k").await;
        step(&store, now, &["k is deleted"], "a marker").await;
        server.put(BUCKET, "k", b"1").await;
        step(&store, now, &["k is there again, deleted before"], "again").await;
    }
}
