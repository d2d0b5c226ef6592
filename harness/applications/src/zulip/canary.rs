//! Writing and reading Zulip's canaries.

use phoenix_engine::application::{Content, Reading, Seen, WriteOutcome, WriteRequest};
use phoenix_evidence::canary::CanarySpec;
use reqwest::{Method, multipart};
use serde_json::{Value, json};

use super::{SESSION, UPLOAD, Zulip, number, text};
use crate::browser::Browser;
use crate::call::{Answer, NoAnswer, outcome, send};
use crate::zitadel::said;

/// What stands between a canary's text and the link to its upload.
const LINK_LINE: &str = "\n[upload](";

impl Zulip {
    pub(super) async fn create(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        match request.spec.kind.as_str() {
            SESSION => return self.create_session().await,
            UPLOAD => {}
            _ => {
                let sent = self.post_message(request.text).await;
                return outcome(
                    sent,
                    |answer| json!({"message": number(&answer.json(), "/id")}),
                );
            }
        }
        let bytes = request.file.unwrap_or(request.marker.as_bytes());
        let uploaded = send(|| {
            let part = multipart::Part::bytes(bytes.to_vec()).file_name(request.marker.to_owned());
            self.request(Method::POST, "/api/v1/user_uploads")
                .multipart(multipart::Form::new().part("file", part))
        })
        .await;
        let link = match &uploaded {
            Ok(answer) if answer.ok() => text(&answer.json(), "/url"),
            _ => return outcome(uploaded, |_| Value::Null),
        };
        let sent = self
            .post_message(&format!("{}{LINK_LINE}{link})", request.text))
            .await;
        outcome(
            sent,
            |answer| json!({"message": number(&answer.json(), "/id"), "upload": link}),
        )
    }

    /// Logs the canary person in and keeps the session: what only the key that signed it opens.
    async fn create_session(&self) -> WriteOutcome {
        let mut browser = match Browser::new(&self.context.network) {
            Ok(browser) => browser,
            Err(why) => return WriteOutcome::Refused { answer: why },
        };
        if let Err(stopped) = self.login_through(&mut browser).await {
            return WriteOutcome::Indeterminate { why: stopped.error };
        }
        match browser
            .cookies_for(&self.context.url)
            .into_iter()
            .find(|(name, _)| name.ends_with("sessionid"))
        {
            Some((name, value)) => WriteOutcome::Acknowledged {
                reference: json!({"cookie": name, "session": value}),
            },
            None => WriteOutcome::Refused {
                answer: "the login set no session".to_owned(),
            },
        }
    }

    /// A session that the server does not take is one that is gone or one that another key signed:
    /// its answer is the same, so the row is looked for directly.
    pub(super) async fn read_session(&self, reference: &Value) -> Reading {
        let session = text(reference, "/session");
        if session.is_empty() {
            // Never acknowledged: nobody knows a session that could be asked for.
            return Reading {
                parts: vec![Seen::Absent],
                linked: None,
                probe: "no session is known".to_owned(),
                stands_as: None,
            };
        }
        let cookie = format!("{}={session}", text(reference, "/cookie"));
        let me = send(|| {
            self.client
                .get(format!("{}/json/users/me", self.base))
                .header("cookie", &cookie)
        })
        .await;
        let seen = match &me {
            Ok(answer) if answer.ok() => Seen::Present(vec![Content::Proved(0)]),
            Ok(answer) if answer.status == 401 => Seen::Unreadable {
                decryption: true,
                error: answer.words(),
            },
            other => unreadable(other),
        };
        Reading {
            parts: vec![seen],
            linked: None,
            probe: "GET /json/users/me".to_owned(),
            stands_as: Some(session),
        }
    }

    /// A message, and the bytes of its upload where it has one.
    pub(super) async fn read_written(
        &self,
        spec: &CanarySpec,
        marker: &str,
        reference: &Value,
    ) -> Reading {
        let path = format!("/api/v1/messages/{}", number(reference, "/message"));
        let answer = self.get(&format!("{path}?apply_markdown=false")).await;
        let probe = format!("GET {path}");
        let (row, link) = match &answer {
            Ok(answer) if answer.ok() => {
                let content = text(&answer.json(), "/message/content");
                let link = link_in(&content).map(str::to_owned);
                let own = content
                    .split_once(LINK_LINE)
                    .map_or(content.as_str(), |(own, _)| own);
                if own.contains(marker) {
                    let seen = Seen::Present(vec![Content::Text(own.to_owned())]);
                    (seen, link)
                } else {
                    // Counters go back with a restore: the id is another message's by now.
                    (Seen::Absent, None)
                }
            }
            Ok(answer) if answer.status == 400 && answer.text().contains("Invalid message") => {
                (Seen::Absent, None)
            }
            Ok(answer) if self.nobody_home(answer).await => (Seen::Absent, None),
            other => (unreadable(other), None),
        };
        if !spec.is_pair() {
            return Reading {
                parts: vec![row],
                linked: None,
                probe,
                stands_as: None,
            };
        }
        let upload = text(reference, "/upload");
        let linked =
            matches!(row, Seen::Present(_)).then(|| link.as_deref() == Some(upload.as_str()));
        let file = self.read_upload(&upload).await;
        Reading {
            parts: vec![row, file],
            linked,
            probe: format!("{probe}, GET {upload}"),
            stands_as: None,
        }
    }

    /// Whether a key was refused because there is no organisation that could have given it: then
    /// there is none that could have a message either. The page of the root says which it is.
    async fn nobody_home(&self, refused: &Answer) -> bool {
        if refused.status != 401 && refused.status != 404 {
            return false;
        }
        let root = send(|| self.client.get(format!("{}/", self.base))).await;
        root.is_ok_and(|root| {
            root.status == 404 && root.text().contains("no Zulip organization at this URL")
        })
    }

    /// The bytes of an upload: its address first, which is good for a minute, then what is there.
    async fn read_upload(&self, link: &str) -> Seen {
        let address = self.get(&format!("/api/v1{link}")).await;
        let at = match &address {
            Ok(answer) if answer.ok() => text(&answer.json(), "/url"),
            Ok(answer) if answer.status == 404 => return Seen::Absent,
            Ok(answer) if self.nobody_home(answer).await => return Seen::Absent,
            other => return unreadable(other),
        };
        let bytes = send(|| self.client.get(format!("{}{at}", self.base))).await;
        match &bytes {
            Ok(answer) if answer.ok() => Seen::Present(vec![Content::Bytes(answer.body.clone())]),
            Ok(answer) if answer.status == 404 => Seen::Absent,
            other => unreadable(other),
        }
    }
}

/// The path of the upload that a message links to.
pub(super) fn link_in(content: &str) -> Option<&str> {
    let (_, link) = content.split_once(LINK_LINE)?;
    link.strip_suffix(')')
}

fn unreadable(answer: &Result<Answer, NoAnswer>) -> Seen {
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

#[cfg(test)]
mod tests {
    use super::{LINK_LINE, link_in};

    #[test]
    fn a_link_is_told_from_a_text() {
        let link = "/user_uploads/1/ab/x/phx-0badcafe-000001";
        let content = format!("phx-0badcafe-000001.v0{LINK_LINE}{link})");
        assert_eq!(link_in(&content), Some(link));
        assert_eq!(link_in("phx-0badcafe-000001.v0"), None);
    }
}
