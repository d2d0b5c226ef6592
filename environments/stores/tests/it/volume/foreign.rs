//! Archives and folders that people made.

use std::process::Command;

use phoenix_stores::Store as _;

use super::scratch::{Scratch, engine};
use crate::foreign::{file, packed, point};

/// Some of everything that files of a service are, in a folder of this machine.
const FILL: &str = r#"
mkdir -p deep/er empty; printf one > deep/one; printf two > deep/er/two; ln -s ../nowhere deep/link
long=$(printf 'n%.0s' $(seq 120)); mkdir -p "$long/$long"; printf l > "$long/$long/file"
head -c 300000 /dev/urandom > large; chmod 640 large; : > nothing
"#;

fn shell(folder: &std::path::Path, script: &str) -> Vec<u8> {
    let output = Command::new("bash")
        .args(["-euc", script])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
    output.stdout
}

#[tokio::test]
async fn archives_and_folders_come_back_as_they_are() {
    let Some(docker) = engine(super::scratch::IMAGE).await else {
        return;
    };
    let (from, points) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shell(from.path(), FILL);
    let gnu = shell(from.path(), "tar --format=gnu -cf - .");
    let pax = shell(from.path(), "tar --format=posix -cf - .");
    // Without the folders above, as `tar c *` and some backup tools leave it.
    let files = shell(
        from.path(),
        "find . -type f -print0 | tar -cf - --null -T -",
    );
    let folder = points.path();
    let mut prints = Vec::new();
    for path in [
        file(folder, "gnu", &gnu),
        file(folder, "pax", &pax),
        file(folder, "packed", &packed(&gnu)),
        from.path().to_owned(),
    ] {
        let scratch = Scratch::new(&docker).await;
        let loaded = scratch
            .store()
            .restore_foreign(&point(&path))
            .await
            .unwrap();
        assert!(loaded.says.ends_with("5 files"), "{}", loaded.says);
        prints.push(scratch.store().fingerprint().await.unwrap().unwrap());
        assert_eq!(
            scratch.shell("readlink deep/link").await.trim(),
            "../nowhere"
        );
        let again = scratch.store().restore_foreign(&point(&path)).await;
        assert!(again.unwrap_err().why.contains("it holds"));
    }
    let store = Scratch::new(&docker).await;
    for other in &prints[1..] {
        assert_eq!(
            store.store().compare(&prints[0], other),
            Vec::<String>::new()
        );
    }
    let bare = point(&file(folder, "files", &files));
    store.store().restore_foreign(&bare).await.unwrap();
    assert_eq!(store.shell("cat deep/er/two").await, "two");
    assert_eq!(store.helpers().await, 0);
}

#[tokio::test]
async fn what_is_no_whole_archive_is_refused() {
    let Some(docker) = engine(super::scratch::IMAGE).await else {
        return;
    };
    let (from, points) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    shell(from.path(), FILL);
    let whole = shell(from.path(), "tar -cf - .");
    let folder = points.path();
    let cut = |bytes: &[u8], part: usize| bytes[..bytes.len() * part / 100].to_vec();
    let mut damaged = whole.clone();
    damaged[1024] ^= 0x55;
    for (name, bytes, why) in [
        ("cut-50", cut(&whole, 50), "ends before its end"),
        ("packed-cut", cut(&packed(&whole), 80), "packed-cut"),
        ("damaged", damaged, "the archive is damaged"),
        (
            "dump",
            b"PGDMP".to_vec(),
            "a volume store takes a tar archive",
        ),
        ("text", b"hello".to_vec(), "it is none of"),
    ] {
        let scratch = Scratch::new(&docker).await;
        let point = point(&file(folder, name, &bytes));
        let error = scratch.store().restore_foreign(&point).await.unwrap_err();
        assert!(error.to_string().contains(why), "{name}: {error}");
        assert_eq!(scratch.helpers().await, 0, "{name}");
    }
}

#[tokio::test]
async fn a_file_is_looked_at_by_its_path() {
    let Some(docker) = engine(super::scratch::IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch
        .shell("mkdir 'a b'; printf 'one\\n' > 'a b/$x'; head -c 100000 /dev/zero > large")
        .await;
    let store = scratch.store();
    let seen = store.file("a b/$x").await.unwrap().unwrap();
    assert_eq!((seen.bytes, &seen.start[..]), (4, &b"one\n"[..]));
    assert_eq!(
        seen.sha256,
        "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
    );
    let large = store.file("large").await.unwrap().unwrap();
    assert_eq!((large.bytes, large.start.len()), (100_000, 65_536));
    assert_eq!(store.file("none").await.unwrap(), None);
    assert_eq!(store.file("a b").await.unwrap(), None);
    assert!(store.file("../etc/passwd").await.is_err());
}
