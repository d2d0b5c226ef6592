//! A bucket that keeps versions goes back to a moment.

use std::time::Duration;

use jiff::Timestamp;
use phoenix_stores::Store as _;
use phoenix_stores::bucket::{Moment, Moved, Versioning};

use super::servers::{Server, all};

const BUCKET: &str = "some-bucket";

/// Writes that are before the moment, and those that are after it: seconds lie between, because no
/// listing tells less.
async fn lived(server: &Server) -> Timestamp {
    server.put(BUCKET, "p/dead", b"x").await;
    // A version and a marker of one second: the version would count as the later one.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    for key in [
        "p/same",
        "p/overwritten",
        "p/deleted",
        "p/both",
        "q/deleted",
    ] {
        server.put(BUCKET, key, b"old").await;
    }
    server.delete(BUCKET, "p/dead").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let moment = Timestamp::now();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    server.put(BUCKET, "p/overwritten", b"new").await;
    server.put(BUCKET, "p/both", b"new").await;
    for key in ["p/deleted", "p/both", "q/deleted"] {
        server.delete(BUCKET, key).await;
    }
    server.put(BUCKET, "p/born", b"new").await;
    server.put(BUCKET, "p/dead", b"new").await;
    moment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_recovered_to_a_moment_of_the_clock() {
    for server in all().await {
        let store = server.bucket(BUCKET);
        store.create(Versioning::On).await.unwrap();
        let moment = lived(&server).await;
        let before = store.fingerprint().await.unwrap().unwrap();
        let moved = store.recover_to(moment, "p/").await.unwrap();
        let expected = Moved {
            removed: 1,
            copied: 2,
            hidden: 2,
            bytes: 9,
            missing: Vec::new(),
        };
        assert_eq!(moved, expected, "{}", server.name);
        for key in ["p/same", "p/overwritten", "p/deleted", "p/both"] {
            assert_eq!(
                server.get(BUCKET, key).await.as_deref(),
                Some(&b"old"[..]),
                "{key}"
            );
        }
        for key in ["p/born", "p/dead", "q/deleted"] {
            assert_eq!(server.get(BUCKET, key).await, None, "{key}");
        }
        // What did not change was not touched: the other prefix and `p/same` are in no line.
        let after = store.fingerprint().await.unwrap().unwrap();
        let lines = store.compare(&before, &after);
        let keys: std::collections::BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(keys.len(), 5, "{lines:?}");
        assert!(
            lines
                .iter()
                .all(|line| !line.starts_with('q') && !line.contains("same")),
            "{lines:?}"
        );
        let again = store.recover_to(moment, "q/").await.unwrap();
        assert_eq!((again.removed, again.copied, again.hidden), (1, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_goes_back_to_the_very_versions_of_a_moment() {
    for server in all().await {
        let store = server.bucket(BUCKET);
        store.create(Versioning::On).await.unwrap();
        server.put(BUCKET, "k", b"1").await;
        server.put(BUCKET, "k", b"2").await;
        server.put(BUCKET, "gone", b"1").await;
        server.delete(BUCKET, "gone").await;
        server.put(BUCKET, "lost", b"1").await;
        let (moment, taken) = store.moment().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        moment.save(folder.path()).unwrap();
        let moment = Moment::load(folder.path()).unwrap();
        // Within the same second, so that only ids can tell.
        server.put(BUCKET, "k", b"3").await;
        server.delete(BUCKET, "k").await;
        server.put(BUCKET, "gone", b"2").await;
        server.put(BUCKET, "born", b"2").await;
        let moved = store.back_to(&moment, "").await.unwrap();
        assert_eq!((moved.removed, moved.bytes), (4, 1), "{}", server.name);
        let now = store.fingerprint().await.unwrap().unwrap();
        assert_eq!(
            store.compare(&taken, &now),
            Vec::<String>::new(),
            "{}",
            server.name
        );
        assert_eq!(now, taken);
        let doomed = server
            .client()
            .list_object_versions()
            .bucket(BUCKET)
            .prefix("lost");
        let doomed = doomed.send().await.unwrap().versions()[0]
            .version_id()
            .unwrap()
            .to_owned();
        let delete = server
            .client()
            .delete_object()
            .bucket(BUCKET)
            .key("lost")
            .version_id(doomed);
        delete.send().await.unwrap();
        assert_eq!(store.back_to(&moment, "").await.unwrap().missing, ["lost"]);
        let other = Moment {
            bucket: "another".to_owned(),
            ..moment
        };
        assert!(store.back_to(&other, "").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_without_versions_goes_nowhere() {
    for server in all().await {
        let store = server.bucket(BUCKET);
        store.create(Versioning::Off).await.unwrap();
        let error = store.recover_to(Timestamp::now(), "").await.unwrap_err();
        assert!(error.why.contains("keeps no versions"), "{error}");
        assert!(store.moment().await.is_err());
    }
}
