//! Messages: rows, and the copies of them that memcached keeps.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::Application;
use super::answers::Refusal;
use super::realm::User;
use crate::platform::{DatabaseError, Row, Statement};
use crate::shared::rows::{first, params};

/// What every read of a message selects.
pub(super) const COLUMNS: &str = "m.id, m.sender_id, m.stream_id, m.subject, m.content, \
     m.date_sent, m.last_edit_time, u.delivery_email, u.full_name, s.name";
/// Where it comes from.
pub(super) const TABLES: &str = "zerver_message m \
     JOIN zerver_userprofile u ON u.id = m.sender_id JOIN zerver_stream s ON s.id = m.stream_id";

/// A message as the API gives it.
pub(super) fn message_of(row: &Row) -> Json {
    let mut message = json!({
        "id": row.integer(0), "sender_id": row.integer(1), "stream_id": row.integer(2),
        "type": "stream", "subject": row.text(3), "content": row.text(4),
        "content_type": "text/x-markdown", "timestamp": row.integer(5),
        "sender_email": row.text(7), "sender_full_name": row.text(8),
        "display_recipient": row.text(9), "reactions": [], "flags": ["read"],
    });
    if row.integer(6) != 0 {
        message["last_edit_timestamp"] = row.integer(6).into();
    }
    message
}

/// A message as it looks, where that is wanted.
pub(super) fn shown(mut message: Json, markdown: bool) -> Json {
    if markdown {
        let content = message["content"].as_str().unwrap_or_default();
        message["content"] = rendered(content).into();
        message["content_type"] = "text/html".into();
    }
    message
}

/// A text as it looks: what is no letter of HTML stays what it is.
pub(super) fn rendered(content: &str) -> String {
    let html = content
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<p>{html}</p>")
}

/// A moment in the life of a message.
fn snapshot(row: &Row, at: &Json, content: &str, before: Option<&str>) -> Json {
    let mut snapshot = json!({
        "topic": row.text(4), "content": content, "rendered_content": rendered(content),
        "user_id": at["user_id"], "timestamp": at["timestamp"],
    });
    if let Some(before) = before {
        snapshot["prev_content"] = before.into();
        snapshot["prev_rendered_content"] = rendered(before).into();
    }
    snapshot
}

fn no_message() -> Refusal {
    Refusal::bad("Invalid message(s)")
}

fn key(id: i64) -> String {
    format!("message_dict:{id}")
}

