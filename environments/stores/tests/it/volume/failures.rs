//! What goes wrong is said, and nothing half-made looks whole.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::{KillContainerOptions, ListContainersOptionsBuilder};
use phoenix_stores::volume::VolumeStore;
use phoenix_stores::{Form, Store as _};

use super::scratch::{IMAGE, Scratch, engine};

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test]
async fn a_volume_that_is_not_there_is_not_made() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let store = VolumeStore::new(docker.clone(), "phoenix-test-nowhere", IMAGE, "test", &[]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(store.identity().await.unwrap(), None);
    for error in [
        store.ready(Duration::from_secs(5)).await.unwrap_err(),
        store.fingerprint().await.unwrap_err(),
        store
            .backup(Form::Logical, folder.path())
            .await
            .unwrap_err(),
        store.holds().await.unwrap_err(),
    ] {
        assert!(error.why.contains("no such volume"), "{error}");
    }
    assert!(docker.inspect_volume("phoenix-test-nowhere").await.is_err());
    let store = VolumeStore::new(docker, "any", "phoenix.local/nothing:1", "test", &[]);
    assert!(store.holds().await.is_err());
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_that_looks_whole() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch.shell("head -c 9000000 /dev/urandom > a").await;
    let folder = tempfile::tempdir().unwrap();
    symlink("/dev/full", folder.path().join("volume.tar.partial")).unwrap();
    let error = scratch
        .store()
        .backup(Form::Logical, folder.path())
        .await
        .unwrap_err();
    assert!(error.why.contains("No space left"), "{error}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    assert_eq!(scratch.helpers().await, 0);
}

#[tokio::test]
async fn a_helper_that_is_killed_claims_nothing() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    // Bytes and no holes: a helper is through with those in no time, and could not be killed over them.
    scratch.shell("head -c 500000000 /dev/urandom > a").await;
    let folder = tempfile::tempdir().unwrap();
    let filter = [(
        "label".to_owned(),
        vec![format!("phoenix.run={}", scratch.run)],
    )];
    let options = ListContainersOptionsBuilder::default()
        .filters(&filter.into())
        .build();
    // An engine says that it has killed one that is only just starting, and has not: until it is gone.
    let kill = async {
        loop {
            let found = docker.list_containers(Some(options.clone())).await.unwrap();
            if let Some(id) = found.first().and_then(|container| container.id.clone()) {
                let options = None::<KillContainerOptions>;
                let _refused_or_killed = docker.kill_container(&id, options).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let store = scratch.store();
    let backup = tokio::select! {
        backup = store.backup(Form::Logical, folder.path()) => backup,
        () = kill => unreachable!("it never ends"),
    };
    let error = backup.unwrap_err();
    assert!(error.why.contains("ended before"), "{error}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_leaves_no_helper_behind() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch
        .shell("truncate -s 900G a; head -c 90000000 /dev/urandom > b")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let store = scratch.store();
    let given_up = tokio::time::timeout(
        Duration::from_secs(3),
        store.backup(Form::Logical, folder.path()),
    );
    assert!(given_up.await.is_err(), "it was to take longer");
    for _ in 0..100 {
        if scratch.helpers().await == 0 && names(folder.path()).is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "{} helpers, {:?}",
        scratch.helpers().await,
        names(folder.path())
    );
}

#[tokio::test]
async fn what_is_no_whole_point_is_not_restored() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let (old, new) = (Scratch::new(&docker).await, Scratch::new(&docker).await);
    old.shell("head -c 90000 /dev/urandom > a; printf b > b")
        .await;
    let folder = tempfile::tempdir().unwrap();
    old.store()
        .backup(Form::Logical, folder.path())
        .await
        .unwrap();
    let error = old.store().restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("fresh volume only"), "{error}");
    let archive = folder.path().join("volume.tar");
    let whole = std::fs::read(&archive).unwrap();
    let mut flipped = whole.clone();
    flipped[40_000] ^= 1;
    for damaged in [&whole[..60_000], &flipped[..]] {
        std::fs::write(&archive, damaged).unwrap();
        let error = new.store().restore(folder.path()).await.unwrap_err();
        assert!(error.why.contains("damaged"), "{error}");
        new.shell("find . -mindepth 1 -delete").await;
    }
    std::fs::remove_file(&archive).unwrap();
    assert!(new.store().restore(folder.path()).await.is_err());
}

#[tokio::test]
async fn a_file_that_grows_under_the_reader_is_no_backup() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch.shell("head -c 50000000 /dev/urandom > a").await;
    let mount = format!("{}:/v", scratch.name);
    let mut writer = tokio::process::Command::new("docker")
        .args([
            "run",
            "--rm",
            "--network",
            "none",
            "--name",
            &scratch.name,
            "-v",
            &mount,
            IMAGE,
        ])
        .args(["bash", "-c", "while :; do echo more >> /v/a; done"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while scratch.shell("stat -c %s a").await.trim() == "50000000" {}
    let folder = tempfile::tempdir().unwrap();
    let backup = scratch.store().backup(Form::Logical, folder.path()).await;
    let killed = docker
        .kill_container(&scratch.name, None::<KillContainerOptions>)
        .await;
    writer.wait().await.unwrap();
    killed.unwrap();
    let error = backup.unwrap_err();
    assert!(error.why.contains("stop what writes into it"), "{error}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
