//! Replication: everything up to the cut, in order, and nothing after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use phoenix_embedded::objects::{Bucket, Refused, Versioning, compare, fingerprint};

fn source(folder: &std::path::Path) -> Arc<Bucket> {
    let path = folder.join("source");
    Bucket::create(&path).expect("a bucket");
    let bucket = Arc::new(Bucket::open(&path).expect("it opens"));
    bucket.set_versioning(Versioning::Enabled).expect("set");
    bucket
}

fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_micros()).expect("this century")
}

fn there(bucket: &Bucket, key: &str) -> bool {
    bucket.get(key, None).is_ok()
}

#[test]
fn without_a_lag_all_that_was_acknowledged_before_the_cut_is_in_the_replica() {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = source(folder.path());
    bucket.put_bytes("before the stream", b"x").expect("put");
    let replica = folder.path().join("replica");
    bucket
        .replicate(&replica, Duration::ZERO)
        .expect("a stream");
    for number in 0..50 {
        bucket
            .put_bytes(&format!("{number}"), b"first")
            .expect("put");
    }
    let (old, _) = bucket.get("7", None).expect("a version");
    bucket.put_bytes("7", b"second").expect("put");
    bucket.delete("8").expect("deleted");
    bucket.remove("7", &old.id).expect("removed");
    let before = fingerprint(&bucket).expect("a fingerprint");
    let acknowledged = now_us();
    let cut = bucket.cut().expect("no error").expect("a stream flowed");
    assert!(cut.carried_until_us >= acknowledged);
    bucket.put_bytes("after the cut", b"x").expect("put");
    let copy = Bucket::open(&replica).expect("a bucket");
    let after = fingerprint(&copy).expect("a fingerprint");
    assert_eq!(compare(&before, &after), [""; 0]);
    assert_eq!(before.digest, after.digest);
    assert!(!there(&copy, "after the cut"));
    assert_eq!(
        bucket.cut().expect("no error"),
        None,
        "no stream flows any more"
    );
}

#[test]
fn a_lag_leaves_the_youngest_behind_and_the_cut_says_since_when() {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = source(folder.path());
    let replica = folder.path().join("replica");
    bucket
        .replicate(&replica, Duration::from_millis(300))
        .expect("a stream");
    bucket.put_bytes("old", b"x").expect("put");
    let acknowledged = now_us();
    // Due once the lag is over; the stream is asked, not the clock.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !std::fs::read_to_string(replica.join("log.jsonl")).is_ok_and(|log| log.contains("old")) {
        assert!(Instant::now() < deadline, "it was never carried");
        std::thread::yield_now();
    }
    let invoked = now_us();
    bucket.put_bytes("young", b"x").expect("put");
    bucket.put_bytes("younger", b"x").expect("put");
    let cut = bucket.cut().expect("no error").expect("a stream flowed");
    assert!(cut.carried_until_us >= acknowledged);
    let (young, _) = bucket.get("young", None).expect("a version");
    assert!(invoked <= cut.carried_until_us && cut.carried_until_us <= young.at_us);
    let copy = Bucket::open(&replica).expect("a bucket");
    assert!(there(&copy, "old") && !there(&copy, "young") && !there(&copy, "younger"));
}

#[test]
fn writers_that_go_on_over_the_cut_are_on_one_side_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = source(folder.path());
    let replica = folder.path().join("replica");
    bucket
        .replicate(&replica, Duration::ZERO)
        .expect("a stream");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (cut, acknowledged) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (bucket, stop) = (&bucket, &stop);
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                        let key = format!("{writer}/{}", acknowledged.len());
                        bucket.put_bytes(&key, b"x").expect("put");
                        acknowledged.push((key, now_us()));
                    }
                    acknowledged
                })
            })
            .collect();
        while bucket.is_empty() {
            std::thread::yield_now();
        }
        let cut = bucket.cut().expect("no error").expect("a stream flowed");
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let all = writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("no panic"));
        (cut, all.collect::<Vec<_>>())
    });
    let copy = Bucket::open(&replica).expect("a bucket");
    let (mut sure, mut carried) = (0, 0);
    for (key, at_us) in &acknowledged {
        carried += u32::from(there(&copy, key));
        if *at_us < cut.carried_until_us {
            sure += 1;
            assert!(
                there(&copy, key),
                "{key} was acknowledged before the moment of the cut"
            );
        }
    }
    assert!(carried >= sure);
    assert!(u64::from(carried) <= cut.changes);
}

#[test]
fn a_replica_is_whole_where_the_bucket_keeps_no_versions_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("source");
    Bucket::create(&path).expect("a bucket");
    let bucket = Arc::new(Bucket::open(&path).expect("it opens"));
    let replica = folder.path().join("replica");
    // Replaced long before its bytes are due.
    bucket
        .replicate(&replica, Duration::from_millis(200))
        .expect("a stream");
    bucket.put_bytes("a", b"one").expect("put");
    bucket.put_bytes("a", b"two").expect("put");
    bucket.delete("a").expect("deleted");
    bucket.put_bytes("b", b"three").expect("put");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !std::fs::read_to_string(replica.join("log.jsonl")).is_ok_and(|log| log.contains("\"b\""))
    {
        assert!(Instant::now() < deadline, "it was never carried");
        std::thread::yield_now();
    }
    bucket.cut().expect("no error").expect("a stream flowed");
    let copy = Bucket::open(&replica).expect("a bucket");
    assert!(matches!(copy.get("a", None), Err(Refused::NoSuchKey(None))));
    assert!(there(&copy, "b"));
    let data = std::fs::read_dir(path.join("data"))
        .expect("a folder")
        .count();
    assert_eq!(data, 1, "what the stream has passed is let go of");
}
