//! Folders of the host copied into volumes, on the engine that is there.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use bollard::models::{ContainerCreateBody, HostConfig};
use futures::StreamExt as _;
use phoenix_compose::engine::{Engine, RUN};

/// What a helper of volumes is made from, and what looks into them here.
pub(crate) const HELPER: &str = "phoenix.local/helper:current";

/// An engine with the image; none where there is none, and that may be.
pub(crate) async fn engine(run: &str, image: &str) -> Option<Engine> {
    let found = match Engine::connect(run).await {
        Ok(engine) => match engine.image(image).await {
            Ok(Some(_)) => Ok(engine),
            _ => Err(format!("no image {image}: `phoenix images build` makes it")),
        },
        Err(why) => Err(why.to_string()),
    };
    match found {
        Ok(engine) => Some(engine),
        Err(why) => {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(!required.contains("docker"), "{why}");
            eprintln!("skipped: {why}");
            None
        }
    }
}

/// A name that no other run has.
pub(crate) fn run(of: &str) -> String {
    format!("test-{of}-{}", std::process::id())
}

/// What a script prints in a container with the volume at `/volume`.
async fn said(engine: &Engine, volume: &str, script: &str) -> String {
    let body = ContainerCreateBody {
        image: Some(HELPER.to_owned()),
        entrypoint: Some(["/bin/sh", "-c", script].map(str::to_owned).to_vec()),
        labels: Some(HashMap::from([(RUN.to_owned(), engine.run().to_owned())])),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            binds: Some(vec![format!("{volume}:/volume")]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let docker = engine.docker();
    let made = docker.create_container(None, body).await.unwrap();
    docker.start_container(&made.id, None).await.unwrap();
    let ended = docker.wait_container(&made.id, None).next().await;
    let printed = engine.log(&made.id, 1000).await.join("\n");
    engine.remove_container(&made.id).await.unwrap();
    assert!(matches!(ended, Some(Ok(_))), "{ended:?}: {printed}");
    printed
}

/// Everything of a folder: kind, mode, owner, links, size, name, where it points.
const LIST: &str = "find . -printf '%y %m %U:%G %n %s %p %l\\n' | sort -k6";

fn listed(folder: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", LIST])
        .current_dir(folder)
        .output()
        .unwrap();
    without_sizes_of_folders(&String::from_utf8_lossy(&output.stdout))
}

/// How large a folder is, the file system says.
fn without_sizes_of_folders(list: &str) -> String {
    let lines = list.lines().map(|line| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words[0] == "d" {
            words[4] = "-";
        }
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_copy_is_the_folder_and_the_folder_stays_as_it_was() {
    let Some(engine) = engine(&run("fill"), HELPER).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("deep/er")).unwrap();
    fs::write(at("deep/er/file"), "content\n").unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::set_permissions(at("deep"), fs::Permissions::from_mode(0o2750)).unwrap();
    fs::set_permissions(at("deep/er/file"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(at("deep/er/file"), at("same")).unwrap();
    symlink("deep/er/file", at("link")).unwrap();
    symlink("/nowhere", at("dangling")).unwrap();
    fs::File::create(at("sparse"))
        .unwrap()
        .set_len(10 << 20)
        .unwrap();
    let me = fs::metadata(folder.path()).unwrap().uid();
    if me == 0 {
        std::os::unix::fs::chown(at("deep/er/file"), Some(1234), Some(4321)).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(33), Some(33)).unwrap();
    }
    let before = listed(folder.path());

    assert!(engine.make_volume("copy").await.unwrap());
    assert!(!engine.make_volume("copy").await.unwrap(), "it is there");
    let volume = engine.volume_name("copy");
    engine
        .fill_volume(HELPER, &volume, folder.path())
        .await
        .unwrap();
    let copied = said(&engine, &volume, &format!("cd /volume && {LIST}")).await;
    let content = said(&engine, &volume, "cat /volume/link; du -k /volume/sparse").await;

    said(
        &engine,
        &volume,
        "rm -rf /volume/deep; echo new >/volume/empty",
    )
    .await;
    let after = listed(folder.path());
    phoenix_compose::reap::reap(engine.run()).await.unwrap();
    let left = (
        engine.volumes().await.unwrap(),
        engine.containers().await.unwrap(),
    );

    assert_eq!(without_sizes_of_folders(&copied), before);
    assert!(content.starts_with("content\n"), "{content}");
    assert_eq!(after, before, "written back");
    assert_eq!(left, (Vec::new(), Vec::new()), "left after a reap");
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_whole_is_told() {
    let Some(engine) = engine(&run("unread"), HELPER).await else {
        return;
    };
    engine.make_volume("copy").await.unwrap();
    let volume = engine.volume_name("copy");
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    let missing = engine.fill_volume(HELPER, &volume, &none).await;
    let empty = said(&engine, &volume, "ls -A /volume | wc -l").await;
    // Nobody can read a link to a folder as a folder of its own name, and root reads the rest.
    let no_image = engine
        .fill_volume("phoenix.local/none:at-all", &volume, folder.path())
        .await;
    phoenix_compose::reap::reap(engine.run()).await.unwrap();
    assert_eq!(missing, Ok(()), "as the engine makes it: empty");
    assert_eq!(empty.trim(), "0");
    let why = no_image.unwrap_err().to_string();
    assert!(why.contains("copy ") && why.contains("none"), "{why}");
}
