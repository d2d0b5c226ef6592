//! Variables, migration, health.

use phoenix_understudies::platform::{BootError, Database as _};
use serde_json::json;

use super::wiki::{machine, start, try_start};

#[tokio::test]
async fn an_empty_database_is_migrated_and_green_and_knows_the_default_admin() {
    let stack = machine();
    let wiki = start(&stack).await;
    let browser = wiki.browser();
    let status = browser.get("/status").await;
    assert_eq!(status.status, 200);
    let health: serde_json::Value = serde_json::from_str(&status.body).unwrap();
    assert_eq!(
        health,
        json!({ "database": true, "cache": true, "session": true })
    );
    assert!(
        status.cookies.is_empty(),
        "a health poll leaves no session behind"
    );

    let home = browser.get("/").await;
    assert_eq!(
        (home.status.as_u16(), home.location.as_str()),
        (302, "http://wiki.test/login")
    );
    let entered = browser.log_in("admin@admin.com", "password").await;
    assert_eq!(
        (entered.status.as_u16(), entered.location.as_str()),
        (302, "http://wiki.test/")
    );
    assert!(
        browser
            .get("/my-account/profile")
            .await
            .body
            .contains("admin@admin.com")
    );
}

#[tokio::test]
async fn a_restart_migrates_nothing_and_keeps_the_instance() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (_, first) = wiki.api("GET", "/system", json!(null)).await;
    wiki.running.stop().await;
    let wiki = start(&stack).await;
    let (status, second) = wiki.api("GET", "/system", json!(null)).await;
    assert_eq!(status, 200);
    assert_eq!(first, second);
    assert_eq!(first["instance_id"].as_str().unwrap().len(), 36);
    assert!(
        wiki.running
            .log
            .lines()
            .iter()
            .any(|line| line.contains("Nothing to migrate"))
    );

    let another = machine();
    let other = start(&another).await;
    other.plant_admin_token().await;
    let (_, other) = other.api("GET", "/system", json!(null)).await;
    assert_ne!(first["instance_id"], other["instance_id"]);
}

#[tokio::test]
async fn without_a_key_it_halts_and_with_a_short_one_everything_is_500() {
    let mut stack = machine();
    stack.env.remove("APP_KEY");
    let halted = try_start(&stack).await.err().unwrap();
    let BootError::Halted(words) = halted else {
        panic!("{halted:?}")
    };
    assert!(
        words.contains("application key is missing, halting init"),
        "{words}"
    );

    stack.set("APP_KEY", "base64:c2hvcnQ=");
    let wiki = start(&stack).await;
    for path in ["/status", "/login", "/api/books", "/nowhere"] {
        assert_eq!(wiki.browser().get(path).await.status, 500, "{path}");
    }
}

#[tokio::test]
async fn without_its_database_every_page_is_500_in_html() {
    let stack = machine();
    let wiki = start(&stack).await;
    stack.rows.drop().await;
    let status = wiki.browser().get("/status").await;
    assert_eq!(status.status, 500);
    assert!(
        status.body.starts_with("<!DOCTYPE html>"),
        "{}",
        status.body
    );
    assert!(
        wiki.running
            .log
            .lines()
            .iter()
            .any(|line| line.contains("production.ERROR"))
    );
}

#[tokio::test]
async fn a_failed_migration_serves_all_the_same() {
    let stack = machine();
    let database = stack.database();
    database
        .execute("CREATE TABLE users (id INTEGER PRIMARY KEY)", Vec::new())
        .await
        .unwrap();
    let wiki = start(&stack).await;
    assert_eq!(wiki.browser().get("/status").await.status, 500);
    assert!(
        wiki.running
            .log
            .lines()
            .iter()
            .any(|line| line.contains("migration failed"))
    );
}
