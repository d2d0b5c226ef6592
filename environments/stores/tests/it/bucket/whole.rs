//! Everything that a bucket holds comes back.

use phoenix_engine::environment::DirectCopy;
use phoenix_stores::bucket::Versioning;
use phoenix_stores::{Form, Store as _};

use super::servers::{Server, all};

const LARGE: usize = 40 << 20;

async fn fill(server: &Server, bucket: &str) {
    let client = server.client();
    client
        .put_object()
        .bucket(bucket)
        .key("a/with everything")
        .content_type("text/x-own; charset=utf-8")
        .cache_control("max-age=7")
        .content_disposition("attachment; filename=\"a b\"")
        .metadata("owner", "someone")
        .metadata("note", "two words")
        .body(aws_sdk_s3::primitives::ByteStream::from_static(b"one"))
        .send()
        .await
        .unwrap();
    server.put(bucket, "empty", b"").await;
    server.put(bucket, "büro/ä +%&=?#'\".txt", b"strange").await;
    let large: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
    server.put(bucket, "large", &large).await;
    for at in 0..300 {
        server
            .put(bucket, &format!("many/{at:04}"), at.to_string().as_bytes())
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_is_what_was_backed_up() {
    for server in all().await {
        let (old, new) = (server.bucket("old-bucket"), server.bucket("new-bucket"));
        old.create(Versioning::Off).await.unwrap();
        new.create(Versioning::Off).await.unwrap();
        fill(&server, "old-bucket").await;
        let folder = tempfile::tempdir().unwrap();
        let taken = old
            .backup(Form::Logical, folder.path())
            .await
            .unwrap()
            .fingerprint
            .unwrap();
        let bytes = new.restore(folder.path()).await.unwrap();
        assert!(bytes > LARGE as u64, "{bytes}");
        let now = new.fingerprint().await.unwrap().unwrap();
        assert_eq!(
            new.compare(&taken, &now),
            Vec::<String>::new(),
            "{}",
            server.name
        );
        assert_eq!(taken, now);
        assert_eq!(old.fingerprint().await.unwrap().unwrap(), taken);
        let got = server
            .client()
            .head_object()
            .bucket("new-bucket")
            .key("a/with everything");
        let got = got.send().await.unwrap();
        assert_eq!(got.content_type(), Some("text/x-own; charset=utf-8"));
        assert_eq!(got.cache_control(), Some("max-age=7"));
        assert_eq!(got.metadata().unwrap()["note"], "two words");
        assert_eq!(
            server.get("new-bucket", "large").await.unwrap().len(),
            LARGE
        );
        assert_eq!(new.holds().await.unwrap(), 304);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_markers_come_back_as_the_physical_form() {
    for server in all().await {
        let (old, new) = (server.bucket("old-bucket"), server.bucket("new-bucket"));
        old.create(Versioning::On).await.unwrap();
        new.create(Versioning::Off).await.unwrap();
        for text in ["1", "2", "3"] {
            server.put("old-bucket", "k", text.as_bytes()).await;
        }
        server.put("old-bucket", "gone", b"g").await;
        server.delete("old-bucket", "gone").await;
        let (current, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let taken = old
            .backup(Form::Physical, whole.path())
            .await
            .unwrap()
            .fingerprint
            .unwrap();
        assert!(
            taken
                .covers
                .starts_with("2 keys, 4 versions, 1 delete markers"),
            "{}",
            taken.covers
        );
        new.restore(whole.path()).await.unwrap();
        assert_eq!(new.versioning().await.unwrap(), Versioning::On);
        let now = new.fingerprint().await.unwrap().unwrap();
        assert_eq!(
            new.compare(&taken, &now),
            Vec::<String>::new(),
            "{}",
            server.name
        );
        // Without the history, a comparison says that it is lost.
        new.empty().await.unwrap();
        let same = old
            .backup(Form::Logical, current.path())
            .await
            .unwrap()
            .fingerprint
            .unwrap();
        assert_eq!(same, taken);
        new.restore(current.path()).await.unwrap();
        let now = new.fingerprint().await.unwrap().unwrap();
        assert_eq!(
            new.compare(&taken, &now),
            [
                "gone is missing",
                "k has 1 versions and 0 delete markers, 3 and 0 before"
            ]
        );
        assert_eq!(server.get("new-bucket", "k").await.unwrap(), b"3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_and_texts() {
    for server in all().await {
        let store = server.bucket("some-bucket");
        store.create(Versioning::Off).await.unwrap();
        server
            .put(
                "some-bucket",
                "own",
                &[&[0; 200_000][..], b"needle"].concat(),
            )
            .await;
        let copy = |marker: &str, text: &str| DirectCopy {
            marker: marker.to_owned(),
            text: text.to_owned(),
        };
        for copy in [copy("b", "of b\n"), copy("a", "one"), copy("a", "two")] {
            assert!(store.write_direct(&copy).await.unwrap());
        }
        let listed = store.list_direct().await.unwrap();
        assert_eq!(listed, [copy("a", "two"), copy("b", "of b\n")]);
        assert_eq!(store.holds().await.unwrap(), 1);
        assert!(store.find_text("needle").await.unwrap());
        assert!(store.find_text("ow").await.unwrap());
        assert!(!store.find_text("of b").await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_listed_and_removed_with_all_their_versions() {
    for server in all().await {
        let store = server.bucket("some-bucket");
        assert_eq!(store.identity().await.unwrap(), None);
        store.create(Versioning::On).await.unwrap();
        let identity = store.identity().await.unwrap().unwrap();
        server.put("some-bucket", "k", b"1").await;
        server.put("some-bucket", "k", b"2").await;
        server.delete("some-bucket", "k").await;
        assert_eq!(store.identity().await.unwrap().unwrap(), identity);
        assert_eq!(store.empty().await.unwrap(), 3);
        assert_eq!(store.empty().await.unwrap(), 0);
        server.put("some-bucket", "k", b"2").await;
        store.delete().await.unwrap();
        assert!(
            server
                .access
                .list_buckets()
                .await
                .unwrap()
                .iter()
                .all(|it| it.name != "some-bucket")
        );
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        store.create(Versioning::Off).await.unwrap();
        assert_ne!(store.identity().await.unwrap().unwrap(), identity);
        assert_eq!(store.holds().await.unwrap(), 0);
    }
}
