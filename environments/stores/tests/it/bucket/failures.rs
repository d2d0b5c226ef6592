//! What goes wrong is said, and nothing half-made looks whole.

use std::os::unix::fs::symlink;
use std::time::Duration;

use phoenix_stores::bucket::{BucketStore, Versioning};
use phoenix_stores::{Form, Store as _};

use super::servers::{all, embedded, seaweedfs};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_missing_bucket_are_named_and_secrets_are_not() {
    for server in all().await {
        let store = server.bucket("nowhere-at-all");
        let folder = tempfile::tempdir().unwrap();
        for error in [
            store.fingerprint().await.unwrap_err(),
            store
                .backup(Form::Logical, folder.path())
                .await
                .unwrap_err(),
            store.holds().await.unwrap_err(),
            store.ready(Duration::from_secs(20)).await.unwrap_err(),
        ] {
            assert!(
                error.why.contains("no such bucket"),
                "{}: {error}",
                server.name
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        server
            .bucket("some-bucket")
            .create(Versioning::Off)
            .await
            .unwrap();
        for (key, secret) in [
            ("phoenix-test", "a-wrong-secret"),
            ("nobody", "a-wrong-secret"),
        ] {
            let mut access = server.access.clone();
            (access.key, access.secret) = (key.to_owned(), secret.to_owned());
            let store = BucketStore::new(&access, "some-bucket");
            let error = store.fingerprint().await.unwrap_err();
            assert!(
                error.why.contains("refuses the key"),
                "{}: {error}",
                server.name
            );
            assert!(!format!("{error:?}{access:?}{store:?}").contains("a-wrong-secret"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_says_nothing() {
    let server = embedded().await;
    let store = server.bucket("some-bucket");
    store.create(Versioning::Off).await.unwrap();
    server.put("some-bucket", "k", b"1").await;
    server.embedded.as_ref().unwrap().0.stop().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = store
        .backup(Form::Logical, folder.path())
        .await
        .unwrap_err();
    assert!(error.why.contains("nothing answers"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_the_middle_leaves_no_point() {
    let Some(server) = seaweedfs().await else {
        return;
    };
    let store = server.bucket("some-bucket");
    store.create(Versioning::Off).await.unwrap();
    for at in 0..40 {
        server
            .put("some-bucket", &format!("k{at}"), &vec![at; 4 << 20])
            .await;
    }
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("objects.pack");
    let kill = async {
        while std::fs::metadata(&pack).map_or(0, |pack| pack.len()) < 8 << 20 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let container = server.container.as_ref().unwrap();
        container.stop_with_timeout(Some(0)).await.unwrap();
    };
    let (backup, ()) = tokio::join!(store.backup(Form::Logical, folder.path()), kill);
    backup.unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_and_a_damaged_point_are_named() {
    let server = embedded().await;
    let (store, new) = (server.bucket("some-bucket"), server.bucket("new-bucket"));
    store.create(Versioning::Off).await.unwrap();
    new.create(Versioning::Off).await.unwrap();
    server.put("some-bucket", "k", &[7; 100_000]).await;
    let folder = tempfile::tempdir().unwrap();
    symlink("/dev/full", folder.path().join("objects.pack")).unwrap();
    let error = store
        .backup(Form::Logical, folder.path())
        .await
        .unwrap_err();
    assert!(error.why.contains("No space left"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(
        new.restore(folder.path())
            .await
            .unwrap_err()
            .why
            .contains("no recovery point")
    );

    store.backup(Form::Logical, folder.path()).await.unwrap();
    assert!(
        store
            .restore(folder.path())
            .await
            .unwrap_err()
            .why
            .contains("empty bucket only")
    );
    let (pack, index) = (
        folder.path().join("objects.pack"),
        folder.path().join("objects.jsonl"),
    );
    let whole = std::fs::read(&pack).unwrap();
    std::fs::write(&pack, &whole[1..]).unwrap();
    assert!(
        new.restore(folder.path())
            .await
            .unwrap_err()
            .why
            .contains("damaged")
    );
    std::fs::write(&pack, [&[8], &whole[1..]].concat()).unwrap();
    let error = new.restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("k has other content"), "{error}");
    new.empty().await.unwrap();
    std::fs::write(&pack, whole).unwrap();
    let lines = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, lines.replace("\"k\"", "\"l\"")).unwrap();
    assert!(
        new.restore(folder.path())
            .await
            .unwrap_err()
            .why
            .contains("damaged")
    );
}
