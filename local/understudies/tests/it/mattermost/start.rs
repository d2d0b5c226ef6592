//! Start, health, and the identity of an instance.

use phoenix_understudies::platform::{BootError, Database as _};
use serde_json::json;

use super::server::{machine, start, try_start};

#[tokio::test]
async fn health_is_green_over_an_empty_database_and_the_identity_is_new() {
    let machine = machine();
    let server = start(&machine).await;
    let (status, ping) = server
        .get("/api/v4/system/ping?get_server_status=true")
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        (&ping["database_status"], &ping["filestore_status"]),
        (&json!("OK"), &json!("OK"))
    );
    let (_, first) = server.get("/api/v4/config/client?format=old").await;
    assert_eq!(first["NoAccounts"], "true");
    server.stop().await;
    let server = start(&machine).await;
    let (_, again) = server.get("/api/v4/config/client?format=old").await;
    assert_eq!(first["DiagnosticId"], again["DiagnosticId"]);
    server.stop().await;
    machine.rows.drop().await;
    let server = start(&machine).await;
    let (_, new) = server.get("/api/v4/config/client?format=old").await;
    assert_ne!(first["DiagnosticId"], new["DiagnosticId"]);
}

#[tokio::test]
async fn the_plain_ping_looks_at_nothing() {
    let machine = machine();
    let server = start(&machine).await;
    machine.rows.drop().await;
    assert_eq!(server.get("/api/v4/system/ping").await.0, 200);
    let (status, ping) = server
        .get("/api/v4/system/ping?get_server_status=true")
        .await;
    assert_eq!(
        (status, &ping["database_status"]),
        (500, &json!("UNHEALTHY"))
    );
    let rest = "/api/v4/system/ping?get_server_status=true&use_rest_semantics=true";
    assert_eq!(server.get(rest).await.0, 200);
}

#[tokio::test]
async fn a_file_store_that_cannot_be_written_is_unhealthy() {
    let machine = machine();
    let server = start(&machine).await;
    std::fs::remove_dir_all(machine.path("data")).unwrap();
    std::fs::write(machine.path("data"), "a file in its place").unwrap();
    let (status, ping) = server
        .get("/api/v4/system/ping?get_server_status=true")
        .await;
    assert_eq!(
        (status, &ping["filestore_status"]),
        (500, &json!("UNHEALTHY"))
    );
}

#[tokio::test]
async fn a_password_that_is_not_escaped_never_listens() {
    let mut machine = machine();
    machine.set("MM_SQLSETTINGS_DATASOURCE", "postgres://mm:a<b@db:5432/mm");
    match try_start(&machine).await.err() {
        Some(BootError::Configuration(words)) => assert!(words.contains("invalid userinfo")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let machine = machine();
    start(&machine).await.stop().await;
    let sql = "INSERT INTO db_migrations VALUES (9999, 'tomorrow')";
    assert_eq!(machine.database().execute(sql, Vec::new()).await, Ok(1));
    match try_start(&machine).await.err() {
        Some(BootError::GaveUp(words)) => assert!(words.contains("9999"), "{words}"),
        other => panic!("{other:?}"),
    }
}
