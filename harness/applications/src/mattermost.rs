//! Mattermost (server 10.11): canaries are posts, posts with a file, and public links of files,
//! which a lost configuration volume kills.
//!
//! `access`: `login_id` and `password` of an administrator.

mod canary;
mod login;

use std::sync::Mutex;

use async_trait::async_trait;
use phoenix_engine::application::{
    Action, AppContext, AppError, Application, HealthReport, KindSpec, Listing, LoginTrace,
    Reading, Seen, WriteOutcome, WriteRequest,
};
use phoenix_evidence::canary::CanarySpec;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::call::{Answer, NoAnswer, client, failed, outcome, send};
use crate::zitadel::{no_browser, said, trace};

/// Posts of one page of a list: the most that upstream gives.
const PAGE: usize = 200;
const LINK: &str = "public-link";

/// A client.
pub struct Mattermost {
    context: AppContext,
    client: Client,
    base: String,
    session: Mutex<Option<String>>,
    /// The channel that canaries are put into.
    channel: Mutex<Option<String>>,
}

fn kept(place: &Mutex<Option<String>>) -> Option<String> {
    place.lock().ok().and_then(|value| value.clone())
}

fn keep(place: &Mutex<Option<String>>, value: Option<String>) {
    if let Ok(mut place) = place.lock() {
        *place = value;
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

impl Mattermost {
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
            session: Mutex::default(),
            channel: Mutex::default(),
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match kept(&self.session) {
            Some(session) => request.bearer_auth(session),
            None => request,
        }
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        send(|| {
            let request = self.request(method.clone(), path);
            if body.is_null() {
                request
            } else {
                request.json(body)
            }
        })
        .await
    }

    async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// Logs in. The session's token comes as a header, so the answer is looked at whole.
    async fn sign_in(&self) -> Result<(), AppError> {
        let access = |key: &str| self.context.access.get(key).cloned().unwrap_or_default();
        let body = json!({"login_id": access("login_id"), "password": access("password")});
        let answer = self
            .client
            .post(format!("{}/api/v4/users/login", self.base))
            .timeout(crate::call::CALL_TIMEOUT)
            .json(&body)
            .send()
            .await
            .map_err(|error| AppError {
                doing: "log in".to_owned(),
                why: phoenix_engine::words::error_chain(&error),
                unauthorised: false,
            })?;
        let status = answer.status().as_u16();
        let token = answer
            .headers()
            .get("token")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        if let Some(token) = token.filter(|_| status == 200) {
            keep(&self.session, Some(token));
            return Ok(());
        }
        let body = answer.bytes().await.unwrap_or_default().to_vec();
        Err(failed("log in", &Ok(Answer { status, body })))
    }

    /// The id of what a path names, or of what is made where there is none.
    async fn found_or_made(
        &self,
        what: &str,
        known: &str,
        make: &str,
        body: &Value,
    ) -> Result<String, AppError> {
        let answer = self.get(known).await;
        match &answer {
            Ok(answer) if answer.ok() => return Ok(text(&answer.json(), "/id")),
            Ok(answer) if answer.status == 404 => {}
            _ => return Err(failed(&format!("look for the {what}"), &answer)),
        }
        let made = self.call(Method::POST, make, body).await;
        match &made {
            Ok(answer) if answer.ok() => Ok(text(&answer.json(), "/id")),
            _ => Err(failed(&format!("create the {what}"), &made)),
        }
    }

    fn channel_id(&self) -> String {
        kept(&self.channel).unwrap_or_default()
    }
}

#[async_trait]
impl Application for Mattermost {
    fn kinds(&self) -> Vec<KindSpec> {
        let post = KindSpec {
            kind: "post",
            parts: &["database"],
            key: None,
            overwritable: true,
            deletable: true,
            listable: true,
        };
        let pair = KindSpec {
            kind: "post-with-file",
            parts: &["database", "files"],
            overwritable: false,
            deletable: false,
            ..post.clone()
        };
        let link = KindSpec {
            kind: LINK,
            parts: &["database", "config"],
            listable: false,
            ..pair.clone()
        };
        vec![post, pair, link]
    }

    async fn prepare(&self) -> Result<(), AppError> {
        self.sign_in().await?;
        let name = format!("phx-{}", self.context.nonce);
        let team = self
            .found_or_made(
                "team",
                &format!("/api/v4/teams/name/{name}"),
                "/api/v4/teams",
                &json!({"name": name, "display_name": name, "type": "O"}),
            )
            .await?;
        let channel = self
            .found_or_made(
                "channel",
                &format!("/api/v4/teams/{team}/channels/name/{name}"),
                "/api/v4/channels",
                &json!({"team_id": team, "name": name, "display_name": name, "type": "O"}),
            )
            .await?;
        keep(&self.channel, Some(channel));
        Ok(())
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let post = request
            .reference
            .map(|reference| text(reference, "/post"))
            .unwrap_or_default();
        let path = format!("/api/v4/posts/{post}");
        let reference = json!({"post": post});
        match request.action {
            Action::Create => self.create(request).await,
            Action::Overwrite => {
                let body = json!({"message": request.text});
                let put = self
                    .call(Method::PUT, &format!("{path}/patch"), &body)
                    .await;
                outcome(put, |_| reference.clone())
            }
            Action::Delete => {
                let gone = self.call(Method::DELETE, &path, &Value::Null).await;
                outcome(gone, |_| reference.clone())
            }
        }
    }

    async fn read(&self, spec: &CanarySpec, _marker: &str, reference: Option<&Value>) -> Reading {
        let get = |pointer| {
            reference
                .map(|value| text(value, pointer))
                .unwrap_or_default()
        };
        let (row, files, probe) = self.read_post(&get("/post")).await;
        if !spec.is_pair() {
            return Reading {
                parts: vec![row],
                linked: None,
                probe,
                stands_as: None,
            };
        }
        let file = get("/file");
        let linked = matches!(row, Seen::Present(_)).then(|| files.contains(&file));
        let (second, second_probe) = if spec.kind == LINK {
            self.read_link(&get("/link")).await
        } else {
            self.read_file(&file).await
        };
        Reading {
            parts: vec![row, second],
            linked,
            probe: format!("{probe}, {second_probe}"),
            stands_as: None,
        }
    }

    async fn list(&self, kind: &str) -> Result<Listing, AppError> {
        let mut entries = Vec::new();
        for page in 0.. {
            let path = format!(
                "/api/v4/channels/{}/posts?per_page={PAGE}&page={page}",
                self.channel_id()
            );
            let answer = self.get(&path).await;
            let posts = match &answer {
                Ok(answer) if answer.ok() => answer.json(),
                _ => return Err(failed("list posts", &answer)),
            };
            let order = posts
                .pointer("/order")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            for id in order.iter().filter_map(Value::as_str) {
                let post = posts.pointer(&format!("/posts/{id}"));
                let Some(post) = post else { continue };
                let files = post.pointer("/file_ids").and_then(Value::as_array);
                if kind == "post" || files.is_some_and(|files| !files.is_empty()) {
                    entries.push(text(post, "/message"));
                }
            }
            if order.len() < PAGE {
                break;
            }
        }
        Ok(Listing {
            entries,
            probe: "GET /api/v4/channels/{id}/posts".to_owned(),
        })
    }

    async fn health(&self) -> HealthReport {
        let began = std::time::Instant::now();
        let probe = "/api/v4/system/ping?get_server_status=true";
        let ping = send(|| self.client.get(format!("{}{probe}", self.base))).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let config = self.get("/api/v4/config/client?format=old").await;
        let instance = config
            .as_ref()
            .ok()
            .map(|answer| text(&answer.json(), "/DiagnosticId"))
            .filter(|id| !id.is_empty());
        HealthReport {
            probe: format!("GET {probe}"),
            status: ping.as_ref().ok().map(|answer| answer.status),
            healthy: ping.as_ref().is_ok_and(|answer| answer.status == 200),
            saw: said(&ping),
            serves: Some(config.as_ref().is_ok_and(Answer::ok)),
            serves_saw: said(&config),
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
        let body = json!({"channel_id": self.channel_id(), "message": marker});
        let made = self.call(Method::POST, "/api/v4/posts", &body).await;
        let post = match &made {
            Ok(answer) if answer.ok() => text(&answer.json(), "/id"),
            _ => return Err(failed("post", &made)),
        };
        let read = self.get(&format!("/api/v4/posts/{post}")).await;
        match &read {
            Ok(answer) if answer.ok() && text(&answer.json(), "/message") == marker => Ok(()),
            _ => Err(failed("read the new post back", &read)),
        }
    }
}
