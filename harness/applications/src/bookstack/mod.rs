//! BookStack (v25): canaries are pages, pages with an attachment, and enrolled second factors.
//!
//! `access`: `token_id` and `token_secret` of an API token; where people log in through a provider,
//! `provider_url`, `provider_pat` and `provider_project` of it, with which a person of a canary's
//! own is made.

mod login;
mod pages;
mod second_factor;
mod totp;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use phoenix_engine::application::{
    Action, AppContext, AppError, Application, HealthReport, KindSpec, Listing, LoginTrace,
    Reading, WriteOutcome, WriteRequest,
};
use phoenix_evidence::canary::CanarySpec;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use self::pages::named;
use crate::browser::Browser;
use crate::call::{Answer, NoAnswer, client, failed, outcome, send};
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

    fn access(&self, key: &str) -> &str {
        self.context.access.get(key).map_or("", String::as_str)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let token = format!(
            "Token {}:{}",
            self.access("token_id"),
            self.access("token_secret")
        );
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("authorization", token)
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

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// Whether an answer carries the words with which the application says that its key is not the one
/// that a value was sealed with.
fn says_another_key(answer: &str) -> bool {
    answer.contains("The MAC is invalid")
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
        let mut kinds = vec![page, pair];
        if self.can_make_people() {
            kinds.push(second_factor::KIND);
        }
        kinds
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
            Action::Create if request.spec.kind == second_factor::KIND.kind => {
                self.enrol(request.marker).await
            }
            Action::Create => self.create_page(request).await,
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
        if spec.kind == second_factor::KIND.kind {
            return self.pass_second_factor(marker, reference).await;
        }
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
            Ok(answer) if answer.ok() && named(&answer.json(), marker) => Ok(()),
            _ => Err(failed("read the new page back", &read)),
        }
    }
}
