//! The binary: each understudy as a process of its own.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

const KEY: &str = "base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

type Env = &'static [(&'static str, &'static str)];

/// Each application with what it needs to start, its health path, and its host.
const APPLICATIONS: [(&str, Env, &str, &str); 4] = [
    (
        "zitadel",
        &[
            ("ZITADEL_MASTERKEY", "the-masterkey-has-thirty-2-bytes"),
            ("ZITADEL_EXTERNALDOMAIN", "id.test"),
        ],
        "/debug/ready",
        "id.test",
    ),
    (
        "bookstack",
        &[("APP_KEY", KEY), ("APP_URL", "http://wiki.test")],
        "/status",
        "wiki.test",
    ),
    (
        "mattermost",
        &[(
            "MM_SQLSETTINGS_DATASOURCE",
            "postgres://mm:secret@db:5432/mm",
        )],
        "/api/v4/system/ping?get_server_status=true",
        "chat.test",
    ),
    ("zulip", ZULIP, "/health", "zulip.test"),
];
const ZULIP: Env = &[
    ("SETTING_EXTERNAL_HOST", "zulip.test"),
    ("SETTING_ZULIP_ADMINISTRATOR", "root@zulip.test"),
];

/// A process that listens; killed when a test lets go of it.
struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    base: String,
    host: &'static str,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn command(folder: &Path, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("understudy"));
    command
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().copied());
    command
}

fn start(folder: &Path, application: &str, env: &[(&str, &str)], host: &'static str) -> Process {
    let mut child = command(folder, env)
        .args([application, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let words = format!("{application} listens on ");
    let address = line.trim().strip_prefix(&words);
    Process {
        child,
        base: format!("http://{}", address.unwrap_or_else(|| panic!("{line}"))),
        out,
        host,
    }
}

impl Process {
    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        phoenix_understudies::shared::client::install_crypto();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, format!("{}{path}", self.base));
        request.header("host", self.host)
    }

    /// Polls the health path until it is green.
    async fn is_ready(&self, path: &str) {
        let poll = async {
            loop {
                let answer = self.request(reqwest::Method::GET, path).send().await;
                if answer.is_ok_and(|answer| answer.status() == 200) {
                    return;
                }
            }
        };
        let polled = tokio::time::timeout(Duration::from_secs(60), poll).await;
        assert!(polled.is_ok(), "never ready");
    }

    /// Ends it by a signal; its exit code, and what it still had to say.
    fn end(mut self, signal: &str) -> (Option<i32>, Vec<String>) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
        let code = self.child.wait().unwrap().code();
        let lines = std::mem::replace(&mut self.out, BufReader::new(empty()));
        (code, lines.lines().map(Result::unwrap).collect())
    }
}

/// The output of a process that says nothing.
fn empty() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    child.wait().unwrap();
    out
}

#[tokio::test]
async fn every_application_serves_prints_its_log_and_ends_in_order() {
    let signals = ["TERM", "INT", "TERM", "INT"];
    for ((application, env, health, host), signal) in APPLICATIONS.into_iter().zip(signals) {
        let folder = tempfile::tempdir().unwrap();
        let process = start(folder.path(), application, env, host);
        process.is_ready(health).await;
        assert!(
            folder
                .path()
                .join(format!("{application}.sqlite"))
                .is_file()
        );
        let (code, lines) = process.end(signal);
        assert_eq!(code, Some(0), "{application}");
        assert!(!lines.is_empty(), "{application} logged nothing");
        // What it stored is there when it starts again.
        let process = start(folder.path(), application, env, host);
        process.is_ready(health).await;
    }
}

/// Exit code and words of a start that fails.
fn fails(application: &str, env: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), env)
        .args([application, "--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"", "{application}");
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_start_that_fails_says_what_the_application_says() {
    for (application, env, words) in [
        (
            "zitadel",
            &[("ZITADEL_MASTERKEY", "short")][..],
            "masterkey must be 32 bytes, but is 5\n",
        ),
        (
            "zulip",
            &[("DB_HOST", "db")],
            "'DB_HOST' was replaced by 'SETTING_REMOTE_POSTGRES_HOST' in 12.x\n",
        ),
        ("zulip", &[], "SETTING_EXTERNAL_HOST is not set\n"),
    ] {
        assert_eq!(fails(application, env), (Some(1), words.to_owned()));
    }
    let source = ("MM_SQLSETTINGS_DATASOURCE", "postgres://mm:a<b@db:5432/mm");
    let (code, words) = fails("mattermost", &[source]);
    assert_eq!(code, Some(1));
    assert!(words.contains("invalid userinfo"), "{words}");
}

#[tokio::test]
async fn a_container_that_halts_goes_on_and_nothing_listens() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &[("APP_URL", "http://wiki.test")])
        .arg("bookstack")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(
        line.contains("application key is missing, halting init"),
        "{line}"
    );
    let process = Process {
        child,
        out,
        base: String::new(),
        host: "wiki.test",
    };
    assert_eq!(process.end("TERM").0, Some(0));
}

#[tokio::test]
async fn an_organisation_is_made_beside_the_server_and_no_password_is_an_argument() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "correct horse\n").unwrap();
    let create = |file: &str| {
        let output = command(folder.path(), &[])
            .args(["zulip", "create-realm", "Drills", "root@zulip.test", "Root"])
            .args(["--password-file", file])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (
            output.status.code(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (code, words) = create("secret");
    assert_eq!(code, Some(1));
    assert!(words.contains("start the server first"), "{words}");

    let server = start(folder.path(), "zulip", ZULIP, "zulip.test");
    server.is_ready("/health").await;
    let (code, words) = create("nowhere");
    assert_eq!(code, Some(1));
    assert!(words.starts_with("nowhere: "), "{words}");
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let (code, words) = create("empty");
    assert_eq!(
        (code, words.as_str()),
        (Some(1), "empty holds no password\n")
    );
    let (code, words) = create("secret");
    assert_eq!(code, Some(0), "{words}");
    let (code, words) = create("secret");
    assert_eq!(code, Some(1));
    assert!(words.contains("already in use"), "{words}");

    let form = [
        ("username", "root@zulip.test"),
        ("password", "correct horse"),
    ];
    let path = "/api/v1/fetch_api_key";
    let request = server.request(reqwest::Method::POST, path).form(&form);
    let fetched: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(fetched["result"], "success", "{fetched}");
}

#[test]
fn mistakes_in_arguments_are_told() {
    for arguments in [
        &["postgres"][..],
        &["zulip", "--resolve", "id.test"],
        &["zulip", "--resolve", "id.test=somewhere"],
        &["zulip", "--resolve", "=127.0.0.1:1"],
        &["zulip", "--listen", "8080"],
        &["zulip", "create-realm", "Drills", "root@x.test", "Root"],
        &[
            "zulip",
            "create-realm",
            "D",
            "r@x.test",
            "R",
            "--password",
            "secret",
        ],
        &[],
    ] {
        let output = command(Path::new("/"), &[])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn help_has_examples_and_says_what_is_in_memory() {
    let help = |arguments: &[&str]| {
        let output = command(Path::new("/"), &[("COLUMNS", "100")])
            .args(arguments)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help_zulip", help(&["zulip", "--help"]));
}
