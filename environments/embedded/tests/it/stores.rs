//! Buckets as stores of the driver: each policy, each fault, and what is not declared.

use std::path::Path;
use std::time::Duration;

use phoenix_embedded::Embedded;
use phoenix_embedded::objects::Versioning;
use phoenix_engine::environment::{DirectCopy, DriverError, Environment as _};
use phoenix_engine::plan::Fault;
use phoenix_engine::stack::{Policy, Stack, Store, StoreKind};

const NAME: &str = "uploads";
const EVERY: Duration = Duration::from_secs(3600);
const LOGICAL: Policy = Policy::Logical {
    every: EVERY,
    lag: Duration::ZERO,
};

fn store(name: &str, kind: StoreKind, policy: Policy) -> Store {
    Store {
        name: name.to_owned(),
        kind,
        engine: match kind {
            StoreKind::Bucket => "bucket",
            _ => "directory",
        }
        .to_owned(),
        at: format!("{name}-here"),
        settings: serde_json::Value::Null,
        on: None,
        losable: false,
        catch_up: Duration::ZERO,
        policy,
    }
}

async fn embedded(folder: &Path, stores: Vec<Store>) -> Result<Embedded, DriverError> {
    let stack = Stack {
        environment: "test".to_owned(),
        profile: "test".to_owned(),
        stores,
        ..Stack::default()
    };
    Embedded::new("run", "0badcafe", stack, folder).await
}

struct Built {
    folder: tempfile::TempDir,
    driver: Embedded,
}

/// A stack with one bucket and one folder beside it.
async fn built(policy: Policy) -> Built {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = vec![
        store(NAME, StoreKind::Bucket, policy),
        store("beside", StoreKind::Files, LOGICAL),
    ];
    let driver = embedded(folder.path(), stores).await.expect("a stack");
    driver.build().await.expect("built");
    Built { folder, driver }
}

impl Built {
    fn bucket(&self) -> std::sync::Arc<phoenix_embedded::objects::Bucket> {
        let objects = self.driver.objects();
        objects.stock.bucket("uploads-here").expect("a bucket")
    }

    fn keys(&self) -> Vec<String> {
        let wanted = ["a", "b", "c", "d"];
        let bucket = self.bucket();
        let there = wanted.iter().filter(|key| bucket.get(key, None).is_ok());
        there.map(|key| (*key).to_owned()).collect()
    }

    fn fill(&self) {
        let bucket = self.bucket();
        for key in ["a", "b", "c"] {
            let text = format!("text of {key}");
            bucket.put_bytes(key, text.as_bytes()).expect("put");
        }
    }

    async fn burn(&self) {
        let all = [NAME.to_owned(), "beside".to_owned()];
        self.driver.destroy(&all).await.expect("destroyed");
        self.driver.rebuild(&all).await.expect("rebuilt");
    }

    async fn restore_newest(&self) -> Result<u64, DriverError> {
        let points = self.driver.points(NAME).await.expect("points");
        let newest = points.last().cloned().unwrap_or_default();
        self.driver.restore(NAME, &newest).await
    }
}

#[tokio::test]
async fn versions_are_kept_where_production_keeps_them() {
    let replicated = Policy::Replicated {
        lag: Duration::ZERO,
    };
    for (policy, versioning) in [
        (Policy::None, Versioning::Off),
        (Policy::Versioned, Versioning::Enabled),
        (LOGICAL, Versioning::Enabled),
        (replicated, Versioning::Enabled),
    ] {
        let built = built(policy).await;
        assert_eq!(built.bucket().versioning(), versioning, "{policy}");
        built.driver.reap().await.expect("reaped");
        assert!(!built.folder.path().join("stack").exists());
    }
}

#[tokio::test]
async fn a_bucket_is_a_vessel_and_one_that_nobody_declared_is_found() {
    let built = built(LOGICAL).await;
    let before = built.driver.inventory().await.expect("vessels");
    let stores: Vec<_> = before
        .iter()
        .map(|vessel| vessel.store.as_deref())
        .collect();
    assert_eq!(stores, [Some(NAME), Some("beside")]);
    assert_eq!(before[0].place, "objects/uploads-here");
    let stock = &built.driver.objects().stock;
    stock.create("second", Versioning::Off).expect("a bucket");
    let found = built.driver.inventory().await.expect("vessels");
    let strange = found.iter().find(|vessel| vessel.store.is_none());
    let strange = strange.expect("it is found");
    assert_eq!(
        (strange.kind.as_str(), strange.place.as_str()),
        ("bucket", "objects/second")
    );
    stock.remove("second").expect("removed");
    built.burn().await;
    let after = built.driver.inventory().await.expect("vessels");
    assert_eq!(after.len(), 2);
    assert_ne!(before[0].identity, after[0].identity);
}

