//! A comparison names what was changed, and nothing else.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use phoenix_engine::environment::Fingerprint;
use phoenix_stores::Store as _;
use phoenix_stores::bucket::{BucketStore, Suspects, Versioning};

use super::servers::{Server, all, seaweedfs};

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
        .body(ByteStream::from_static(b"abc"))
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

/// Puts bytes in parts of five megabytes, the smallest that S3 takes, and the rest.
async fn put_in_parts(server: &Server, key: &str, bytes: &[u8], part: usize) {
    let client = server.client();
    let begun = client.create_multipart_upload().bucket(BUCKET).key(key);
    let upload = begun.send().await.unwrap().upload_id.unwrap();
    let mut parts = CompletedMultipartUpload::builder();
    for (number, bytes) in (1..).zip(bytes.chunks(part)) {
        let sent = client
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(&upload)
            .part_number(number)
            .body(ByteStream::from(bytes.to_vec()))
            .send()
            .await
            .unwrap();
        parts = parts.parts(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .build(),
        );
    }
    client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .upload_id(upload)
        .multipart_upload(parts.build())
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screening_names_what_certainly_differs() {
    for server in all().await {
        let store = server.bucket(BUCKET);
        store.create(Versioning::On).await.unwrap();
        for key in ["kept", "other", "deleted"] {
            server.put(BUCKET, key, b"abc").await;
        }
        let before = store.screen().await.unwrap();
        assert_eq!((before.len(), before.is_empty()), (3, false));
        let again = store.screen().await.unwrap();
        assert_eq!(before.suspects(&again), Suspects::default(), "the same");

        server.put(BUCKET, "other", b"abd").await;
        server.delete(BUCKET, "deleted").await;
        server.put(BUCKET, "new", b"").await;
        let after = store.screen().await.unwrap();
        let suspects = before.suspects(&after);
        assert_eq!(suspects.differ, ["deleted", "new", "other"]);
        assert_eq!(suspects.not_judged, [""; 0]);
        let back = after.suspects(&before);
        assert_eq!(back.differ, ["new", "deleted", "other"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screening_does_not_judge_by_sums_of_parts() {
    const MB: usize = 1 << 20;
    let Some(server) = seaweedfs().await else {
        return;
    };
    let store = server.bucket(BUCKET);
    store.create(Versioning::Off).await.unwrap();
    let bytes: Vec<u8> = (0..11 * MB).map(|at| (at % 251) as u8).collect();
    put_in_parts(&server, "large", &bytes, 5 * MB).await;
    let before = store.screen().await.unwrap();
    let read = store.fingerprint().await.unwrap().unwrap();
    put_in_parts(&server, "large", &bytes, 6 * MB).await;
    let suspects = before.suspects(&store.screen().await.unwrap());
    assert_eq!(suspects.differ, [""; 0]);
    assert_eq!(suspects.not_judged, ["large"]);
    let again = store.fingerprint().await.unwrap().unwrap();
    assert_eq!(store.compare(&read, &again), [""; 0], "the last word");
    put_in_parts(&server, "large", &bytes[1..], 5 * MB).await;
    let suspects = before.suspects(&store.screen().await.unwrap());
    assert_eq!(suspects.differ, ["large"], "another size");
}
