//! The contracts again, over the servers that the applications have in production: one server for
//! each application, one database for each test.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod databases;
mod dictionary;
mod objects;
mod server;

use server::Running;

use crate::support::database::SERVER;

/// Runs the tests whose names have this in them in a process that has the server.
async fn over(running: Option<Running>, names: &str, skipped: &[&str]) {
    let Some(running) = running else { return };
    let tests = tokio::process::Command::new(std::env::current_exe().unwrap())
        .arg(names)
        .arg("--test-threads=4")
        .args(skipped.iter().flat_map(|name| ["--skip", name]))
        .env(SERVER, running.text())
        // What the runner of the outer test tells it is not about these.
        .env_remove("NEXTEST")
        .output();
    let output = tests.await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !text.contains("running 0 tests"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn zitadel_keeps_its_contract_over_postgresql() {
    over(server::postgres(&[]).await, "zitadel::", &[]).await;
}

#[tokio::test]
async fn mattermost_keeps_its_contract_over_postgresql() {
    over(server::postgres(&[]).await, "mattermost::", &[]).await;
}

/// Zulip has as many tests as the others together: in two halves none is taken for one that hangs.
#[tokio::test]
async fn zulip_keeps_its_contract_over_postgresql() {
    // The server has the dictionary: `dictionary` runs that one over a server that has none.
    let others = ["zulip::login", "without_the_dictionary"];
    over(server::postgres(&[]).await, "zulip::", &others).await;
}

#[tokio::test]
async fn zulip_lets_people_in_over_postgresql() {
    over(server::postgres(&[]).await, "zulip::login::", &[]).await;
}

#[tokio::test]
async fn bookstack_keeps_its_contract_over_mariadb() {
    over(server::mariadb().await, "bookstack::", &[]).await;
}
