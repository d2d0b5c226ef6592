//! Requests of a description as they are sent: signed in, with their cookies, waiting where they
//! are told to wait.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use cookie_store::CookieStore;
use phoenix_engine::application::{AppContext, AppError, RATE_LIMIT_WAIT_MAX};
use phoenix_engine::words::error_chain;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, multipart};
use url::Url;

use super::description::{Auth, Body, Field, Request};
use super::login;
use super::place::Reply;
use super::template::{Template, Values, fill_deep, plain};
use super::vault::Vault;
use crate::browser::{Browser, trusted_loopback};
use crate::call::{NoAnswer, client};

/// Redirects of a GET that are followed.
const FOLLOWED_MAX: usize = 5;
/// Largest answer that is read.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// One signed-in conversation with a service.
pub(super) struct Session {
    pub(super) context: AppContext,
    pub(super) vault: Vault,
    client: Client,
    auth: Auth,
    jar: Mutex<CookieStore>,
    token: Mutex<Option<String>>,
    /// How often it was signed in: who is refused signs in again unless somebody just did.
    signed_in: tokio::sync::Mutex<u64>,
    /// Requests that belong together go one after another: tokens against forgery are often of the
    /// whole session, and a second one would spoil the first.
    together: tokio::sync::Mutex<()>,
}

impl Session {
    pub(super) fn new(context: AppContext, auth: Auth) -> Result<Self, String> {
        let client = client(&context.network)?;
        let vault = Vault::new(&context.access);
        vault.hide(&context.person.password);
        hide_literals(&auth, &vault);
        Ok(Self {
            vault,
            client,
            auth,
            jar: Mutex::default(),
            token: Mutex::default(),
            signed_in: tokio::sync::Mutex::new(0),
            together: tokio::sync::Mutex::new(()),
            context,
        })
    }

    /// Holds requests that belong together against others of the same session.
    pub(super) async fn together(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.together.lock().await
    }

    /// Names that every description knows.
    pub(super) fn values(&self) -> Values {
        let mut values = Values::default();
        values.set("nonce", self.context.nonce.clone());
        values
    }

    /// Signs in anew.
    pub(super) async fn sign_in(&self) -> Result<(), AppError> {
        let mut times = self.signed_in.lock().await;
        self.sign_in_now().await?;
        *times += 1;
        Ok(())
    }

    async fn sign_in_now(&self) -> Result<(), AppError> {
        if let Some(form) = &self.auth.form {
            let failed = |why: String| AppError {
                doing: format!("log in at {}", form.page.0),
                why: self.vault.clean(&why),
                unauthorised: true,
            };
            let mut browser = Browser::new(&self.context.network).map_err(failed)?;
            login::fill_in(&mut browser, self, form)
                .await
                .map_err(|stopped| failed(stopped.error))?;
            let jar = browser.into_jar();
            for cookie in jar.iter_any() {
                self.vault.hide_given(cookie.value());
            }
            if let Ok(mut own) = self.jar.lock() {
                *own = jar;
            }
        }
        if let Some(token) = &self.auth.token {
            // An old one would only be refused.
            if let Ok(mut own) = self.token.lock() {
                *own = None;
            }
            let values = self.values();
            let words = token.request.words();
            let failed = |why: String, unauthorised| AppError {
                doing: format!("fetch a token ({words})"),
                why: self.vault.clean(&why),
                unauthorised,
            };
            let reply = self
                .exchange(&token.request, &values, deadline())
                .await
                .map_err(|none| failed(none.words().to_owned(), false))?;
            let refused = matches!(reply.status, 401 | 403);
            // What is looked at may be the token: its words are not shown.
            token
                .request
                .expect
                .met(&reply, &values, &self.vault)
                .map_err(|why| failed(why, refused))?;
            let taken = token.take.one(&reply).map_err(|why| failed(why, false))?;
            let taken = plain(&taken);
            self.vault.hide(&taken);
            if let Ok(mut own) = self.token.lock() {
                *own = Some(taken);
            }
        }
        Ok(())
    }

    /// Sends a request. An answer that says that nobody is signed in is asked for once more after
    /// signing in again.
    pub(super) async fn send(
        &self,
        request: &Request,
        values: &Values,
        until: Instant,
    ) -> Result<Reply, NoAnswer> {
        let before = *self.signed_in.lock().await;
        let reply = self.exchange(request, values, until).await?;
        // A redirect to the login page after a write may hide that it was taken.
        let out = reply.status == 401 || (!request.changes() && self.is_login_page(&reply));
        if !out || !self.auth.signs_in() {
            return Ok(reply);
        }
        {
            let mut times = self.signed_in.lock().await;
            if *times == before {
                if self.sign_in_now().await.is_err() {
                    return Ok(reply);
                }
                *times += 1;
            }
        }
        self.exchange(request, values, until).await
    }

