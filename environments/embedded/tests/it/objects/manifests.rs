//! Fingerprints of buckets, copies of them, and moments of those that keep versions.

use std::path::Path;

use phoenix_embedded::objects::{Bucket, Moment, Versioning, compare, fingerprint};

fn bucket(folder: &Path) -> Bucket {
    Bucket::create(folder).expect("a bucket");
    let bucket = Bucket::open(folder).expect("it opens");
    bucket.set_versioning(Versioning::Enabled).expect("set");
    for (key, text) in [("a", "one"), ("b", "two"), ("c/d", "three")] {
        bucket.put_bytes(key, text.as_bytes()).expect("put");
    }
    bucket.put_bytes("a", b"newer").expect("put");
    bucket.put_bytes("gone", b"x").expect("put");
    bucket.delete("gone").expect("deleted");
    bucket
}

/// What a change is told as.
fn told(change: impl FnOnce(&Bucket)) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = bucket(&folder.path().join("bucket"));
    let before = fingerprint(&bucket).expect("a fingerprint");
    change(&bucket);
    let after = fingerprint(&bucket).expect("a fingerprint");
    let lines = compare(&before, &after);
    assert_eq!(lines.is_empty(), before.digest == after.digest, "{lines:?}");
    lines
}

#[test]
fn every_difference_has_the_name_of_its_key() {
    assert_eq!(told(|_| ()), [""; 0]);
    assert_eq!(
        told(|bucket| {
            bucket.delete("b").expect("deleted");
            bucket.put_bytes("new", b"x").expect("put");
        }),
        ["b is deleted", "new is new"]
    );
    assert_eq!(
        told(|bucket| {
            bucket.put_bytes("b", b"other").expect("put");
        }),
        ["b has other content"]
    );
    assert_eq!(
        told(|bucket| {
            bucket.put_bytes("b", b"two").expect("put");
        }),
        ["b has 2 versions and 0 delete markers, 1 and 0 before"]
    );
    assert_eq!(
        told(|bucket| {
            let marker = bucket.get("gone", None).expect_err("hidden");
            let phoenix_embedded::objects::Refused::NoSuchKey(Some(id)) = marker else {
                panic!("{marker}");
            };
            bucket.remove("gone", &id).expect("removed");
        }),
        ["gone is there again, deleted before"]
    );
}

#[test]
fn bytes_that_change_on_disk_are_seen_also_in_older_versions() {
    let flip = |bucket: &Bucket, which: usize| {
        let data = bucket.folder().join("data");
        let wanted: &[u8] = [&b"two"[..], &b"one"[..]][which];
        let path = std::fs::read_dir(data)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .find(|path| std::fs::read(path).expect("bytes") == wanted)
            .expect("the file");
        std::fs::write(path, b"xxx").expect("written");
    };
    assert_eq!(told(|bucket| flip(bucket, 0)), ["b has other content"]);
    assert_eq!(
        told(|bucket| flip(bucket, 1)),
        ["a has other content in an older version"]
    );
}

#[test]
fn a_copy_out_and_in_again_is_the_same_bucket_with_all_its_versions() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = bucket(&folder.path().join("one"));
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).expect("a folder");
    one.copy_out(&copy).expect("copied");
    Bucket::create(&folder.path().join("two")).expect("a bucket");
    let two = Bucket::open(&folder.path().join("two")).expect("it opens");
    let bytes = two.copy_in(&copy).expect("copied");
    assert_eq!(bytes, 17, "one, two, three, newer, x");
    let (before, after) = (
        fingerprint(&one).expect("read"),
        fingerprint(&two).expect("read"),
    );
    assert_eq!(compare(&before, &after), [""; 0]);
    assert_eq!(before.digest, after.digest);
    // Once more over it: nothing is there twice.
    two.copy_in(&copy).expect("copied");
    assert_eq!(fingerprint(&two).expect("read").digest, before.digest);
}

#[test]
fn a_moment_comes_back_through_versions() {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = bucket(&folder.path().join("bucket"));
    let before = fingerprint(&bucket).expect("a fingerprint");
    let (moment, seen) = bucket.moment("this one").expect("a moment");
    assert_eq!(seen, before);
    moment.save(folder.path()).expect("saved");
    let moment = Moment::load(folder.path()).expect("loaded");
    assert_eq!(moment.bucket, "this one");
    bucket.put_bytes("b", b"overwritten").expect("put");
    bucket.delete("a").expect("deleted");
    bucket.delete("c/d").expect("deleted");
    bucket.put_bytes("c/new", b"x").expect("put");
    bucket.put_bytes("gone", b"back").expect("put");
    let moved = bucket.back_to(&moment, "c/").expect("moved");
    assert_eq!((moved.removed, moved.bytes), (2, 5));
    let partly = fingerprint(&bucket).expect("a fingerprint");
    assert_eq!(
        compare(&before, &partly),
        [
            "a is deleted",
            "b has other content",
            "gone is there again, deleted before"
        ],
        "outside of the prefix nothing is touched"
    );
    let moved = bucket.back_to(&moment, "").expect("moved");
    assert_eq!(moved.missing, [""; 0]);
    let after = fingerprint(&bucket).expect("a fingerprint");
    assert_eq!(compare(&before, &after), [""; 0]);
    assert_eq!(before.digest, after.digest);
}

#[test]
fn a_version_that_is_gone_for_good_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let bucket = bucket(&folder.path().join("bucket"));
    let (moment, _) = bucket.moment("this one").expect("a moment");
    let (version, _) = bucket.get("b", None).expect("a version");
    bucket.put_bytes("b", b"newer").expect("put");
    bucket.remove("b", &version.id).expect("removed");
    let moved = bucket.back_to(&moment, "").expect("moved");
    assert_eq!(moved.missing, ["b"]);
    assert!(bucket.get("b", None).is_ok(), "what is there stays");
}
