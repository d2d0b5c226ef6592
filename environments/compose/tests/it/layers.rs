//! What nobody declared and no list of volumes shows, in a stack on the engine that is there.

use std::fs;
use std::time::{Duration, Instant};

use phoenix_compose::Compose;
use phoenix_engine::environment::{Environment as _, Vessel};
use phoenix_engine::lower;
use phoenix_language::vocabulary::parse_environment;

use super::filling;

/// Longest time that a container may take to write a few files.
const WRITES_WITHIN: Duration = Duration::from_secs(60);

const COMPOSE: &str = r#"
services:
  app:
    image: registry.invalid/app:1
    entrypoint:
      - /bin/sh
      - -c
      - |
        mkdir -p /srv/grown /var/log/app
        for file in /kept/x /memory/x /tmp/x /run/x /srv/x.pid /var/log/app/x.log /srv/grown/x; do
          echo x >$$file
        done
        exec sleep 600
    volumes: ["kept:/kept", "./program:/program:ro", "./begins:/begins:ro"]
    tmpfs: [/memory]
  bare:
    image: registry.invalid/bare:1
    entrypoint: [sleep, "600"]
volumes: { kept: }
"#;

const AIRGAPPED: &str = r#"
services:
  app: { image: "phoenix.local/helper:current" }
  bare: { image: "phoenix.local/redis:current" }
"#;

const ENVIRONMENT: &str = r#"
environment: layers
driver:
  compose:
    files: [compose.yaml]
    airgapped: [airgapped.yaml]
    remap: { binds: { "app:/begins": copy } }
    losable: { "app:/var/log": logs }
stores:
  kept: { volume: { name: kept } }
services: {}
profiles:
  today: { kept: { keep: nothing } }
"#;

/// What of an inventory nobody declared.
fn undeclared(vessels: &[Vessel]) -> Vec<String> {
    let strays = vessels.iter().filter(|one| one.store.is_none());
    let mut all: Vec<String> = strays
        .map(|one| format!("{} {}", one.kind, one.place))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn files_in_a_layer_and_volumes_of_an_image_are_told_and_the_rest_is_not() {
    let run = filling::run("layers");
    for image in ["phoenix.local/redis:current", "phoenix.local/socat:current"] {
        if filling::engine(&run, image).await.is_none() {
            return;
        }
    }
    let Some(engine) = filling::engine(&format!("{run}-0badcafe"), filling::HELPER).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, text) in [
        ("compose.yaml", COMPOSE),
        ("airgapped.yaml", AIRGAPPED),
        ("program/main", "program\n"),
        ("begins/with", "what was there\n"),
    ] {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), text).unwrap();
    }
    let file = at("environment.yaml").display().to_string();
    let source = parse_environment(&file, ENVIRONMENT).unwrap();
    let stack = lower::stack(&source, "today").unwrap();
    fs::create_dir(at("cycle")).unwrap();
    let driver = Compose::new(&run, "0badcafe", stack, &at("cycle"), &|_| {})
        .await
        .unwrap();
    let seen = async {
        driver.build().await?;
        let deadline = Instant::now() + WRITES_WITHIN;
        loop {
            if !driver.unseen().await?.is_empty() || Instant::now() > deadline {
                break;
            }
            phoenix_engine::pause(Duration::from_millis(200)).await;
        }
        // The file that was waited for is the last that is written.
        let mut before = driver.inventory().await?;
        before.extend(driver.unseen().await?);
        let app = engine.container("app").await?.unwrap_or_default();
        let copied = engine.read_file(&app.id, "/begins/with").await?;
        driver.destroy(&["kept".to_owned()]).await?;
        let after = driver.inventory().await?;
        Ok::<_, phoenix_engine::environment::DriverError>((before, copied, after))
    }
    .await;
    driver.reap().await.unwrap();
    let left = (
        engine.volumes().await.unwrap(),
        engine.containers().await.unwrap(),
    );
    let (before, copied, after) = seen.unwrap();
    assert_eq!(
        undeclared(&before),
        [
            "files in the layer of app: /srv/grown",
            "volume bare:/data, which its image asks for"
        ]
    );
    assert!(
        before
            .iter()
            .any(|one| one.store.as_deref() == Some("kept"))
    );
    assert_eq!(copied.as_deref(), Some("what was there\n"));
    assert_eq!(undeclared(&after), Vec::<String>::new());
    assert_eq!(left, (Vec::new(), Vec::new()), "left after a reap");
}