    fn is_login_page(&self, reply: &Reply) -> bool {
        let (Some(form), Some(to)) = (&self.auth.form, reply.redirect()) else {
            return false;
        };
        let path = form.page.0.split('?').next().unwrap_or_default();
        to.path() == path
    }

    /// One request and its answer, a 429 waited out.
    async fn exchange(
        &self,
        request: &Request,
        values: &Values,
        until: Instant,
    ) -> Result<Reply, NoAnswer> {
        let not_sent = |why: String| NoAnswer::NotSent(self.vault.clean(&why));
        let mut url = self.url(&request.path, values).map_err(not_sent)?;
        let mut followed = 0;
        loop {
            let built = self.build(request, &url, values).map_err(not_sent)?;
            let (reply, wait) = self.answer(built, &url).await?;
            if reply.status == 429 && Instant::now() + wait < until {
                phoenix_engine::pause(wait).await;
                continue;
            }
            match reply.redirect() {
                Some(to) if request.follow && !request.changes() && !self.is_login_page(&reply) => {
                    followed += 1;
                    if followed > FOLLOWED_MAX {
                        return Err(NoAnswer::Unknown("redirects lead in circles".to_owned()));
                    }
                    url = to;
                }
                _ => return Ok(reply),
            }
        }
    }

    async fn answer(
        &self,
        built: RequestBuilder,
        url: &Url,
    ) -> Result<(Reply, Duration), NoAnswer> {
        let mut response = built.send().await.map_err(|error| {
            // The address of a request may have a secret in it.
            let is_unsent = error.is_connect() || error.is_builder();
            let words = self.vault.clean(&error_chain(&error.without_url()));
            if is_unsent {
                NoAnswer::NotSent(words)
            } else {
                NoAnswer::Unknown(words)
            }
        })?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        self.keep_cookies(url, &headers);
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await.map_err(|error| {
                NoAnswer::Unknown(self.vault.clean(&error_chain(&error.without_url())))
            })?;
            let Some(chunk) = chunk else { break };
            if body.len() + chunk.len() > BYTES_MAX {
                let words = format!("the answer is larger than {BYTES_MAX} bytes");
                return Err(NoAnswer::Unknown(words));
            }
            body.extend_from_slice(&chunk);
        }
        let wait = retry_after(&headers);
        let reply = Reply {
            url: url.clone(),
            status,
            headers,
            body,
            cookies: self.cookies(url),
        };
        Ok((reply, wait))
    }

    /// The address of a path; a link that an answer gave is taken from where the service is.
    pub(super) fn url(&self, path: &Template, values: &Values) -> Result<Url, String> {
        let filled = path.fill_path(values, &self.vault)?;
        self.join(&filled)
    }

    /// A path or link, from where the service is.
    pub(super) fn join(&self, link: &str) -> Result<Url, String> {
        let base = self.context.url.as_str().trim_end_matches('/');
        let url = if link.starts_with('/') && !link.starts_with("//") {
            Url::parse(&format!("{base}{link}"))
        } else {
            self.context.url.join(link)
        };
        url.map_err(|why| format!("`{link}` is no address: {why}"))
    }

    fn build(
        &self,
        request: &Request,
        url: &Url,
        values: &Values,
    ) -> Result<RequestBuilder, String> {
        let vault = &self.vault;
        let mut headers = HeaderMap::new();
        let own = self.context.url.origin();
        // Another server gets nothing that is not meant for it.
        if url.origin() == own {
            self.sign(&mut headers)?;
            let referer = format!("{}/", own.ascii_serialization());
            put(&mut headers, "referer", &referer)?;
            if request.changes() {
                put(&mut headers, "origin", &own.ascii_serialization())?;
            }
        }
        for (name, template) in &request.headers {
            put(&mut headers, name, &template.fill(values, vault)?)?;
        }
        let cookies: Vec<String> = self
            .cookies(url)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            put(&mut headers, "cookie", &cookies.join("; "))?;
        }
        let fill = |fields: &[(String, Template)]| -> Result<Vec<(String, String)>, String> {
            fields
                .iter()
                .map(|(name, template)| Ok((name.clone(), template.fill(values, vault)?)))
                .collect()
        };
        let builder = self
            .client
            .request(request.method.clone(), url.clone())
            .timeout(request.within);
        let builder = match &request.body {
            Body::Nothing => builder,
            Body::Json(json) => builder.json(&fill_deep(json, values, vault)?),
            Body::Form(fields) => builder.form(&fill(fields)?),
            Body::Multipart(fields) => {
                let mut form = multipart::Form::new();
                for (name, field) in fields {
                    form = match field {
                        Field::Text(text) => form.text(name.clone(), text.fill(values, vault)?),
                        Field::File { name: file, media } => {
                            let part = multipart::Part::bytes(values.bytes())
                                .file_name(file.fill(values, vault)?)
                                .mime_str(&media.fill(values, vault)?)
                                .map_err(|why| why.to_string())?;
                            form.part(name.clone(), part)
                        }
                    };
                }
                builder.multipart(form)
            }
            Body::Text { text, media } => {
                put(&mut headers, "content-type", &media.fill(values, vault)?)?;
                builder.body(text.fill(values, vault)?)
            }
            Body::Bytes { media } => {
                put(&mut headers, "content-type", &media.fill(values, vault)?)?;
                builder.body(values.bytes())
            }
        };
        Ok(builder.headers(headers))
    }

    fn sign(&self, headers: &mut HeaderMap) -> Result<(), String> {
        let values = self.values();
        if let Some((user, password)) = &self.auth.basic {
            let user = user.fill(&values, &self.vault)?;
            let password = password.fill(&values, &self.vault)?;
            let pair = format!("{user}:{password}");
            self.vault.hide(&pair);
            use base64::Engine as _;
            let coded = base64::engine::general_purpose::STANDARD.encode(pair);
            put(headers, "authorization", &format!("Basic {coded}"))?;
        }
        for (name, template) in &self.auth.headers {
            put(headers, name, &template.fill(&values, &self.vault)?)?;
        }
        let token = self.token.lock().ok().and_then(|token| token.clone());
        if let (Some(token), Some(described)) = (token, &self.auth.token) {
            let values = values.with("token", token);
            for (name, template) in &described.send {
                put(headers, name, &template.fill(&values, &self.vault)?)?;
            }
        }
        Ok(())
    }

    fn cookies(&self, url: &Url) -> Vec<(String, String)> {
        let asked = as_kept(url);
        self.jar.lock().map_or_else(
            |_| Vec::new(),
            |jar| {
                jar.get_request_values(&asked)
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect()
            },
        )
    }

    fn keep_cookies(&self, url: &Url, headers: &HeaderMap) {
        let asked = as_kept(url);
        let Ok(mut jar) = self.jar.lock() else { return };
        for line in headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
        {
            if let Some((_, rest)) = line.split_once('=') {
                let value = rest.split(';').next().unwrap_or_default().trim();
                self.vault.hide_given(value);
            }
            let _refused = jar.parse(line, &asked);
        }
    }
}