impl Application {
    /// A message of the database, and what it holds there.
    pub(super) async fn message(&self, id: i64) -> Result<(Json, String), Refusal> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE m.id = ?");
        let row = first(self.database.as_ref(), &sql, params![id])
            .await?
            .ok_or_else(no_message)?;
        Ok((self.cached(&row).await, row.text(4)))
    }

    /// A message whose row is there: memcached's copy where it has one, whatever the row says.
    pub(super) async fn cached(&self, row: &Row) -> Json {
        let id = row.integer(0);
        if let Some(cache) = &self.platform.backing.memcached
            && let Ok(Some(bytes)) = cache.get(&key(id)).await
            && let Ok(message) = serde_json::from_slice(&bytes)
        {
            return message;
        }
        let message = message_of(row);
        self.cache(id, &message).await;
        message
    }

    async fn cache(&self, id: i64, message: &Json) {
        if let Some(cache) = &self.platform.backing.memcached
            && let Err(error) = cache
                .set(&key(id), message.to_string().into_bytes(), None)
                .await
        {
            self.log.line(format!("memcached: {error}"));
        }
    }

    async fn forget(&self, id: i64) {
        if let Some(cache) = &self.platform.backing.memcached
            && let Err(error) = cache.delete(&key(id)).await
        {
            self.log.line(format!("memcached: {error}"));
        }
    }

    /// Sends a message to a channel that the sender is in; uploads that it links to become its own.
    pub(super) async fn send(
        &self,
        sender: &User,
        stream: i64,
        topic: &str,
        content: &str,
    ) -> Result<i64, Refusal> {
        let id = self
            .database
            .insert(
                "INSERT INTO zerver_message (realm_id, sender_id, stream_id, subject, content, \
                 date_sent) VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    sender.realm,
                    sender.id,
                    stream,
                    topic,
                    content,
                    self.clock.now_s()
                ],
            )
            .await?;
        let mut statements = vec![Statement {
            sql: "INSERT INTO zerver_usermessage (user_profile_id, message_id) \
                  SELECT user_profile_id, ? FROM zerver_subscription WHERE stream_id = ?"
                .to_owned(),
            params: params![id, stream],
        }];
        for path_id in linked_uploads(content) {
            statements.push(Statement {
                sql: "INSERT INTO zerver_attachment_messages (attachment_id, message_id) \
                      SELECT id, ? FROM zerver_attachment WHERE path_id = ?"
                    .to_owned(),
                params: params![id, path_id],
            });
        }
        self.database.transaction(statements).await?;
        self.told_of_message(stream, id).await?;
        Ok(id)
    }

    /// Changes the content of one's own message; what it was is kept in its history.
    pub(super) async fn edit(&self, editor: &User, id: i64, content: &str) -> Result<(), Refusal> {
        let row = self.sent(id).await?;
        if row.integer(0) != editor.id {
            return Err(Refusal::bad(
                "You don't have permission to edit this message",
            ));
        }
        let now = self.clock.now_s();
        let mut history: Vec<Json> = serde_json::from_str(&row.text(2)).unwrap_or_default();
        history.insert(
            0,
            json!({"user_id": editor.id, "timestamp": now, "prev_content": row.text(1)}),
        );
        self.database
            .execute(
                "UPDATE zerver_message SET content = ?, last_edit_time = ?, edit_history = ? \
                 WHERE id = ?",
                params![content, now, json!(history).to_string(), id],
            )
            .await?;
        self.forget(id).await;
        let stream = row.integer(3);
        let event = json!({
            "message_id": id, "message_ids": [id], "user_id": editor.id, "stream_id": stream,
            "content": content, "orig_content": row.text(1), "edit_timestamp": now,
            "rendering_only": false, "flags": ["read"],
        });
        let users = self.subscribers(stream).await?;
        self.events
            .tell(&users, "update_message", |_| event.clone());
        Ok(())
    }

    /// Deletes a message: it moves to the archive, which no API shows.
    pub(super) async fn remove(&self, editor: &User, id: i64) -> Result<(), Refusal> {
        let row = self.sent(id).await?;
        if row.integer(0) != editor.id && !editor.is_admin() {
            return Err(Refusal::bad(
                "You don't have permission to delete this message",
            ));
        }
        let statement = |sql: &str| Statement {
            sql: sql.to_owned(),
            params: params![id],
        };
        self.database
            .transaction(vec![
                statement(
                    "INSERT INTO zerver_archivedmessage (id, sender_id, stream_id, subject, \
                     content, date_sent) SELECT id, sender_id, stream_id, subject, content, \
                     date_sent FROM zerver_message WHERE id = ?",
                ),
                statement("DELETE FROM zerver_attachment_messages WHERE message_id = ?"),
                statement("DELETE FROM zerver_usermessage WHERE message_id = ?"),
                statement("DELETE FROM zerver_message WHERE id = ?"),
            ])
            .await?;
        self.forget(id).await;
        let stream = row.integer(3);
        let event = json!({
            "message_id": id, "message_type": "stream", "stream_id": stream,
            "topic": row.text(4),
        });
        let users = self.subscribers(stream).await?;
        self.events
            .tell(&users, "delete_message", |_| event.clone());
        Ok(())
    }

    /// Sender, content and history of a message.
    async fn sent(&self, id: i64) -> Result<Row, Refusal> {
        first(
            self.database.as_ref(),
            "SELECT sender_id, content, edit_history, stream_id, subject, date_sent FROM zerver_message \
             WHERE id = ?",
            params![id],
        )
        .await?
        .ok_or_else(no_message)
    }

    /// Tells whoever is in the channel of a new message.
    async fn told_of_message(&self, stream: i64, id: i64) -> Result<(), Refusal> {
        let (message, _) = self.message(id).await?;
        let users = self.subscribers(stream).await?;
        self.events.tell(
            &users,
            "message",
            |markdown| json!({"message": shown(message.clone(), markdown), "flags": ["read"]}),
        );
        Ok(())
    }

    /// What a message was, oldest first, and what it is.
    pub(super) async fn history(&self, id: i64) -> Result<Vec<Json>, Refusal> {
        let row = self.sent(id).await?;
        let edits: Vec<Json> = serde_json::from_str(&row.text(2)).unwrap_or_default();
        let (mut history, mut before) = (Vec::new(), None::<String>);
        let mut at = json!({"user_id": row.integer(0), "timestamp": row.integer(5)});
        for edit in edits.iter().rev() {
            let was = edit["prev_content"].as_str().unwrap_or_default().to_owned();
            history.push(snapshot(&row, &at, &was, before.as_deref()));
            at = json!({"user_id": edit["user_id"], "timestamp": edit["timestamp"]});
            before = Some(was);
        }
        history.push(snapshot(&row, &at, &row.text(1), before.as_deref()));
        Ok(history)
    }

    /// Who is in a channel.
    pub(super) async fn subscribers(&self, stream: i64) -> Result<Vec<i64>, DatabaseError> {
        let sql = "SELECT user_profile_id FROM zerver_subscription WHERE stream_id = ? \
                   ORDER BY user_profile_id";
        let rows = self.database.query(sql, params![stream]).await?;
        Ok(rows.iter().map(|row| row.integer(0)).collect())
    }

    /// The channels of an organisation, or those of them that an account is in.
    pub(super) async fn streams(
        &self,
        realm: i64,
        of: Option<i64>,
    ) -> Result<Vec<Json>, DatabaseError> {
        let sql = match of {
            None => "SELECT id, name FROM zerver_stream WHERE realm_id = ? ORDER BY id",
            Some(_) => {
                "SELECT s.id, s.name FROM zerver_stream s JOIN zerver_subscription u \
                 ON u.stream_id = s.id WHERE s.realm_id = ? AND u.user_profile_id = ? ORDER BY s.id"
            }
        };
        let mut values = params![realm];
        values.extend(of.map(Into::into));
        let rows = self.database.query(sql, values).await?;
        let shown = rows.iter().map(|row| {
            json!({
                "stream_id": row.integer(0), "name": row.text(1), "description": "",
                "rendered_description": "", "invite_only": false, "is_web_public": false,
                "is_archived": false,
            })
        });
        Ok(shown.collect())
    }

    /// The id of a channel by name, in whatever case.
    pub(super) async fn stream(
        &self,
        realm: i64,
        name: &str,
    ) -> Result<Option<i64>, DatabaseError> {
        let row = first(
            self.database.as_ref(),
            "SELECT id FROM zerver_stream WHERE realm_id = ? AND lower(name) = lower(?)",
            params![realm, name],
        )
        .await?;
        Ok(row.map(|row| row.integer(0)))
    }
}