#[tokio::test]
async fn nothing_answers_after_a_whole_destroy_and_a_part_of_it_leaves_the_rest() {
    let built = built(LOGICAL).await;
    built.fill();
    let one = [NAME.to_owned()];
    built.driver.destroy(&one).await.expect("destroyed");
    assert!(
        built.driver.objects().address().is_some(),
        "others have buckets too"
    );
    assert_eq!(built.driver.inventory().await.expect("vessels").len(), 1);
    built.driver.rebuild(&one).await.expect("rebuilt");
    assert_eq!(built.keys(), [""; 0]);
    let address = built.driver.objects().address().expect("it listens");
    let all = [NAME.to_owned(), "beside".to_owned()];
    built.driver.destroy(&all).await.expect("destroyed");
    assert_eq!(built.driver.still_answering(&[]).await, [""; 0]);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(built.driver.inventory().await.expect("vessels").is_empty());
}

#[tokio::test]
async fn a_copy_in_the_vault_brings_the_bucket_back_with_its_fingerprint() {
    let built = built(LOGICAL).await;
    built.fill();
    built.bucket().delete("b").expect("deleted");
    let point = built.driver.backup(NAME, None).await.expect("a point");
    built.bucket().put_bytes("d", b"later").expect("put");
    built.burn().await;
    let bytes = built.restore_newest().await.expect("restored");
    assert_eq!(
        bytes, 27,
        "three texts of nine bytes, one of them under a marker"
    );
    assert_eq!(built.keys(), ["a", "c"]);
    let after = built
        .driver
        .fingerprint(NAME)
        .await
        .expect("read")
        .expect("one");
    let before = point.fingerprint.expect("one");
    assert_eq!(built.driver.compare(NAME, &before, &after), [""; 0]);
    assert_eq!(before.digest, after.digest);
}

#[tokio::test]
async fn moments_go_with_their_bucket_and_not_with_another_of_its_name() {
    let built = built(Policy::Versioned).await;
    built.fill();
    let point = built.driver.backup(NAME, None).await.expect("a point");
    assert!(point.bytes < 1000, "a moment is no copy");
    assert_eq!(built.driver.points(NAME).await.expect("points"), [point.id]);
    built.bucket().delete("a").expect("deleted");
    built.restore_newest().await.expect("restored");
    assert_eq!(built.keys(), ["a", "b", "c"]);
    built.burn().await;
    assert_eq!(built.driver.points(NAME).await.expect("points"), [""; 0]);
}

