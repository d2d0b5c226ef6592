//! Folders that a synchronisation tool left of a bucket.

use phoenix_stores::Store as _;
use phoenix_stores::bucket::Versioning;

use super::servers::all;
use crate::foreign::{file, point};

#[tokio::test]
async fn a_folder_becomes_the_objects_that_it_was_made_of() {
    for server in all().await {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("2026/a b")).unwrap();
        file(folder.path(), "2026/a b/one ü.txt", b"one\n");
        file(folder.path(), "large", &vec![7; 17 << 20]);
        file(folder.path(), "nothing", b"");
        let bucket = server.bucket("phoenix-foreign");
        bucket.create(Versioning::On).await.unwrap();
        let mut from = point(folder.path());
        "kept/".clone_into(&mut from.prefix);
        let loaded = bucket.restore_foreign(&from).await.unwrap();
        assert!(loaded.says.starts_with("3 objects"), "{}", loaded.says);
        let name = server.name;
        let got = server
            .get("phoenix-foreign", "kept/2026/a b/one ü.txt")
            .await;
        assert_eq!(got.as_deref(), Some(&b"one\n"[..]), "{name}");
        let seen = bucket.file("kept/large").await.unwrap().unwrap();
        assert_eq!(seen.bytes, 17 << 20, "{name}");
        let seen = bucket
            .file("kept/2026/a b/one ü.txt")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            seen.sha256,
            "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
        );
        assert_eq!(bucket.file("kept/none").await.unwrap(), None, "{name}");
        let again = bucket.restore_foreign(&from).await.unwrap_err();
        assert!(again.why.contains("it holds 3 keys"), "{again}");
        bucket.delete().await.unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_an_object_is_refused() {
    for server in all().await {
        let folder = tempfile::tempdir().unwrap();
        let bucket = server.bucket("phoenix-foreign-odd");
        bucket.create(Versioning::Off).await.unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let error = bucket.restore_foreign(&point(folder.path())).await;
        assert!(error.unwrap_err().why.contains("cannot be an object"));
        let path = file(folder.path(), "dump", b"PGDMP");
        let error = bucket.restore_foreign(&point(&path)).await.unwrap_err();
        assert!(
            error.why.contains("a bucket store takes a folder"),
            "{error}"
        );
        assert_eq!(bucket.holds().await.unwrap(), 0, "{}", server.name);
        bucket.delete().await.unwrap();
    }
}
