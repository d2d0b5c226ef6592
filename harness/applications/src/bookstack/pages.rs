//! Pages, and attachments: a row in the database and bytes in the files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_engine::application::{Content, Seen, WriteOutcome, WriteRequest};
use reqwest::{Method, multipart};
use serde_json::{Value, json};

use super::{BookStack, number, says_another_key};
use crate::call::{Answer, NoAnswer, outcome, send};

impl BookStack {
    pub(super) async fn create_page(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let body = json!({
            "book_id": self.book_id(), "name": request.marker,
            "html": format!("<p>{}</p>", request.text),
        });
        let made = self.call(Method::POST, "/api/pages", &body).await;
        let page = match &made {
            Ok(answer) if answer.ok() => number(&answer.json(), "/id"),
            _ => return outcome(made, |_| Value::Null),
        };
        let Some(file) = request.file else {
            return WriteOutcome::Acknowledged {
                reference: json!({"page": page}),
            };
        };
        let attached = send(|| {
            let part = multipart::Part::bytes(file.to_vec()).file_name(request.marker.to_owned());
            let form = multipart::Form::new()
                .text("name", request.marker.to_owned())
                .text("uploaded_to", page.to_string())
                .part("file", part);
            self.request(Method::POST, "/api/attachments")
                .multipart(form)
        })
        .await;
        outcome(
            attached,
            |answer| json!({"page": page, "attachment": number(&answer.json(), "/id")}),
        )
    }

    pub(super) async fn read_page(&self, page: i64, marker: &str) -> (Seen, String) {
        let path = format!("/api/pages/{page}");
        let answer = self.call(Method::GET, &path, &Value::Null).await;
        let seen = match &answer {
            // Counters go back with a restore: the id may be another page's by now.
            Ok(answer) if answer.ok() && !named(&answer.json(), marker) => Seen::Absent,
            Ok(answer) if answer.ok() => {
                let html = answer
                    .json()
                    .pointer("/html")
                    .and_then(Value::as_str)
                    .map(plain);
                Seen::Present(vec![Content::Text(html.unwrap_or_default())])
            }
            Ok(answer) if answer.status == 404 => Seen::Absent,
            other => unreadable(other),
        };
        (seen, format!("GET {path}"))
    }

    /// The attachment's bytes, and the page that its row says it belongs to. A row whose bytes are
    /// gone answers 500; the list still has it.
    pub(super) async fn read_attachment(
        &self,
        id: i64,
        marker: &str,
    ) -> (Seen, Option<i64>, String) {
        let path = format!("/api/attachments/{id}");
        let answer = self.call(Method::GET, &path, &Value::Null).await;
        let probe = format!("GET {path}");
        match &answer {
            Ok(answer) if answer.ok() && !named(&answer.json(), marker) => {
                (Seen::Absent, None, probe)
            }
            Ok(answer) if answer.ok() => {
                let body = answer.json();
                let content = body
                    .pointer("/content")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let bytes = STANDARD.decode(content).unwrap_or_default();
                let page = number(&body, "/uploaded_to");
                (
                    Seen::Present(vec![Content::Bytes(bytes)]),
                    Some(page),
                    probe,
                )
            }
            Ok(answer) if answer.status == 404 => (Seen::Absent, None, probe),
            Ok(answer) if answer.status == 500 && self.listed(id).await => (
                Seen::Absent,
                None,
                format!("{probe} (500, and its row is listed)"),
            ),
            other => (unreadable(other), None, probe),
        }
    }

    async fn listed(&self, attachment: i64) -> bool {
        let path = format!("/api/attachments?filter[id]={attachment}");
        let answer = self.call(Method::GET, &path, &Value::Null).await;
        answer.is_ok_and(|answer| {
            answer.ok()
                && answer
                    .json()
                    .pointer("/data")
                    .and_then(Value::as_array)
                    .is_some_and(|rows| rows.iter().any(|row| number(row, "/id") == attachment))
        })
    }
}

fn unreadable(answer: &Result<Answer, NoAnswer>) -> Seen {
    match answer {
        Ok(answer) if answer.status >= 500 => Seen::Unreadable {
            decryption: says_another_key(&answer.text()),
            error: answer.words(),
        },
        Ok(answer) => Seen::Unreachable {
            why: answer.words(),
            token_dead: false,
        },
        Err(none) => Seen::Unreachable {
            why: none.words().to_owned(),
            token_dead: false,
        },
    }
}

/// The text of a page's HTML: what was written into it, without the ids that it got.
fn plain(html: &str) -> String {
    let fragment = scraper::Html::parse_fragment(html);
    let text: String = fragment.root_element().text().collect();
    text.trim().to_owned()
}

/// Whether an entry carries this canary's name.
pub(super) fn named(entry: &Value, marker: &str) -> bool {
    entry.pointer("/name").and_then(Value::as_str) == Some(marker)
}
