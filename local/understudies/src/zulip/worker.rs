//! The one worker: it greets new accounts, fed by RabbitMQ. Without it nobody is greeted, and
//! nothing else says so.

use std::sync::Weak;

use tokio_util::sync::CancellationToken;

use super::Application;
use crate::shared::rows::{first, params};

const QUEUE: &str = "deferred_work";

/// Asks the worker to greet an account.
pub(super) async fn greet(app: &Application, user: i64) {
    let Some(rabbitmq) = &app.platform.backing.rabbitmq else {
        return app.log.line("Cannot connect to rabbitmq");
    };
    if let Err(error) = rabbitmq.publish(QUEUE, user.to_string().into_bytes()).await {
        app.log.line(format!("rabbitmq: {error}"));
    }
}

/// Works until the queue or the application is gone.
pub(super) async fn work(app: Weak<Application>, end: CancellationToken) {
    loop {
        let Some(queue) = app
            .upgrade()
            .and_then(|app| app.platform.backing.rabbitmq.clone())
        else {
            return;
        };
        let message = tokio::select! {
            biased;
            () = end.cancelled() => return,
            message = queue.next(QUEUE) => message,
        };
        let Ok(message) = message else { return };
        let Some(app) = app.upgrade() else { return };
        let Ok(user) = String::from_utf8_lossy(&message).parse::<i64>() else {
            continue;
        };
        if let Err(error) = welcome(&app, user).await {
            app.log.line(format!("worker {QUEUE}: {error}"));
        }
    }
}

async fn welcome(app: &Application, user: i64) -> Result<(), crate::platform::DatabaseError> {
    let database = app.database.as_ref();
    let Some(row) = first(
        database,
        "SELECT u.realm_id, s.id FROM zerver_userprofile u \
         JOIN zerver_stream s ON s.realm_id = u.realm_id AND s.name = 'general' WHERE u.id = ?",
        params![user],
    )
    .await?
    else {
        return Ok(());
    };
    let message = database
        .insert(
            "INSERT INTO zerver_message (realm_id, sender_id, stream_id, subject, content, \
             date_sent) VALUES (?, ?, ?, 'greetings', 'Hello, and welcome to Zulip!', ?)",
            params![row.integer(0), user, row.integer(1), app.clock.now_s()],
        )
        .await?;
    database
        .execute(
            "INSERT INTO zerver_usermessage (user_profile_id, message_id) VALUES (?, ?)",
            params![user, message],
        )
        .await?;
    Ok(())
}