/// Path ids of the uploads that a text links to, each once.
fn linked_uploads(content: &str) -> BTreeSet<String> {
    content
        .split("/user_uploads/")
        .skip(1)
        .filter_map(|rest| {
            rest.split([')', ' ', '\n', '"', '>'])
                .next()
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
        })
        .collect()
}

/// A word as the text search has it. With the English dictionary what is searched for in any of its
/// forms is found in every other; without it a word is itself.
pub(super) fn lexeme(word: &str, dictionary: bool) -> String {
    let word = word
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    if dictionary && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        stem(&word).to_owned()
    } else {
        word
    }
}

fn stem(word: &str) -> &str {
    for suffix in ["ing", "ed"] {
        if let Some(stem) = word.strip_suffix(suffix)
            && stem.len() > 2
        {
            return match stem.as_bytes() {
                [.., a, b] if a == b && !b"lsz".contains(b) => &stem[..stem.len() - 1],
                _ => stem.strip_suffix('e').unwrap_or(stem),
            };
        }
    }
    let stem = match word.strip_suffix("es").or_else(|| word.strip_suffix('s')) {
        Some(stem) if stem.len() > 2 && !word.ends_with("ss") => stem,
        _ => word,
    };
    match stem.strip_suffix('e') {
        Some(short) if short.len() > 2 => short,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{lexeme, linked_uploads};

    #[test]
    fn forms_of_a_word_are_one() {
        for forms in [
            &["run", "running", "runs"][..],
            &["burn", "Burned,", "burning"],
            &["restore", "restored", "restores", "restoring"],
            &["pass", "passes", "passed"],
        ] {
            let stems: BTreeSet<_> = forms.iter().map(|word| lexeme(word, true)).collect();
            assert_eq!(stems.len(), 1, "{stems:?}");
            let words: BTreeSet<_> = forms.iter().map(|word| lexeme(word, false)).collect();
            assert_eq!(words.len(), forms.len(), "{words:?}");
        }
        assert_eq!(lexeme("phx-0badcafe-000001", true), "phx-0badcafe-000001");
    }

    #[test]
    fn links_to_uploads_are_found() {
        assert_eq!(
            linked_uploads(
                "see [a](/user_uploads/2/ab/x/a.bin), /user_uploads/2/cd/b /user_uploads/2/cd/b"
            ),
            BTreeSet::from(["2/ab/x/a.bin".to_owned(), "2/cd/b".to_owned()])
        );
    }
}
