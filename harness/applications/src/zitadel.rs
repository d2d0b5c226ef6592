//! Zitadel (v4): canaries are users with metadata, and personal access tokens.
//!
//! `access`: `pat` (a token with `IAM_OWNER`), `client_id`, `client_secret`, `redirect_uri` of the
//! harness's own OIDC client, for the login check of the provider itself.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_engine::application::{
    Action, AppContext, AppError, Application, Content, HealthReport, KindSpec, Listing, LoginEnd,
    LoginStage, LoginTrace, Reading, Seen, WriteOutcome, WriteRequest,
};
use phoenix_engine::words::first_bytes;
use phoenix_evidence::canary::CanarySpec;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::browser::Browser;
use crate::call::{Answer, NoAnswer, client, failed, outcome, send};
use crate::provider::{Stopped, log_in, stopped};

/// Metadata key that holds a canary's text.
const METADATA: &str = "canary";

/// A client.
pub struct Zitadel {
    context: AppContext,
    client: Client,
    base: String,
}

impl Zitadel {
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
        })
    }

    fn access(&self, key: &str) -> &str {
        self.context.access.get(key).map_or("", String::as_str)
    }

    fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(token)
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        send(|| {
            let request = self.request(method.clone(), path, self.access("pat"));
            if body.is_null() {
                request
            } else {
                request.json(body)
            }
        })
        .await
    }

    async fn create_user(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let body = json!({
            "username": request.marker,
            "profile": {"givenName": "Canary", "familyName": request.marker},
            "email": {"email": format!("{}@canary.example", request.marker), "isVerified": true},
        });
        let made = self.call(Method::POST, "/v2/users/human", &body).await;
        let id = match &made {
            Ok(answer) if answer.ok() => text(&answer.json(), "/userId"),
            _ => return outcome(made, |_| Value::Null),
        };
        self.set_metadata(&id, request.text).await
    }

    /// The canary is acknowledged when its text is: a user without it is half of one.
    async fn set_metadata(&self, id: &str, words: &str) -> WriteOutcome {
        let body = json!({"metadata": [{"key": METADATA, "value": STANDARD.encode(words)}]});
        let path = format!("/v2/users/{id}/metadata");
        // The user shows up in projections a moment after it was made.
        for _ in 0..100 {
            let set = self.call(Method::POST, &path, &body).await;
            if !matches!(&set, Ok(answer) if answer.status == 404) {
                return outcome(set, |_| json!({"user": id}));
            }
            phoenix_engine::pause(std::time::Duration::from_millis(20)).await;
        }
        WriteOutcome::Indeterminate {
            why: "the new user never showed up".to_owned(),
        }
    }

    async fn create_token(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let machine = json!({"userName": request.marker, "name": request.marker});
        let made = self
            .call(Method::POST, "/management/v1/users/machine", &machine)
            .await;
        let id = match &made {
            Ok(answer) if answer.ok() => text(&answer.json(), "/userId"),
            _ => return outcome(made, |_| Value::Null),
        };
        let path = format!("/management/v1/users/{id}/pats");
        let pat = self.call(Method::POST, &path, &json!({})).await;
        outcome(
            pat,
            |answer| json!({"user": id, "token": text(&answer.json(), "/token")}),
        )
    }

    async fn read_user(&self, id: &str) -> (Seen, String) {
        let path = format!("/v2/users/{id}/metadata/search");
        let answer = self.call(Method::POST, &path, &json!({})).await;
        let seen = match &answer {
            Ok(answer) if answer.ok() => {
                let body = answer.json();
                let value = body
                    .pointer("/metadata")
                    .and_then(Value::as_array)
                    .and_then(|all| all.iter().find(|entry| text(entry, "/key") == METADATA))
                    .and_then(|entry| STANDARD.decode(text(entry, "/value")).ok())
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                Seen::Present(vec![Content::Text(value.unwrap_or_default())])
            }
            Ok(answer) if answer.status == 404 => Seen::Absent,
            other => unreachable(other),
        };
        (seen, format!("POST {path}"))
    }

    /// A token is read by using it: it opens, or it does not.
    async fn read_token(&self, token: &str) -> (Seen, String) {
        let answer = send(|| self.request(Method::GET, "/management/v1/orgs/me", token)).await;
        let seen = match &answer {
            Ok(answer) if answer.ok() => Seen::Present(vec![Content::Proved(0)]),
            Ok(answer) if answer.status == 401 => Seen::Unreadable {
                decryption: answer.text().contains("AUTH-7fs1e"),
                error: answer.words(),
            },
            other => unreachable(other),
        };
        (
            seen,
            "GET /management/v1/orgs/me with the canary's token".to_owned(),
        )
    }

    async fn login_through(&self, browser: &mut Browser) -> Result<LoginEnd, Stopped> {
        let redirect = self.access("redirect_uri").to_owned();
        let authorize = Url::parse_with_params(
            &format!("{}/oauth/v2/authorize", self.base),
            [
                ("client_id", self.access("client_id")),
                ("redirect_uri", &redirect),
                ("response_type", "code"),
                ("scope", "openid profile email"),
                ("state", "harness"),
            ],
        )
        .map_err(|error| stopped(LoginStage::Start, error.to_string()))?;
        let back = log_in(browser, &authorize, &self.context.person, &redirect).await?;
        let find = |name: &str| {
            back.query_pairs()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
        };
        let Some(code) = find("code") else {
            let error = find("error").unwrap_or("no code".to_owned());
            return Err(stopped(LoginStage::Callback, error));
        };
        let tokens = self.exchange(&code, &redirect).await?;
        let info = send(|| {
            self.request(
                Method::GET,
                "/oidc/v1/userinfo",
                &text(&tokens, "/access_token"),
            )
        })
        .await;
        match info {
            Ok(answer) if answer.ok() => {
                let claims = answer.json();
                Ok(LoginEnd::LoggedIn {
                    account: text(&claims, "/sub"),
                    email: text(&claims, "/email"),
                    subject: Some(text(&claims, "/sub")),
                })
            }
            Ok(answer) => Err(stopped(LoginStage::Account, answer.words())),
            Err(none) => Err(stopped(LoginStage::Account, none.words())),
        }
    }

    async fn exchange(&self, code: &str, redirect: &str) -> Result<Value, Stopped> {
        let form: BTreeMap<&str, &str> = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
        ]);
        let answer = send(|| {
            self.client
                .post(format!("{}/oauth/v2/token", self.base))
                .basic_auth(self.access("client_id"), Some(self.access("client_secret")))
                .form(&form)
        })
        .await;
        match answer {
            Ok(answer) if answer.ok() => Ok(answer.json()),
            Ok(answer) => Err(stopped(
                LoginStage::Callback,
                format!("the token endpoint answered {}", answer.words()),
            )),
            Err(none) => Err(stopped(LoginStage::Callback, none.words())),
        }
    }
}

