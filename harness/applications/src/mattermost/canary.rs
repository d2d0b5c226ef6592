//! Canaries: posts, posts with a file, public links of files.

use phoenix_engine::application::{Content, Seen, WriteOutcome, WriteRequest};
use reqwest::Method;
use serde_json::{Value, json};

use super::{LINK, Mattermost, text};
use crate::call::{Answer, NoAnswer, outcome, send};
use crate::zitadel::said;

impl Mattermost {
    pub(super) async fn create(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let mut body = json!({"channel_id": self.channel_id(), "message": request.text});
        let mut file = String::new();
        if request.spec.is_pair() {
            let path = format!(
                "/api/v4/files?channel_id={}&filename={}",
                self.channel_id(),
                request.marker
            );
            let bytes = request.file.unwrap_or(request.marker.as_bytes());
            let uploaded = send(|| self.request(Method::POST, &path).body(bytes.to_vec())).await;
            match &uploaded {
                Ok(answer) if answer.ok() => file = text(&answer.json(), "/file_infos/0/id"),
                _ => return outcome(uploaded, |_| Value::Null),
            }
            body["file_ids"] = json!([file]);
        }
        let posted = self.call(Method::POST, "/api/v4/posts", &body).await;
        let post = match &posted {
            Ok(answer) if answer.ok() => text(&answer.json(), "/id"),
            _ => return outcome(posted, |_| Value::Null),
        };
        if request.spec.kind != LINK {
            return WriteOutcome::Acknowledged {
                reference: json!({"post": post, "file": file}),
            };
        }
        let link = self.get(&format!("/api/v4/files/{file}/link")).await;
        outcome(
            link,
            |answer| json!({"post": post, "file": file, "link": text(&answer.json(), "/link")}),
        )
    }

    pub(super) async fn read_post(&self, post: &str) -> (Seen, Vec<String>, String) {
        let path = format!("/api/v4/posts/{post}");
        let answer = self.get(&path).await;
        let probe = format!("GET {path}");
        match &answer {
            Ok(answer) if answer.ok() => {
                let body = answer.json();
                let files = body
                    .pointer("/file_ids")
                    .and_then(Value::as_array)
                    .map(|ids| {
                        ids.iter()
                            .filter_map(|id| id.as_str().map(str::to_owned))
                            .collect()
                    })
                    .unwrap_or_default();
                let seen = Seen::Present(vec![Content::Text(text(&body, "/message"))]);
                (seen, files, probe)
            }
            Ok(answer) if answer.status == 404 => (Seen::Absent, Vec::new(), probe),
            other => (unreachable(other), Vec::new(), probe),
        }
    }

    /// The bytes of a file. A row whose bytes are gone answers 404 or 500, and its metadata 200.
    pub(super) async fn read_file(&self, file: &str) -> (Seen, String) {
        let path = format!("/api/v4/files/{file}");
        let answer = self.get(&path).await;
        let probe = format!("GET {path}");
        let seen = match &answer {
            Ok(answer) if answer.ok() => Seen::Present(vec![Content::Bytes(answer.body.clone())]),
            Ok(answer) if answer.status == 404 => Seen::Absent,
            Ok(answer)
                if answer.status == 500
                    && self
                        .get(&format!("{path}/info"))
                        .await
                        .is_ok_and(|info| info.ok()) =>
            {
                Seen::Absent
            }
            other => unreachable(other),
        };
        (seen, probe)
    }

    /// Whether a public link is still one that this server would make. Its hash is looked at before
    /// the bytes, so a file that is gone says nothing against the link.
    pub(super) async fn read_link(&self, link: &str) -> (Seen, String) {
        let path = link.strip_prefix(&self.base).unwrap_or(link);
        // The hash opens the file to whoever has it.
        let shown = path.split('?').next().unwrap_or(path);
        let probe = format!("GET {shown}?h=…");
        let answer = send(|| self.client.get(format!("{}{path}", self.base))).await;
        let seen = match &answer {
            Ok(answer) if answer.status == 400 => Seen::Absent,
            Ok(answer) if answer.ok() => Seen::Present(vec![Content::Proved(0)]),
            Ok(answer) if answer.status == 404 && !answer.text().contains("file reader") => {
                // The row is gone, and nothing was said of the link.
                Seen::Absent
            }
            Ok(answer) if answer.status == 404 => Seen::Present(vec![Content::Proved(0)]),
            other => unreachable(other),
        };
        (seen, probe)
    }
}

fn unreachable(answer: &Result<Answer, NoAnswer>) -> Seen {
    match answer {
        Ok(answer) if answer.status >= 500 => Seen::Unreadable {
            decryption: false,
            error: answer.words(),
        },
        other => Seen::Unreachable {
            why: said(other),
            token_dead: false,
        },
    }
}
