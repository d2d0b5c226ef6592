//! Zulip (server 12.1): canaries are messages, messages with an upload, and sessions, which a
//! changed secret key ends.
//!
//! `access`: `email` and `password` of the organisation's owner.

mod canary;
mod login;

use std::sync::Mutex;

use async_trait::async_trait;
use phoenix_engine::application::{
    Action, AppContext, AppError, Application, HealthReport, KindSpec, Listing, LoginTrace,
    Reading, WriteOutcome, WriteRequest,
};
use phoenix_evidence::canary::CanarySpec;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::call::{Answer, NoAnswer, client, failed, outcome, send};
use crate::zitadel::{no_browser, said, trace};

/// Messages of one page of a list: the most that upstream gives.
const PAGE: usize = 5000;
const MESSAGE: &str = "message";
const UPLOAD: &str = "message-with-upload";
const SESSION: &str = "session";

/// A client.
pub struct Zulip {
    context: AppContext,
    client: Client,
    base: String,
    /// The owner's API key, once it was fetched.
    key: Mutex<Option<String>>,
}

impl Zulip {
    /// A client of a context.
    ///
    /// # Errors
    /// When the authority of the stack cannot be trusted.
    pub fn new(context: AppContext) -> Result<Self, String> {
        let client = client(&context.network)?;
        let base = context.url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            context,
            client,
            base,
            key: Mutex::default(),
        })
    }

    fn access(&self, key: &str) -> String {
        self.context.access.get(key).cloned().unwrap_or_default()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = self.key.lock().ok().and_then(|key| key.clone());
        self.client
            .request(method, format!("{}{path}", self.base))
            .basic_auth(self.access("email"), key)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, NoAnswer> {
        send(|| {
            let request = self.request(method.clone(), path);
            if form.is_empty() {
                request
            } else {
                request.form(form)
            }
        })
        .await
    }

    async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.call(Method::GET, path, &[]).await
    }

    /// The channel that canaries are put into.
    fn channel(&self) -> String {
        format!("phx-{}", self.context.nonce)
    }

    async fn post_message(&self, content: &str) -> Result<Answer, NoAnswer> {
        let channel = self.channel();
        let form = [
            ("type", "stream"),
            ("to", channel.as_str()),
            ("topic", "canaries"),
            ("content", content),
        ];
        self.call(Method::POST, "/api/v1/messages", &form).await
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

#[async_trait]
impl Application for Zulip {
    fn kinds(&self) -> Vec<KindSpec> {
        let message = KindSpec {
            kind: MESSAGE,
            parts: &["database"],
            key: None,
            overwritable: true,
            deletable: true,
            listable: true,
        };
        let upload = KindSpec {
            kind: UPLOAD,
            parts: &["database", "files"],
            overwritable: false,
            deletable: false,
            ..message.clone()
        };
        // Nobody can list the sessions of others.
        let session = KindSpec {
            kind: SESSION,
            key: Some("key"),
            overwritable: false,
            deletable: false,
            listable: false,
            ..message.clone()
        };
        vec![message, upload, session]
    }

    async fn prepare(&self) -> Result<(), AppError> {
        let form = [
            ("username", self.access("email")),
            ("password", self.access("password")),
        ];
        let answer = send(|| {
            self.client
                .post(format!("{}/api/v1/fetch_api_key", self.base))
                .form(&form)
        })
        .await;
        match &answer {
            Ok(answer) if answer.ok() => {
                if let Ok(mut key) = self.key.lock() {
                    *key = Some(text(&answer.json(), "/api_key"));
                }
            }
            _ => return Err(failed("fetch the owner's API key", &answer)),
        }
        let wanted = json!([{"name": self.channel()}]).to_string();
        let path = "/api/v1/users/me/subscriptions";
        let joined = self
            .call(Method::POST, path, &[("subscriptions", &wanted)])
            .await;
        match &joined {
            Ok(answer) if answer.ok() => Ok(()),
            _ => Err(failed("subscribe to the channel of the canaries", &joined)),
        }
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let message = request
            .reference
            .map(|reference| number(reference, "/message"))
            .unwrap_or(0);
        let path = format!("/api/v1/messages/{message}");
        let reference = json!({"message": message});
        match request.action {
            Action::Create => self.create(request).await,
            Action::Overwrite => {
                let changed = self
                    .call(Method::PATCH, &path, &[("content", request.text)])
                    .await;
                outcome(changed, |_| reference.clone())
            }
            Action::Delete => {
                let gone = self.call(Method::DELETE, &path, &[]).await;
                outcome(gone, |_| reference.clone())
            }
        }
    }

    async fn read(&self, spec: &CanarySpec, marker: &str, reference: Option<&Value>) -> Reading {
        let nothing = Value::Null;
        let reference = reference.unwrap_or(&nothing);
        match spec.kind.as_str() {
            SESSION => self.read_session(reference).await,
            _ => self.read_written(spec, marker, reference).await,
        }
    }

    async fn list(&self, kind: &str) -> Result<Listing, AppError> {
        let narrow = json!([{"operator": "channel", "operand": self.channel()}]).to_string();
        let mut entries = Vec::new();
        let mut anchor = "newest".to_owned();
        loop {
            let query = [
                ("anchor", anchor.as_str()),
                ("num_before", &PAGE.to_string()),
                ("num_after", "0"),
                ("narrow", &narrow),
                ("apply_markdown", "false"),
            ];
            let answer = send(|| self.request(Method::GET, "/api/v1/messages").query(&query)).await;
            let page = match &answer {
                Ok(answer) if answer.ok() => answer.json(),
                _ => return Err(failed("list messages", &answer)),
            };
            let messages = page
                .pointer("/messages")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            entries.extend(
                messages
                    .iter()
                    .map(|message| text(message, "/content"))
                    .filter(|content| kind == MESSAGE || canary::link_in(content).is_some()),
            );
            let oldest = messages.iter().map(|message| number(message, "/id")).min();
            let done = page.pointer("/found_oldest").and_then(Value::as_bool) != Some(false);
            match oldest {
                Some(oldest) if !done => anchor = (oldest - 1).to_string(),
                _ => {
                    return Ok(Listing {
                        entries,
                        probe: "GET /api/v1/messages".to_owned(),
                    });
                }
            }
        }
    }

    async fn health(&self) -> HealthReport {
        let began = std::time::Instant::now();
        let health = send(|| self.client.get(format!("{}/health", self.base))).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        // The health path is green over a database without an organisation; this page is not.
        let home = send(|| self.client.get(format!("{}/login/", self.base))).await;
        let settings = send(|| {
            self.client
                .get(format!("{}/api/v1/server_settings", self.base))
        })
        .await;
        let instance = settings
            .as_ref()
            .ok()
            .map(|answer| text(&answer.json(), "/realm_uuid"))
            .filter(|id| !id.is_empty());
        HealthReport {
            probe: "GET /health".to_owned(),
            status: health.as_ref().ok().map(|answer| answer.status),
            healthy: health.as_ref().is_ok_and(|answer| answer.status == 200),
            saw: said(&health),
            serves: Some(home.as_ref().is_ok_and(Answer::ok)),
            serves_saw: said(&home),
            took_ms,
            instance,
        }
    }

    async fn login(&self) -> Option<LoginTrace> {
        let mut browser = match Browser::new(&self.context.network) {
            Ok(browser) => browser,
            Err(error) => return Some(no_browser(&self.context.service, error)),
        };
        let end = self.login_through(&mut browser).await;
        Some(trace(&self.context.service, browser, end))
    }

    async fn first_write(&self, marker: &str) -> Result<(), AppError> {
        let made = self.post_message(marker).await;
        let message = match &made {
            Ok(answer) if answer.ok() => number(&answer.json(), "/id"),
            _ => return Err(failed("send a message", &made)),
        };
        let path = format!("/api/v1/messages/{message}?apply_markdown=false");
        let read = self.get(&path).await;
        match &read {
            Ok(answer) if answer.ok() && text(&answer.json(), "/message/content") == marker => {
                Ok(())
            }
            _ => Err(failed("read the new message back", &read)),
        }
    }
}