/// What a failed call says of what it was to read.
fn unreachable(answer: &Result<Answer, NoAnswer>) -> Seen {
    match answer {
        Ok(answer) => Seen::Unreachable {
            why: answer.words(),
            token_dead: answer.status == 401 && answer.text().contains("AUTH-7fs1e"),
        },
        Err(none) => Seen::Unreachable {
            why: none.words().to_owned(),
            token_dead: false,
        },
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[async_trait]
impl Application for Zitadel {
    fn kinds(&self) -> Vec<KindSpec> {
        vec![
            KindSpec {
                kind: "user",
                parts: &["database"],
                key: None,
                overwritable: true,
                deletable: true,
                listable: true,
            },
            KindSpec {
                kind: "access-token",
                parts: &["database"],
                key: Some("key"),
                overwritable: false,
                deletable: false,
                listable: false,
            },
        ]
    }

    async fn prepare(&self) -> Result<(), AppError> {
        let me = self
            .call(Method::GET, "/management/v1/orgs/me", &Value::Null)
            .await;
        match &me {
            Ok(answer) if answer.ok() => Ok(()),
            _ => Err(failed("ask who the harness is", &me)),
        }
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let id = request
            .reference
            .map(|reference| text(reference, "/user"))
            .unwrap_or_default();
        match (request.action, request.spec.kind.as_str()) {
            (Action::Create, "access-token") => self.create_token(request).await,
            (Action::Create, _) => self.create_user(request).await,
            (Action::Overwrite, _) => self.set_metadata(&id, request.text).await,
            (Action::Delete, _) => {
                let path = format!("/v2/users/{id}");
                let gone = self.call(Method::DELETE, &path, &Value::Null).await;
                outcome(gone, |_| json!({"user": id}))
            }
        }
    }

    async fn read(&self, spec: &CanarySpec, _marker: &str, reference: Option<&Value>) -> Reading {
        let get = |pointer| {
            reference
                .map(|value| text(value, pointer))
                .unwrap_or_default()
        };
        let (seen, probe) = if spec.kind == "access-token" {
            self.read_token(&get("/token")).await
        } else {
            self.read_user(&get("/user")).await
        };
        Reading {
            parts: vec![seen],
            linked: None,
            probe,
            stands_as: None,
        }
    }

    async fn list(&self, _kind: &str) -> Result<Listing, AppError> {
        let all = self.call(Method::POST, "/v2/users", &json!({})).await;
        match &all {
            Ok(answer) if answer.ok() => {
                let body = answer.json();
                let users = body.pointer("/result").and_then(Value::as_array);
                Ok(Listing {
                    entries: users
                        .map(|users| users.iter().map(|user| text(user, "/username")).collect())
                        .unwrap_or_default(),
                    probe: "POST /v2/users".to_owned(),
                })
            }
            _ => Err(failed("list users", &all)),
        }
    }

    async fn health(&self) -> HealthReport {
        let began = std::time::Instant::now();
        let ready = send(|| self.client.get(format!("{}/debug/ready", self.base))).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let path = "/.well-known/openid-configuration";
        let discovery = send(|| self.client.get(format!("{}{path}", self.base))).await;
        let issuer = discovery
            .as_ref()
            .map(|answer| text(&answer.json(), "/issuer"));
        let serves = issuer.as_ref().is_ok_and(|issuer| *issuer == self.base);
        HealthReport {
            probe: "GET /debug/ready".to_owned(),
            status: ready.as_ref().ok().map(|answer| answer.status),
            healthy: ready.as_ref().is_ok_and(|answer| answer.status == 200),
            saw: said(&ready),
            serves: Some(serves),
            serves_saw: match issuer {
                Ok(issuer) => format!("discovery names the issuer `{}`", first_bytes(&issuer, 80)),
                Err(none) => none.words().to_owned(),
            },
            took_ms,
            instance: None,
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
        let body = json!({
            "username": marker,
            "profile": {"givenName": "First", "familyName": "Write"},
            "email": {"email": format!("{marker}@canary.example"), "isVerified": true},
        });
        let made = self.call(Method::POST, "/v2/users/human", &body).await;
        let id = match &made {
            Ok(answer) if answer.ok() => text(&answer.json(), "/userId"),
            _ => return Err(failed("create a user", &made)),
        };
        let path = format!("/v2/users/{id}");
        for _ in 0..100 {
            let read = self.call(Method::GET, &path, &Value::Null).await;
            match &read {
                Ok(answer) if answer.ok() && text(&answer.json(), "/user/username") == marker => {
                    return Ok(());
                }
                Ok(answer) if answer.status == 404 => {
                    phoenix_engine::pause(std::time::Duration::from_millis(20)).await;
                }
                _ => return Err(failed("read the new user back", &read)),
            }
        }
        Err(AppError {
            doing: "read the new user back".to_owned(),
            why: "it never showed up".to_owned(),
            unauthorised: false,
        })
    }
}

/// What a health path said, or why it said nothing.
pub(crate) fn said(answer: &Result<Answer, NoAnswer>) -> String {
    match answer {
        Ok(answer) => answer.words(),
        Err(none) => first_bytes(none.words(), 200),
    }
}

pub(crate) fn no_browser(service: &str, error: String) -> LoginTrace {
    LoginTrace {
        service: service.to_owned(),
        hops: Vec::new(),
        end: LoginEnd::Failed {
            stage: LoginStage::Start,
            error,
        },
        facts: BTreeMap::new(),
    }
}

pub(crate) fn trace(service: &str, browser: Browser, end: Result<LoginEnd, Stopped>) -> LoginTrace {
    LoginTrace {
        service: service.to_owned(),
        hops: browser.hops,
        end: end.unwrap_or_else(|stopped| LoginEnd::Failed {
            stage: stopped.stage,
            error: first_bytes(&stopped.error, 300),
        }),
        facts: browser.facts,
    }
}
