//! `phoenix conform` against a server of another process's making: here an understudy in this one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use phoenix_understudies::mattermost;
use phoenix_understudies::platform::{
    Backing, Behaviour, Clock, Platform, Resolver, Running, SqliteDatabase,
};
use serde_json::{Value, json};

use crate::support::Project;

/// A chat with GitLab set up as its provider, an administrator, and a token of theirs.
struct Chat {
    runtime: tokio::runtime::Runtime,
    _running: Running,
    _folder: tempfile::TempDir,
    url: String,
}

impl Chat {
    fn start() -> Self {
        phoenix_understudies::shared::client::install_crypto();
        let folder = tempfile::tempdir().expect("a folder");
        let made = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("a folder");
            path
        };
        let env: BTreeMap<String, String> = [
            (
                "MM_SQLSETTINGS_DATASOURCE",
                "postgres://mm:secret@db:5432/mattermost",
            ),
            ("MM_SERVICESETTINGS_SITEURL", "http://chat.test"),
            ("MM_GITLABSETTINGS_ENABLE", "true"),
            ("MM_GITLABSETTINGS_ID", "client"),
            ("MM_GITLABSETTINGS_SECRET", "secret"),
            ("MM_GITLABSETTINGS_SCOPE", "profile email"),
            (
                "MM_GITLABSETTINGS_AUTHENDPOINT",
                "https://id.test/authorize",
            ),
            ("MM_GITLABSETTINGS_TOKENENDPOINT", "https://id.test/token"),
            ("MM_GITLABSETTINGS_USERAPIENDPOINT", "https://id.test/user"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let rows = folder.path().join("rows.db");
        let platform = Platform {
            env,
            listen: "127.0.0.1:0".parse().expect("an address"),
            database: Arc::new(SqliteDatabase::open(&rows).expect("a database")),
            files: made("data"),
            config: made("config"),
            backing: Backing::default(),
            clock: Clock::default(),
            resolver: Resolver::default(),
            trust_pem: Vec::new(),
            behaviour: Behaviour::default(),
        };
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let running = runtime
            .block_on(mattermost::start(platform))
            .expect("a server");
        Self {
            url: format!("http://{}", running.address),
            runtime,
            _running: running,
            _folder: folder,
        }
    }

    /// Makes the administrator; a token of theirs.
    fn token(&self) -> String {
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build();
            let client = client.expect("a client");
            let post = |path: &str, body: Value| {
                client
                    .post(format!("{}{path}", self.url))
                    .json(&body)
                    .send()
            };
            let new = json!({"email": "a@x.test", "username": "a", "password": "correct horse"});
            let made = post("/api/v4/users", new).await.expect("an answer");
            assert_eq!(made.status(), 201);
            let login = json!({"login_id": "a", "password": "correct horse"});
            let entered = post("/api/v4/users/login", login).await.expect("an answer");
            let token = entered.headers()["token"].to_str().expect("a token");
            token.to_owned()
        })
    }
}

#[test]
fn a_server_that_keeps_its_contract_exits_with_0_and_no_secret_is_told() {
    let chat = Chat::start();
    let project = Project::empty();
    let token = chat.token();
    project.write("token", format!("{token}\n"));
    let mut ask = vec!["conform", "mattermost", "--url", chat.url.as_str()];
    ask.extend(["--secret-file", "token", "--writes"]);
    let said = project.phoenix(&ask);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("\nconforms   download "), "{}", said.out);
    assert!(
        said.out
            .contains("23 conform, 0 differ, 0 could not be asked")
    );
    assert!(
        said.out
            .contains("left behind there: the team phoenix-conform")
    );
    assert!(!said.out.contains(&token), "{}", said.out);

    ask.extend(["--format", "json"]);
    let said = project.phoenix(&ask);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told: Value = serde_json::from_str(&said.out).expect("one JSON value");
    assert_eq!(told["schema"], 1);
    let checks = told["checks"].as_array().expect("checks");
    assert!(checks.iter().all(|check| check["verdict"] == "conforms"));
    assert_eq!(told["left_out"], json!([]));
    assert!(!said.out.contains(&token), "{}", said.out);
}

#[test]
fn without_a_secret_nothing_differs_and_not_all_is_known() {
    let chat = Chat::start();
    let said = Project::empty().phoenix(&["conform", "mattermost", "--url", &chat.url]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains("not asked  me "), "{}", said.out);
    let left = "left out, because they write (--writes): team, channel";
    assert!(said.out.contains(left), "{}", said.out);
}

#[test]
fn a_server_of_another_kind_differs() {
    let chat = Chat::start();
    let said = Project::empty().phoenix(&["conform", "zulip", "--url", &chat.url]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("DIFFERS    health "), "{}", said.out);
    assert!(said.out.contains("sent  GET /health"), "{}", said.out);
}

#[test]
fn where_nobody_answers_nothing_is_known() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("http://{address}");
    let said = Project::empty().phoenix(&["conform", "bookstack", "--url", &url]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains(" 0 differ"), "{}", said.out);
}

#[test]
fn mistakes_are_told_before_anything_is_asked() {
    let project = Project::empty();
    project.write("empty", "\n");
    project.write("two", "one\ntwo\n");
    project.write("no.pem", "this is no certificate\n");
    let url = ["--url", "http://127.0.0.1:9"];
    for (arguments, words) in [
        (&["--url", "not an address"][..], "is no address"),
        (&["--url", "ftp://x.test"], "is no address of a server"),
        (&[url[0], url[1], "--ca", "none.pem"], "none.pem: "),
        (&[url[0], url[1], "--ca", "no.pem"], "authority"),
        (
            &[url[0], url[1], "--secret-file", "empty"],
            "empty: it has to be one line",
        ),
        (
            &[url[0], url[1], "--secret-file", "two"],
            "two: it has to be one line",
        ),
        (&[url[0], url[1], "--connect", "nowhere"], "invalid"),
    ] {
        let mut ask = vec!["conform", "zulip"];
        ask.extend(arguments);
        let said = project.phoenix(&ask);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "", "{arguments:?}");
    }
}
