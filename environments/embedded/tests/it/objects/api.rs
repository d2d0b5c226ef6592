//! Versions, markers, ranges, copies, credentials.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, Delete, MetadataDirective, ObjectIdentifier};

use super::{BUCKET, client, code, set_versioning, start};

#[tokio::test]
async fn without_versions_a_write_replaces_and_a_delete_removes() {
    let running = start(false).await;
    assert_eq!(running.put("a", "one").await, None);
    running.put("a", "two").await;
    assert_eq!(running.get("a", None).await.as_deref(), Ok("two"));
    assert_eq!(running.delete("a", None).await, None, "no marker");
    assert_eq!(running.get("a", None).await, Err("NoSuchKey".to_owned()));
    let data = running.folder.path().join("objects/uploads/data");
    let left = std::fs::read_dir(data).expect("a folder").count();
    assert_eq!(left, 0, "replaced and removed bytes are gone from the disk");
}

#[tokio::test]
async fn with_versions_a_delete_hides_and_every_version_stays() {
    let running = start(true).await;
    let first = running.put("a", "one").await.expect("a version");
    let second = running.put("a", "two").await.expect("a version");
    assert_ne!(first, second);
    let marker = running.delete("a", None).await.expect("a marker");
    assert_eq!(running.get("a", None).await, Err("NoSuchKey".to_owned()));
    assert_eq!(running.get("a", Some(&first)).await.as_deref(), Ok("one"));
    assert_eq!(running.get("a", Some(&second)).await.as_deref(), Ok("two"));
    assert_eq!(
        running.get("a", Some(&marker)).await,
        Err("MethodNotAllowed".to_owned())
    );
    assert_eq!(
        running.get("a", Some("0123")).await,
        Err("NoSuchVersion".to_owned())
    );
    running.delete("a", Some(&marker)).await;
    assert_eq!(running.get("a", None).await.as_deref(), Ok("two"));
    running.delete("a", Some(&second)).await;
    assert_eq!(running.get("a", None).await.as_deref(), Ok("one"));
}

#[tokio::test]
async fn suspended_versioning_writes_the_null_version_and_keeps_the_older() {
    let running = start(true).await;
    let kept = running.put("a", "kept").await.expect("a version");
    set_versioning(&running.client, BucketVersioningStatus::Suspended).await;
    assert_eq!(running.put("a", "x").await.as_deref(), Some("null"));
    assert_eq!(running.put("a", "y").await.as_deref(), Some("null"));
    assert_eq!(running.get("a", Some("null")).await.as_deref(), Ok("y"));
    assert_eq!(running.get("a", Some(&kept)).await.as_deref(), Ok("kept"));
    assert_eq!(running.delete("a", None).await.as_deref(), Some("null"));
    assert_eq!(running.get("a", None).await, Err("NoSuchKey".to_owned()));
    assert_eq!(running.get("a", Some(&kept)).await.as_deref(), Ok("kept"));
}

#[tokio::test]
async fn a_range_is_a_part_of_the_bytes_and_says_so() {
    let running = start(false).await;
    running.put("a", "0123456789").await;
    let get = |range: &str| {
        let request = running.client.get_object().bucket(BUCKET).key("a");
        request.range(range).send()
    };
    let part = get("bytes=2-4").await.expect("a part");
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(part.content_length(), Some(3));
    assert_eq!(part.body.collect().await.expect("a body").to_vec(), b"234");
    let tail = get("bytes=-3").await.expect("a part");
    assert_eq!(tail.body.collect().await.expect("a body").to_vec(), b"789");
    let beyond = get("bytes=10-").await.expect_err("nothing is there");
    assert_eq!(code(&beyond), "InvalidRange");
}