#[tokio::test]
async fn a_stream_is_a_point_once_it_is_cut_and_a_destroy_cuts_it() {
    let lag = Duration::ZERO;
    let built = built(Policy::Replicated { lag }).await;
    built.fill();
    assert_eq!(built.driver.points(NAME).await.expect("points"), [""; 0]);
    let cut = built
        .driver
        .cut(NAME)
        .await
        .expect("cut")
        .expect("a stream");
    let tombstone = DirectCopy {
        marker: "tombstone".to_owned(),
        text: "not to be restored".to_owned(),
    };
    assert!(
        built
            .driver
            .write_direct(NAME, &tombstone)
            .await
            .expect("written")
    );
    assert_eq!(
        built.driver.list_direct(NAME).await.expect("read"),
        [tombstone]
    );
    assert_eq!(built.driver.cut(NAME).await.expect("cut"), None);
    built.burn().await;
    assert_eq!(
        built.driver.points(NAME).await.expect("points"),
        [cut.point.id]
    );
    built.restore_newest().await.expect("restored");
    assert_eq!(built.keys(), ["a", "b", "c"]);
    assert_eq!(built.driver.list_direct(NAME).await.expect("read"), []);
    let after = built
        .driver
        .fingerprint(NAME)
        .await
        .expect("read")
        .expect("one");
    assert_eq!(cut.point.fingerprint.expect("one").digest, after.digest);
    // The new bucket streams again, what was restored into it included; nobody cuts it.
    built.bucket().put_bytes("d", b"new").expect("put");
    built.burn().await;
    assert_eq!(built.driver.points(NAME).await.expect("points").len(), 2);
    built.restore_newest().await.expect("restored");
    assert_eq!(built.keys(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn only_buckets_are_replicated_and_the_error_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let lag = Duration::ZERO;
    let stores = vec![store("files", StoreKind::Files, Policy::Replicated { lag })];
    let refused = embedded(folder.path(), stores)
        .await
        .err()
        .expect("refused");
    assert_eq!(
        refused.to_string(),
        "keep the policy of files under the profile test: the embedded environment replicates \
         buckets only, and this is a directory: give it `logical`, `snapshot` or `none`"
    );
}

/// A fault that is armed before a restore and bites right after it; what shows it.
async fn after_restore(fault: Fault, prepare: impl FnOnce(&Built)) -> (Built, String) {
    let built = built(LOGICAL).await;
    built.fill();
    prepare(&built);
    built.driver.backup(NAME, None).await.expect("a point");
    built.burn().await;
    built.driver.inject(&fault).await.expect("armed");
    built.restore_newest().await.expect("restored");
    let (_, bitten, proof) = built.driver.bitten().await.remove(0);
    assert!(bitten, "{proof}");
    (built, proof)
}

#[tokio::test]
async fn faults_touch_real_bytes() {
    let uploads = || NAME.to_owned();
    let (emptied, proof) = after_restore(Fault::Wipe(uploads()), |_| ()).await;
    assert_eq!(
        (emptied.keys(), proof.as_str()),
        (vec![], "3 things touched")
    );
    let (dropped, proof) = after_restore(Fault::DropFiles(uploads()), |_| ()).await;
    assert_eq!(
        (dropped.keys(), proof.as_str()),
        (vec!["b".to_owned()], "2 things touched")
    );
    let hide = |built: &Built| {
        built.bucket().delete("b").expect("deleted");
    };
    let (risen, proof) = after_restore(Fault::Resurrect(uploads()), hide).await;
    assert_eq!(
        (risen.keys().len(), proof.as_str()),
        (3, "1 things touched")
    );
    let (corrupted, _) = after_restore(Fault::Corrupt(uploads()), |_| ()).await;
    let (_, blob) = corrupted.bucket().get("a", None).expect("it is there");
    let bytes = std::fs::read(corrupted.bucket().file_of(&blob)).expect("bytes");
    assert_eq!(bytes.len(), 9);
    assert_ne!(bytes, b"text of a");
}

#[tokio::test]
async fn damaged_recovery_points_of_buckets_are_refused_or_hold_what_they_hold() {
    let uploads = || NAME.to_owned();
    for policy in [LOGICAL, Policy::Versioned] {
        let built = built(policy).await;
        built.fill();
        built.driver.backup(NAME, None).await.expect("a point");
        let truncate = Fault::TruncateBackup(uploads());
        built.driver.inject(&truncate).await.expect("cut");
        let refused = built.restore_newest().await.expect_err("damaged");
        assert!(refused.why.contains("is damaged"), "{policy}: {refused}");
    }
    let built = built(LOGICAL).await;
    built.fill();
    built.driver.backup(NAME, None).await.expect("a point");
    built.bucket().put_bytes("d", b"later").expect("put");
    built.driver.backup(NAME, None).await.expect("a point");
    let stale = Fault::StaleBackup(uploads());
    built.driver.inject(&stale).await.expect("stale");
    built.burn().await;
    built.restore_newest().await.expect("restored");
    assert_eq!(built.keys(), ["a", "b", "c"]);
    let empty = Fault::EmptyBackup(uploads());
    built.driver.inject(&empty).await.expect("emptied");
    built.burn().await;
    built.restore_newest().await.expect("restored");
    assert_eq!(built.keys(), [""; 0]);
}

#[tokio::test]
async fn a_text_is_found_in_keys_and_in_bytes_that_can_be_read() {
    let built = built(LOGICAL).await;
    built.fill();
    let mut long = vec![b'x'; 300_000];
    long[131_060..131_072 + 8].copy_from_slice(b"over the border of c");
    built
        .bucket()
        .put_bytes("path/phx-key", &long)
        .expect("put");
    built
        .bucket()
        .put_bytes("gone", b"hidden text")
        .expect("put");
    built.bucket().delete("gone").expect("deleted");
    for (text, found) in [
        ("phx-key", true),
        ("text of b", true),
        ("over the border of c", true),
        ("hidden text", false),
        ("never written", false),
    ] {
        assert_eq!(
            built.driver.find_text(NAME, text).await.expect("read"),
            found,
            "{text}"
        );
    }
}
