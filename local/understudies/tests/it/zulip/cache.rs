//! A memcached that outlives a restore.

use phoenix_understudies::platform::Cache as _;

use super::server::Stack;

#[tokio::test]
async fn a_cache_that_outlived_a_restore_serves_stale_contents_until_flushed() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let id = server.say("before the backup").await;
    let late = server.say("after the backup").await;
    server.stop().await;
    stack.machine.rows.copy().await;

    let mut server = stack.start().await;
    server.fetch_key().await;
    let path = format!("/messages/{id}");
    server
        .api("PATCH", &path, &[("content", "edited")])
        .await
        .good();
    assert_eq!(server.list("[]").await, ["edited", "after the backup"]);
    server.stop().await;
    stack.machine.rows.put_back().await;

    let mut server = stack.start().await;
    server.fetch_key().await;
    server
        .execute("DELETE FROM zerver_message WHERE id = ?", vec![late.into()])
        .await;
    let stale = server.read(id).await.good();
    assert_eq!(stale["message"]["content"], "edited");
    assert_eq!(
        stale["raw_content"], "before the backup",
        "a row is never cached"
    );
    assert_eq!(server.list("[]").await, ["edited"]);
    // What has no row is not there, whatever the cache holds.
    assert_eq!(server.read(late).await.status, 400);

    stack.memcached.flush().await.unwrap();
    let fresh = server.read(id).await.good();
    assert_eq!(fresh["message"]["content"], "before the backup");
    assert_eq!(server.list("[]").await, ["before the backup"]);
}

#[tokio::test]
async fn without_a_cache_messages_are_served_all_the_same() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let id = server.say("still here").await;
    stack.memcached.close();
    assert_eq!(server.read(id).await.good()["raw_content"], "still here");
    let path = format!("/messages/{id}");
    server
        .api("PATCH", &path, &[("content", "changed")])
        .await
        .good();
    assert_eq!(server.list("[]").await, ["changed"]);
}