#[tokio::test]
async fn an_etag_is_the_md5_and_what_was_said_of_an_object_comes_back() {
    let running = start(false).await;
    let put = running.client.put_object().bucket(BUCKET).key("a");
    let put = put.content_type("text/plain").metadata("owner", "ann");
    let put = put.body(ByteStream::from_static(b"hello world"));
    let put = put.send().await.expect("put");
    assert_eq!(put.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    let head = running.client.head_object().bucket(BUCKET).key("a");
    let head = head.send().await.expect("head");
    assert_eq!(head.content_length(), Some(11));
    assert_eq!(head.content_type(), Some("text/plain"));
    let metadata = head.metadata().expect("metadata");
    assert_eq!(metadata.get("owner").map(String::as_str), Some("ann"));
}

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_says_are_refused_and_leave_nothing() {
    let running = start(false).await;
    let put = running.client.put_object().bucket(BUCKET).key("a");
    let put = put.body(ByteStream::from_static(b"hello world"));
    let refused = put.content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await;
    assert_eq!(code(&refused.expect_err("a bad digest")), "BadDigest");
    let put = running.client.put_object().bucket(BUCKET).key("a");
    let put = put.body(ByteStream::from_static(b"hello world"));
    let refused = put.checksum_crc32("AAAAAA==").send().await;
    assert_eq!(code(&refused.expect_err("a bad checksum")), "BadDigest");
    assert_eq!(running.get("a", None).await, Err("NoSuchKey".to_owned()));
    for folder in ["data", "partial"] {
        let path = running.folder.path().join("objects/uploads").join(folder);
        assert_eq!(std::fs::read_dir(path).expect("a folder").count(), 0);
    }
}

#[tokio::test]
async fn conditions_decide_about_a_write() {
    let running = start(false).await;
    let put = |text: &'static str| {
        let request = running.client.put_object().bucket(BUCKET).key("a");
        request.body(ByteStream::from_static(text.as_bytes()))
    };
    let first = put("one").if_none_match("*").send().await.expect("put");
    let again = put("two").if_none_match("*").send().await;
    assert_eq!(code(&again.expect_err("it is there")), "PreconditionFailed");
    let etag = first.e_tag().expect("an etag");
    put("two").if_match(etag).send().await.expect("put");
    let stale = put("three").if_match(etag).send().await;
    assert_eq!(code(&stale.expect_err("it changed")), "PreconditionFailed");
}

#[tokio::test]
async fn a_copy_brings_an_older_version_back() {
    let running = start(true).await;
    let old = running.put("a b/ü", "one").await.expect("a version");
    running.put("a b/ü", "two").await;
    let copy = running.client.copy_object().bucket(BUCKET).key("a b/ü");
    let copy = copy.copy_source(format!("{BUCKET}/a%20b/%C3%BC?versionId={old}"));
    let copied = copy.send().await.expect("a copy");
    assert_eq!(copied.copy_source_version_id(), Some(old.as_str()));
    assert_eq!(running.get("a b/ü", None).await.as_deref(), Ok("one"));
    let copy = running.client.copy_object().bucket(BUCKET).key("b");
    let copy = copy.copy_source(format!("{BUCKET}/a%20b/%C3%BC"));
    let copy = copy.metadata_directive(MetadataDirective::Replace);
    copy.metadata("by", "hand").send().await.expect("a copy");
    let head = running.client.head_object().bucket(BUCKET).key("b");
    let head = head.send().await.expect("head");
    assert!(head.metadata().expect("metadata").contains_key("by"));
}

#[tokio::test]
async fn many_are_deleted_at_once_and_each_is_answered() {
    let running = start(true).await;
    let old = running.put("a", "one").await.expect("a version");
    running.put("b", "two").await;
    let object = |key: &str| ObjectIdentifier::builder().key(key);
    let delete = Delete::builder()
        .objects(object("a").version_id(&old).build().expect("an object"))
        .objects(object("b").build().expect("an object"))
        .objects(object("never was").build().expect("an object"))
        .build()
        .expect("a list");
    let request = running.client.delete_objects().bucket(BUCKET);
    let answer = request.delete(delete).send().await.expect("an answer");
    assert_eq!(answer.deleted().len(), 3);
    assert!(answer.errors().is_empty());
    assert_eq!(answer.deleted()[0].version_id(), Some(old.as_str()));
    assert_eq!(answer.deleted()[1].delete_marker(), Some(true));
    assert_eq!(running.get("b", None).await, Err("NoSuchKey".to_owned()));
}

#[tokio::test]
async fn who_has_another_secret_or_none_is_refused() {
    let running = start(false).await;
    running.put("a", "one").await;
    let access = running.objects.access().expect("it listens");
    let wrong = client(&access, "another secret");
    let get = wrong.get_object().bucket(BUCKET).key("a").send().await;
    assert_eq!(code(&get.expect_err("refused")), "SignatureDoesNotMatch");
    let mut stranger = access.clone();
    stranger.key = "AKSTRANGER".to_owned();
    let list = client(&stranger, &access.secret)
        .list_buckets()
        .send()
        .await;
    assert_eq!(code(&list.expect_err("refused")), "NotSignedUp");
    let address = running.objects.address().expect("it listens");
    let anonymous = plain_get(address, "/uploads/a").await;
    assert!(anonymous.starts_with("HTTP/1.1 403"), "{anonymous}");
    assert!(!format!("{access:?}").contains(&access.secret));
}

/// A request without a signature.
async fn plain_get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}