/// Until when one write, or one reading, waits for servers that say that it is too much.
pub(super) fn deadline() -> Instant {
    Instant::now() + RATE_LIMIT_WAIT_MAX
}

/// Passwords and tokens that stand in the file itself.
fn hide_literals(auth: &Auth, vault: &Vault) {
    let values = Values::default();
    let mut secret: Vec<&Template> = auth.headers.iter().map(|(_, value)| value).collect();
    secret.extend(auth.basic.iter().map(|(_, password)| password));
    if let Some(form) = &auth.form {
        let typed = form.fields.iter().filter(|(name, _)| is_secret_name(name));
        secret.extend(typed.map(|(_, value)| value));
    }
    for template in secret {
        // What has no value yet hides itself when it gets one.
        if let Ok(text) = template.fill(&values, vault) {
            vault.hide(text.strip_prefix("Bearer ").unwrap_or(&text));
        }
    }
    if let Some(Body::Json(serde_json::Value::Object(fields))) =
        auth.token.as_ref().map(|token| &token.request.body)
    {
        for (_, value) in fields.iter().filter(|(name, _)| is_secret_name(name)) {
            vault.hide(&plain(value));
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["pass", "secret", "token", "key"]
        .iter()
        .any(|word| name.contains(word))
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{name}` cannot be the name of a header"))?;
    let value = HeaderValue::from_str(value)
        .map_err(|_| format!("the value of the header {name} cannot be sent"))?;
    headers.insert(name, value);
    Ok(())
}

/// Browsers keep `Secure` cookies on plain `http://*.localhost`.
fn as_kept(url: &Url) -> Url {
    let mut asked = url.clone();
    if trusted_loopback(url) {
        let _kept = asked.set_scheme("https");
    }
    asked
}

/// How long a server asks to wait: seconds, or a moment.
fn retry_after(headers: &HeaderMap) -> Duration {
    let asked = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let Some(asked) = asked else {
        return Duration::from_secs(1);
    };
    if let Ok(seconds) = asked.trim().parse::<u64>() {
        return Duration::from_secs(seconds);
    }
    jiff::fmt::rfc2822::parse(asked.trim())
        .ok()
        .and_then(|moment| {
            let left =
                moment.timestamp().as_millisecond() - jiff::Timestamp::now().as_millisecond();
            u64::try_from(left).ok().map(Duration::from_millis)
        })
        .unwrap_or(Duration::from_secs(1))
}
