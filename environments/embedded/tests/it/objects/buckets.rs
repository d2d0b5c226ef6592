//! Buckets come and go; what they hold outlives the server, and no other server.

use aws_sdk_s3::types::BucketVersioningStatus;
use phoenix_embedded::objects::Objects;

use super::{BUCKET, client, code, start};

#[tokio::test]
async fn a_bucket_with_anything_in_it_is_not_deleted() {
    let running = start(true).await;
    let version = running.put("a", "one").await.expect("a version");
    let marker = running.delete("a", None).await.expect("a marker");
    let delete = || running.client.delete_bucket().bucket(BUCKET).send();
    assert_eq!(code(&delete().await.expect_err("full")), "BucketNotEmpty");
    running.delete("a", Some(&version)).await;
    assert_eq!(
        code(&delete().await.expect_err("a marker")),
        "BucketNotEmpty"
    );
    running.delete("a", Some(&marker)).await;
    delete().await.expect("it is empty");
    assert_eq!(running.get("a", None).await, Err("NoSuchBucket".to_owned()));
    let head = running.client.head_bucket().bucket(BUCKET).send().await;
    assert_eq!(code(&head.expect_err("gone")), "NotFound");
}

#[tokio::test]
async fn buckets_are_listed_and_made_once() {
    let running = start(true).await;
    let again = running.client.create_bucket().bucket(BUCKET).send().await;
    assert_eq!(code(&again.expect_err("taken")), "BucketAlreadyOwnedByYou");
    running
        .client
        .create_bucket()
        .bucket("another")
        .send()
        .await
        .expect("a bucket");
    let listed = running.client.list_buckets().send().await.expect("a list");
    let names: Vec<_> = listed
        .buckets()
        .iter()
        .filter_map(|bucket| bucket.name())
        .collect();
    assert_eq!(names, ["another", BUCKET]);
    let versioning = running.client.get_bucket_versioning();
    let off = versioning
        .clone()
        .bucket("another")
        .send()
        .await
        .expect("an answer");
    assert_eq!(off.status(), None);
    let on = versioning.bucket(BUCKET).send().await.expect("an answer");
    assert_eq!(on.status(), Some(&BucketVersioningStatus::Enabled));
}

#[tokio::test]
async fn a_restart_keeps_everything_and_a_stop_lets_go_of_it() {
    let mut running = start(true).await;
    let first = running.put("a", "one").await.expect("a version");
    running.put("a", "two").await;
    running.put("b", "gone").await;
    running.delete("b", None).await;
    let before = running.objects.address().expect("it listens");
    running.objects.stop().await.expect("a stop");
    assert!(
        tokio::net::TcpStream::connect(before).await.is_err(),
        "nobody listens"
    );
    assert_eq!(
        open_files_below(running.folder.path()),
        Vec::<String>::new()
    );
    running.objects.start().await.expect("a start");
    let access = running.objects.access().expect("it listens");
    running.client = client(&access, &access.secret);
    assert_eq!(running.get("a", None).await.as_deref(), Ok("two"));
    assert_eq!(running.get("a", Some(&first)).await.as_deref(), Ok("one"));
    assert_eq!(running.get("b", None).await, Err("NoSuchKey".to_owned()));
}

fn open_files_below(folder: &std::path::Path) -> Vec<String> {
    let open = std::fs::read_dir("/proc/self/fd").expect("a list");
    open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|path| path.starts_with(folder))
        .map(|path| path.display().to_string())
        .collect()
}

#[tokio::test]
async fn a_line_that_a_kill_tore_was_never_acknowledged_and_is_cut_off() {
    let running = start(false).await;
    running.put("a", "one").await;
    running.objects.stop().await.expect("a stop");
    let folder = running.folder.path().join("objects/uploads");
    let log = folder.join("log.jsonl");
    let mut text = std::fs::read(&log).expect("a log");
    text.extend_from_slice(b"{\"at_us\":1,\"change\":{\"put\":{\"key\":\"b\",");
    std::fs::write(&log, text).expect("written");
    std::fs::write(folder.join("partial/half"), b"half").expect("written");
    let bucket = running.objects.stock.bucket(BUCKET).expect("it opens");
    assert!(bucket.get("a", None).is_ok());
    assert!(bucket.get("b", None).is_err());
    assert!(!folder.join("partial/half").exists());
    bucket.put_bytes("c", b"three").expect("it goes on");
    drop(bucket);
    running.objects.stock.close().expect("closed");
    let bucket = running
        .objects
        .stock
        .bucket(BUCKET)
        .expect("it opens again");
    assert!(bucket.get("c", None).is_ok());
}

#[tokio::test]
async fn a_log_that_somebody_changed_is_refused() {
    let running = start(false).await;
    running.put("a", "one").await;
    running.put("b", "two").await;
    running.objects.stop().await.expect("a stop");
    let log = running.folder.path().join("objects/uploads/log.jsonl");
    let text = std::fs::read_to_string(&log).expect("a log");
    std::fs::write(&log, text.replacen("put", "pat", 1)).expect("written");
    let refused = running.objects.stock.bucket(BUCKET).expect_err("damaged");
    assert!(refused.to_string().contains("damaged"), "{refused}");
}

#[tokio::test]
async fn two_servers_never_meet() {
    let (one, other) = (start(false).await, start(false).await);
    one.put("a", "one").await;
    assert_eq!(other.get("a", None).await, Err("NoSuchKey".to_owned()));
    assert_ne!(one.objects.address(), other.objects.address());
    let elsewhere = Objects::new(other.folder.path().join("objects"), "AKOTHER", "secret");
    elsewhere.start().await.expect("a server");
    let theirs = elsewhere.access().expect("it listens");
    let mine = one.objects.access().expect("it listens");
    let mut crossed = theirs.clone();
    crossed.key.clone_from(&mine.key);
    let list = client(&crossed, &mine.secret).list_buckets().send().await;
    assert_eq!(code(&list.expect_err("a stranger")), "NotSignedUp");
}
