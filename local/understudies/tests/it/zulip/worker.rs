//! The worker that greets new accounts, fed by RabbitMQ.

use phoenix_understudies::platform::Queue as _;

use super::login::{Setting, account, setting};
use super::server::until;

const GREETINGS: &str = "SELECT COUNT(*) FROM zerver_message WHERE subject = 'greetings'";

async fn greeted(setting: &Setting) {
    until(async || setting.server.one(GREETINGS).await > 0).await;
}

#[tokio::test]
async fn a_new_account_is_greeted_once() {
    let setting = setting().await;
    account(&setting, "ada").await;
    greeted(&setting).await;
    account(&setting, "ada").await;
    setting.stack.rabbitmq.ping().await.unwrap();
    assert_eq!(setting.server.one(GREETINGS).await, 1);
    let seen = "SELECT COUNT(*) FROM zerver_usermessage um JOIN zerver_userprofile u \
                ON u.id = um.user_profile_id WHERE u.delivery_email = 'ada@x.test'";
    assert_eq!(setting.server.one(seen).await, 1);
}

#[tokio::test]
async fn a_worker_ends_with_its_server_and_takes_nothing_from_the_next() {
    let mut setting = setting().await;
    setting.restart().await;
    setting.restart().await;
    account(&setting, "ada").await;
    greeted(&setting).await;
}

#[tokio::test]
async fn what_was_asked_for_while_nobody_worked_is_done_later() {
    let mut setting = setting().await;
    let queue = std::sync::Arc::clone(&setting.stack.rabbitmq);
    let owner = setting
        .server
        .one("SELECT id FROM zerver_userprofile")
        .await;
    setting.server.running.stop().await;
    let message = owner.to_string().into_bytes();
    queue.publish("deferred_work", message).await.unwrap();
    queue
        .publish("deferred_work", b"no number".to_vec())
        .await
        .unwrap();
    queue
        .publish("deferred_work", b"4711".to_vec())
        .await
        .unwrap();
    setting.server = setting.stack.start().await;
    greeted(&setting).await;
    assert_eq!(setting.server.one(GREETINGS).await, 1);
}

#[tokio::test]
async fn without_a_queue_the_account_is_there_and_the_greeting_is_not() {
    let setting = setting().await;
    setting.stack.rabbitmq.close();
    account(&setting, "ada").await;
    assert_eq!(setting.server.one(GREETINGS).await, 0);
    let log = setting.server.running.log.lines();
    assert!(
        log.iter().any(|line| line.starts_with("rabbitmq:")),
        "{log:?}"
    );
}
