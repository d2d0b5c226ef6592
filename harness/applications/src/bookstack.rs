//! BookStack (v25): canaries are pages, and pages with an attachment.
//!
//! `access`: `token_id` and `token_secret` of an API token.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use phoenix_engine::application::{
    Action, AppContext, AppError, Application, Content, HealthReport, KindSpec, Listing, LoginEnd,
    LoginStage, LoginTrace, Reading, Seen, WriteOutcome, WriteRequest,
};
use phoenix_evidence::canary::CanarySpec;
use reqwest::multipart;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use url::Url;

use crate::browser::{Browser, forms, text_of, words_of};
use crate::call::{Answer, NoAnswer, client, failed, outcome, send};
use crate::provider::{Stopped, log_in, stopped};
use crate::zitadel::{no_browser, said, trace};

/// Entries of one page of a list.
const PAGE: usize = 500;

/// A client.
pub struct BookStack {
    context: AppContext,
    client: Client,
    base: String,
    /// The book that canaries are put into.
    book: Mutex<Option<i64>>,
}

impl BookStack {
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
            book: Mutex::default(),
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let access = |key: &str| self.context.access.get(key).cloned().unwrap_or_default();
        self.client
            .request(method, format!("{}{path}", self.base))
            .header(
                "authorization",
                format!("Token {}:{}", access("token_id"), access("token_secret")),
            )
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

    fn book_id(&self) -> i64 {
        self.book.lock().ok().and_then(|book| *book).unwrap_or(0)
    }

