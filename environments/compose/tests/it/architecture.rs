//! Images that are for another architecture than the engine's.

use std::fs;
use std::path::Path;
use std::process::Command;

use bollard::query_parameters::{ImportImageOptionsBuilder, RemoveImageOptionsBuilder};
use futures::StreamExt as _;
use phoenix_compose::Compose;
use phoenix_compose::engine::Engine;
use phoenix_engine::environment::{DriverError, Environment as _};
use phoenix_engine::lower;
use phoenix_language::vocabulary::parse_environment;

use super::filling;

const SERVICES: &str = r#"
services:
  near: { image: registry.invalid/near:1, entrypoint: [sleep, "600"], volumes: ["kept:/kept"] }
  far: { image: registry.invalid/far:1 }
  beside: { image: registry.invalid/near:1, network_mode: "service:far" }
volumes: { kept: }
"#;

const ENVIRONMENT: &str = r#"
environment: far
driver:
  compose: { files: [compose.yaml], airgapped: [airgapped.yaml] }
stores:
  kept: { volume: { name: kept } }
services:
  far:
    app: http
    url: http://far.localhost
    container: { service: far, port: 80 }
    health: { get: / }
    canary: unknown
  leans:
    app: http
    url: http://leans.localhost
    container: { service: near, port: 80 }
    needs: [far]
    health: { get: / }
    canary: unknown
profiles:
  today: { default: { keep: nothing } }
"#;

/// Puts an image of an architecture that no engine of these days has onto the engine.
async fn make_image(engine: &Engine, folder: &Path, name: &str) {
    let script = r#"
        set -eu
        tar --create --file=layer.tar --files-from=/dev/null
        digest=$(sha256sum layer.tar | cut -d' ' -f1)
        printf '{"architecture":"s390","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
            "$digest" >config.json
        printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$1" >manifest.json
        tar --create --file=image.tar manifest.json config.json layer.tar
    "#;
    let made = Command::new("sh")
        .args(["-c", script, "sh", name])
        .current_dir(folder)
        .status()
        .unwrap();
    assert!(made.success());
    let tar = fs::read(folder.join("image.tar")).unwrap();
    let options = ImportImageOptionsBuilder::new().build();
    let body = bollard::body_full(tar.into());
    let mut said = Box::pin(engine.docker().import_image(options, body, None));
    while let Some(part) = said.next().await {
        part.unwrap();
    }
}

/// A driver over the services, with `far` of that image; `environment` may be another.
async fn driver(
    folder: &Path,
    run: &str,
    far: &str,
    environment: &str,
) -> Result<Compose, DriverError> {
    let airgapped = format!(
        "services:\n  near: {{ image: \"{near}\" }}\n  beside: {{ image: \"{near}\" }}\n  far: {{ image: \"{far}\" }}\n",
        near = filling::HELPER
    );
    fs::write(folder.join("compose.yaml"), SERVICES).unwrap();
    fs::write(folder.join("airgapped.yaml"), airgapped).unwrap();
    let file = folder.join("environment.yaml").display().to_string();
    let source = parse_environment(&file, environment).unwrap();
    let stack = lower::stack(&source, "today").unwrap();
    let cycle = folder.join(format!("cycle-{run}"));
    fs::create_dir(&cycle).unwrap();
    Compose::new(run, "0badcafe", stack, &cycle, &|_| {}).await
}

#[tokio::test]
async fn a_service_without_an_image_for_the_engine_is_left_out_and_the_rest_runs() {
    let run = filling::run("far");
    let name = format!("{run}-0badcafe");
    let Some(engine) = filling::engine(&name, filling::HELPER).await else {
        return;
    };
    if filling::engine(&run, "phoenix.local/socat:current")
        .await
        .is_none()
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let image = format!("phoenix.local/{run}:far");
    make_image(&engine, folder.path(), &image).await;
    let made = driver(folder.path(), &run, &image, ENVIRONMENT).await;
    let seen = async {
        let driver = made?;
        let absent = driver.cannot_run();
        let built = driver.build().await;
        let containers = engine.containers().await;
        driver.reap().await?;
        built?;
        Ok::<_, DriverError>((absent, containers?))
    }
    .await;
    // A store on such an image leaves nothing to run.
    let on_it = ENVIRONMENT.replace(
        "stores:\n",
        "stores:\n  data: { postgres: { service: far, database: data } }\n",
    );
    let refused = driver(folder.path(), &format!("{run}-db"), &image, &on_it).await;
    let options = RemoveImageOptionsBuilder::new().build();
    engine
        .docker()
        .remove_image(&image, Some(options), None)
        .await
        .unwrap();

    let (absent, containers) = seen.unwrap();
    let names: Vec<&String> = absent.keys().collect();
    assert_eq!(names, ["far", "leans"]);
    assert!(
        absent["far"].starts_with("no image for this architecture"),
        "{absent:?}"
    );
    assert!(absent["far"].contains("is for s390"), "{absent:?}");
    assert!(absent["leans"].contains("it needs far"), "{absent:?}");
    let mut running: Vec<&str> = containers.iter().map(|one| one.service.as_str()).collect();
    running.sort_unstable();
    assert_eq!(running, ["", "near"], "the gate, and what can run");
    let Err(why) = refused else {
        panic!("a store without a server");
    };
    let why = why.to_string();
    assert!(
        why.contains("the store data") && why.contains("s390"),
        "{why}"
    );
}
