//! Commands in a container, and files out of one.

use bollard::Docker;
use phoenix_stores::container::{file, say};
use testcontainers::core::ContainerAsync;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

use crate::volume::engine;

async fn idle() -> Option<(Docker, ContainerAsync<GenericImage>)> {
    let docker = engine("phoenix.local/base:current").await?;
    let container = GenericImage::new("phoenix.local/base", "current")
        .with_cmd(["sleep", "600"])
        .with_label("phoenix.test", "stores")
        .start()
        .await
        .unwrap();
    Some((docker, container))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_prints_and_how_it_ends_is_its_answer() {
    let Some((docker, container)) = idle().await else {
        return;
    };
    let script = "echo \"$GIVEN as $(id -un)\"; sleep 0.1; echo complaint >&2; exit 3";
    let words = ["sh", "-c", script];
    let variables = [("GIVEN", "a secret")];
    let said = say(&docker, container.id(), Some("nobody"), &words, &variables).await;
    let said = said.unwrap();
    assert_eq!(said.code, 3);
    assert_eq!(said.output, "a secret as nobody\ncomplaint\n");
    let words = ["sh", "-c", "yes | head --bytes=1000000"];
    let long = say(&docker, container.id(), None, &words, &[])
        .await
        .unwrap();
    assert_eq!((long.code, long.output.len()), (0, 64 << 10));
    let absent = say(&docker, "phoenix-no-such", None, &["true"], &[]).await;
    let error = absent.unwrap_err().to_string();
    assert!(error.contains("run true"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_is_read_and_nothing_else() {
    let Some((docker, container)) = idle().await else {
        return;
    };
    let words = ["sh", "-c", "mkdir /made && printf bytes > /made/file"];
    say(&docker, container.id(), None, &words, &[])
        .await
        .unwrap();
    let read = |path: &'static str, most: u64| file(&docker, container.id(), path, most);
    assert_eq!(
        read("/made/file", 1 << 20).await.unwrap().as_deref(),
        Some(&b"bytes"[..])
    );
    assert_eq!(read("/made/other", 1 << 20).await.unwrap(), None);
    let folder = read("/made", 1 << 20).await.unwrap_err().to_string();
    assert!(folder.contains("it is no file"), "{folder}");
    let large = read("/made/file", 100).await.unwrap_err().to_string();
    assert!(large.contains("more than 100 bytes"), "{large}");
    let gone = file(&docker, "phoenix-no-such", "/made/file", 100).await;
    assert_eq!(gone.unwrap(), None);
}
