//! The example of the repository: its own server over a real database, driven by its own file.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use phoenix_engine::application::{Action, AppContext, Application, LoginEnd, Person, Seen};
use phoenix_engine::lower;
use phoenix_engine::network::Network;
use phoenix_evidence::verdict::Verdict;
use phoenix_language::vocabulary::read_environment;
use serde_json::Value;
use url::Url;

use super::{CREATED, Canary, NONCE, acknowledged, made};

const IMAGE: &str = "phoenix.local/postgres:current";
const DATABASE_PASSWORD: &str = "between the parts";
const ADMIN_PASSWORD: &str = "of the administrator";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ledgerbook")
}

/// The description, as a run under each profile has it.
fn settings() -> Value {
    let source = read_environment(&folder().join("environment.yaml"))
        .unwrap_or_else(|found| panic!("{found}"));
    let profiles = lower::profiles(&source);
    assert_eq!(profiles, ["today", "target"]);
    let of = |profile: &String| {
        let stack = lower::stack(&source, profile).unwrap_or_else(|found| panic!("{found}"));
        stack.service("web").expect("it").settings.clone()
    };
    let all: Vec<Value> = profiles.iter().map(of).collect();
    assert_eq!(all[0], all[1]);
    assert_eq!(source.found().0, [], "not even a warning");
    all[0].clone()
}

#[test]
fn the_example_is_a_right_file_under_every_profile() {
    let settings = settings();
    let wanted = phoenix_applications::http::wanted(&settings);
    assert_eq!(
        wanted.into_iter().collect::<Vec<_>>(),
        ["env:LEDGER_ADMIN_PASSWORD"]
    );
}

/// The database in a container, and the server beside it.
struct Running {
    container: String,
    server: Option<Child>,
    uploads: PathBuf,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _gone = server.kill();
            let _gone = server.wait();
        }
        let _gone = docker(&["rm", "--force", "--volumes", &self.container]);
        let _gone = std::fs::remove_dir_all(&self.uploads);
    }
}

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(arguments).output().ok()?;
    let words = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(words)
}

/// Starts both; `None` where there is no engine, no image or no Python.
fn start() -> Option<Running> {
    docker(&["image", "inspect", IMAGE])?;
    Command::new("python3").arg("--version").output().ok()?;
    let variable = |name: &str, value: &str| format!("{name}={value}");
    let container = docker(&[
        "run",
        "--detach",
        "--label=phoenix.test=ledgerbook",
        "--publish=127.0.0.1::5432",
        "--env",
        &variable("POSTGRES_DB", "ledger"),
        "--env",
        &variable("POSTGRES_USER", "ledger"),
        "--env",
        &variable("POSTGRES_PASSWORD", DATABASE_PASSWORD),
        IMAGE,
    ])
    .expect("the database starts");
    let uploads = std::env::temp_dir().join(format!("ledgerbook-{}", std::process::id()));
    let mut running = Running {
        container,
        server: None,
        uploads,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    };
    let port = docker(&["port", &running.container, "5432/tcp"]).expect("a port");
    let port = port.rsplit(':').next().expect("a number").to_owned();
    let mut server = Command::new("python3")
        .arg(folder().join("app/server.py"))
        .envs([
            ("LEDGER_HOST", "127.0.0.1"),
            ("LEDGER_PORT", "0"),
            ("LEDGER_DB_HOST", "127.0.0.1"),
            ("LEDGER_DB_PORT", &port),
            ("LEDGER_DB_PASSWORD", DATABASE_PASSWORD),
            ("LEDGER_ADMIN_PASSWORD", ADMIN_PASSWORD),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ])
        .env("LEDGER_UPLOADS", &running.uploads)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("its output");
    running.server = Some(server);
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("its first line");
    let port = line.trim().rsplit(' ').next().expect("a port");
    running.address.set_port(port.parse().expect("a number"));
    Some(running)
}

fn client(running: &Running) -> Box<dyn Application> {
    let network = Network::default();
    network.set("books.localhost", running.address);
    made(AppContext {
        service: "web".to_owned(),
        url: Url::parse("http://books.localhost").expect("a URL"),
        network,
        access: BTreeMap::from([(
            "env:LEDGER_ADMIN_PASSWORD".to_owned(),
            ADMIN_PASSWORD.to_owned(),
        )]),
        settings: settings(),
        person: Person::default(),
        stores: BTreeMap::from([
            ("database".to_owned(), "ledger".to_owned()),
            ("files".to_owned(), "uploads".to_owned()),
        ]),
        secrets: BTreeMap::new(),
        nonce: NONCE.to_owned(),
    })
}

#[tokio::test]
async fn the_example_is_driven_by_its_own_file() {
    let Some(running) = start() else {
        let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("docker"),
            "no engine, no {IMAGE} or no python3"
        );
        eprintln!("skipped: no engine, no {IMAGE} or no python3");
        return;
    };
    // Whoever came first has chosen the same.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let app = client(&running);
    let until = Instant::now() + Duration::from_secs(60);
    while !app.health().await.healthy {
        assert!(Instant::now() < until, "{:?}", app.health().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.prepare().await.expect("it signs in");
    let trace = app.login().await.expect("a login");
    assert!(
        matches!(&trace.end, LoginEnd::LoggedIn { account, .. } if account == "admin"),
        "{trace:?}"
    );
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    assert_eq!(reference, serde_json::json!({"id": "1"}));
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Survived);
    let changed = canary
        .write(app.as_ref(), Action::Overwrite, 1, Some(&reference))
        .await;
    acknowledged(changed);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(
        canary.observed(&reading.parts[0]),
        phoenix_evidence::verdict::Observed::once(1)
    );
    let pair = Canary::new(2, true);
    let with_file = pair.created(app.as_ref()).await;
    let reading = pair.read(app.as_ref(), Some(&with_file)).await;
    assert_eq!(reading.linked, Some(true));
    assert_eq!(pair.verdict(&[CREATED], &reading), Verdict::Survived);
    app.first_write("phx-0badcafe-999999")
        .await
        .expect("a first write");
    // More than a page.
    for number in 3..25 {
        Canary::new(number, false).created(app.as_ref()).await;
    }
    let listing = app.list("entry").await.expect("a list");
    assert_eq!(listing.entries.len(), 25);
    let gone = canary
        .write(app.as_ref(), Action::Delete, 1, Some(&reference))
        .await;
    acknowledged(gone);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.parts, [Seen::Absent]);

    std::fs::remove_dir_all(&running.uploads).expect("the receipts burn");
    let reading = pair.read(app.as_ref(), Some(&with_file)).await;
    assert_eq!(pair.verdict(&[CREATED], &reading), Verdict::Dangling);
    docker(&["kill", &running.container]).expect("the database goes");
    let reading = pair.read(app.as_ref(), Some(&with_file)).await;
    assert_eq!(pair.verdict(&[CREATED], &reading), Verdict::Unreachable);
    assert!(!app.health().await.healthy);
}