    async fn create(&self, request: &WriteRequest<'_>) -> WriteOutcome {
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

    async fn read_page(&self, page: i64, marker: &str) -> (Seen, String) {
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
    async fn read_attachment(&self, id: i64, marker: &str) -> (Seen, Option<i64>, String) {
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

    async fn login_through(&self, browser: &mut Browser) -> Result<LoginEnd, Stopped> {
        let at = |path: &str| {
            Url::parse(&format!("{}{path}", self.base))
                .map_err(|error| stopped(LoginStage::Start, error.to_string()))
        };
        let page = browser
            .get(&at("/login?prevent_auto_init=true")?)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let form = forms(&page)
            .into_iter()
            .find(|form| form.action.path().ends_with("/oidc/login"))
            .ok_or_else(|| {
                stopped(
                    LoginStage::Start,
                    format!("no OIDC button ({}): {}", page.status, words_of(&page)),
                )
            })?;
        let start = browser
            .post(&form.action, &form.fields)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let Some(authorize) = start.location.clone() else {
            return Err(stopped(
                LoginStage::Start,
                format!("{}: {}", start.status, words_of(&start)),
            ));
        };
        if authorize.as_str().starts_with(&self.base) {
            let page = browser
                .get(&authorize)
                .await
                .map_err(|error| stopped(LoginStage::Start, error))?;
            return Err(stopped(LoginStage::Start, flash(&page)));
        }
        let callback = format!("{}/oidc/callback", self.base);
        let back = log_in(browser, &authorize, &self.context.person, &callback).await?;
        let landed = browser
            .get(&back)
            .await
            .map_err(|error| stopped(LoginStage::Callback, error))?;
        match landed.location.clone() {
            None => {
                return Err(stopped(
                    LoginStage::Callback,
                    format!(
                        "the callback answered {}: {}",
                        landed.status,
                        words_of(&landed)
                    ),
                ));
            }
            Some(next) if next.path().ends_with("/login") => {
                let page = browser
                    .get(&next)
                    .await
                    .map_err(|error| stopped(LoginStage::Callback, error))?;
                return Err(stopped(LoginStage::Callback, flash(&page)));
            }
            Some(_) => {}
        }
        let profile = browser
            .get(&at("/my-account/profile")?)
            .await
            .map_err(|error| stopped(LoginStage::Account, error))?;
        let email = &self.context.person.email;
        if profile.status != 200 || !profile.body.contains(email.as_str()) {
            return Err(stopped(
                LoginStage::Account,
                format!(
                    "the profile page ({}) does not show {email}",
                    profile.status
                ),
            ));
        }
        self.account(email).await
    }

    /// The account behind an e-mail, by the application's own list of users.
    async fn account(&self, email: &str) -> Result<LoginEnd, Stopped> {
        let path = format!("/api/users?filter[email]={email}");
        let users = self.call(Method::GET, &path, &Value::Null).await;
        let row = match &users {
            Ok(answer) if answer.ok() => answer
                .json()
                .pointer("/data")
                .and_then(Value::as_array)
                .and_then(|rows| {
                    rows.iter()
                        .find(|row| row.pointer("/email").and_then(Value::as_str) == Some(email))
                        .cloned()
                }),
            other => return Err(stopped(LoginStage::Account, said(other))),
        };
        let row = row.ok_or_else(|| {
            stopped(
                LoginStage::Account,
                format!("no user has the e-mail {email}"),
            )
        })?;
        Ok(LoginEnd::LoggedIn {
            account: number(&row, "/id").to_string(),
            email: email.to_owned(),
            subject: row
                .pointer("/external_auth_id")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }

    async fn instance(&self) -> Option<String> {
        let answer = self
            .call(Method::GET, "/api/system", &Value::Null)
            .await
            .ok()?;
        answer
            .json()
            .pointer("/instance_id")
            .and_then(Value::as_str)
            .map(str::to_owned)
    }
}

/// The message that the login page shows after a failure.
fn flash(page: &crate::browser::Page) -> String {
    for selector in [".notification", "[role=alert]", ".text-neg", ".error"] {
        if let Some(text) = text_of(page, selector).filter(|text| !text.is_empty()) {
            return text;
        }
    }
    words_of(page)
}

fn unreadable(answer: &Result<Answer, NoAnswer>) -> Seen {
    match answer {
        Ok(answer) if answer.status >= 500 => Seen::Unreadable {
            decryption: answer.text().contains("The MAC is invalid"),
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
fn named(entry: &Value, marker: &str) -> bool {
    entry.pointer("/name").and_then(Value::as_str) == Some(marker)
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

#[async_trait]
impl Application for BookStack {
    fn kinds(&self) -> Vec<KindSpec> {
        let page = KindSpec {
            kind: "page",
            parts: &["database"],
            key: None,
            overwritable: true,
            deletable: true,
            listable: true,
        };
        let pair = KindSpec {
            kind: "page-with-attachment",
            parts: &["database", "files"],
            overwritable: false,
            deletable: false,
            ..page.clone()
        };
        vec![page, pair]
    }

    async fn prepare(&self) -> Result<(), AppError> {
        let name = format!("phoenix {}", self.context.nonce);
        let path = format!("/api/books?count={PAGE}");
        let books = self.call(Method::GET, &path, &Value::Null).await;
        let known = match &books {
            Ok(answer) if answer.ok() => answer
                .json()
                .pointer("/data")
                .and_then(Value::as_array)
                .and_then(|rows| {
                    rows.iter()
                        .find(|row| row.pointer("/name").and_then(Value::as_str) == Some(&name))
                        .map(|row| number(row, "/id"))
                }),
            _ => return Err(failed("list books", &books)),
        };
        let book = match known {
            Some(book) => book,
            None => {
                let made = self
                    .call(Method::POST, "/api/books", &json!({"name": name}))
                    .await;
                match &made {
                    Ok(answer) if answer.ok() => number(&answer.json(), "/id"),
                    _ => return Err(failed("create a book", &made)),
                }
            }
        };
        if let Ok(mut known) = self.book.lock() {
            *known = Some(book);
        }
        Ok(())
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let page = request
            .reference
            .map(|reference| number(reference, "/page"))
            .unwrap_or(0);
        let path = format!("/api/pages/{page}");
        match request.action {
            Action::Create => self.create(request).await,
            Action::Overwrite => {
                let body = json!({"html": format!("<p>{}</p>", request.text)});
                let put = self.call(Method::PUT, &path, &body).await;
                outcome(put, |_| json!({"page": page}))
            }
            Action::Delete => {
                let gone = self.call(Method::DELETE, &path, &Value::Null).await;
                outcome(gone, |_| json!({"page": page}))
            }
        }
    }

    async fn read(&self, spec: &CanarySpec, marker: &str, reference: Option<&Value>) -> Reading {
        let get = |pointer| reference.map(|value| number(value, pointer)).unwrap_or(0);
        let page = get("/page");
        let (row, probe) = self.read_page(page, marker).await;
        if !spec.is_pair() {
            return Reading {
                parts: vec![row],
                linked: None,
                probe,
                stands_as: None,
            };
        }
        let (file, belongs_to, file_probe) = self.read_attachment(get("/attachment"), marker).await;
        Reading {
            parts: vec![row, file],
            linked: belongs_to.map(|owner| owner == page),
            probe: format!("{probe}, {file_probe}"),
            stands_as: None,
        }
    }

    async fn list(&self, kind: &str) -> Result<Listing, AppError> {
        let what = if kind == "page" {
            "pages"
        } else {
            "attachments"
        };
        let mut entries = Vec::new();
        loop {
            let path = format!("/api/{what}?count={PAGE}&offset={}", entries.len());
            let answer = self.call(Method::GET, &path, &Value::Null).await;
            let rows = match &answer {
                Ok(answer) if answer.ok() => answer.json(),
                _ => return Err(failed(&format!("list {what}"), &answer)),
            };
            let rows = rows
                .pointer("/data")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let last = rows.len() < PAGE;
            entries.extend(rows.iter().filter_map(|row| {
                row.pointer("/name")
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            }));
            if last {
                return Ok(Listing {
                    entries,
                    probe: format!("GET /api/{what}"),
                });
            }
        }
    }

    async fn health(&self) -> HealthReport {
        let began = std::time::Instant::now();
        let status = send(|| self.client.get(format!("{}/status", self.base))).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let books = self
            .call(Method::GET, "/api/books?count=1", &Value::Null)
            .await;
        HealthReport {
            probe: "GET /status".to_owned(),
            status: status.as_ref().ok().map(|answer| answer.status),
            healthy: status.as_ref().is_ok_and(|answer| answer.status == 200),
            saw: said(&status),
            serves: Some(books.as_ref().is_ok_and(Answer::ok)),
            serves_saw: said(&books),
            took_ms,
            instance: self.instance().await,
        }
    }

    async fn login(&self) -> Option<LoginTrace> {
        let mut browser = match Browser::new(&self.context.network) {
            Ok(browser) => browser,
            Err(error) => return Some(no_browser(&self.context.service, error)),
        };
        browser.facts = BTreeMap::new();
        let end = self.login_through(&mut browser).await;
        Some(trace(&self.context.service, browser, end))
    }

    async fn first_write(&self, marker: &str) -> Result<(), AppError> {
        let body = json!({"book_id": self.book_id(), "name": marker, "html": "<p>first</p>"});
        let made = self.call(Method::POST, "/api/pages", &body).await;
        let page = match &made {
            Ok(answer) if answer.ok() => number(&answer.json(), "/id"),
            _ => return Err(failed("create a page", &made)),
        };
        let read = self
            .call(Method::GET, &format!("/api/pages/{page}"), &Value::Null)
            .await;
        match &read {
            Ok(answer) if answer.ok() => Ok(()),
            _ => Err(failed("read the new page back", &read)),
        }
    }
}
