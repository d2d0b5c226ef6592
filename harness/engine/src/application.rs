//! What the engine asks of an application: canaries through its own API, health, a whole login.
//! The engine knows no application by name; each is one module (or one file of generic HTTP steps)
//! behind [`Application`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use phoenix_evidence::canary::{CanarySpec, Version};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::network::Network;

/// What an application client is made with. Its `Debug` shows no value of `access` or `settings`.
#[derive(Clone)]
pub struct AppContext {
    /// The service's name in the environment file.
    pub service: String,
    /// Its public URL.
    pub url: Url,
    /// How to reach it, and the identity provider with it.
    pub network: Network,
    /// What the driver hands over so that the harness can call the API: tokens, an administrator's
    /// name and password. Keys are the application module's own, documented there. A service whose
    /// people log in through another one gets `provider_url`, `provider_pat` (a token of the
    /// provider's management API) and `provider_project` with it. Never journaled.
    pub access: BTreeMap<String, String>,
    /// What the environment file tells the application module ([`crate::stack::Service::settings`]).
    /// Passwords may stand in it: never journaled.
    pub settings: serde_json::Value,
    /// The person who logs in before and after the disaster.
    pub person: Person,
    /// Which store of the environment plays which role for this application
    /// (`database`, `files`), by role.
    pub stores: BTreeMap<String, String>,
    /// Which secret of the environment plays which role (`key`), by role.
    pub secrets: BTreeMap<String, String>,
    /// The run's nonce, 8 hexadecimal digits: part of every name that the harness makes.
    pub nonce: String,
}

impl fmt::Debug for AppContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppContext")
            .field("service", &self.service)
            .field("url", &self.url.as_str())
            .field("access", &self.access.keys())
            .field("person", &self.person)
            .field("stores", &self.stores)
            .field("secrets", &self.secrets)
            .field("nonce", &self.nonce)
            .finish_non_exhaustive()
    }
}

/// A person at the identity provider. Its `Debug` does not show the password.
#[derive(Clone, Default)]
pub struct Person {
    /// Name to type into the login form.
    pub login_name: String,
    /// Password. Never journaled.
    pub password: String,
    /// E-mail address.
    pub email: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("login_name", &self.login_name)
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}

/// A kind of canary that an application can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSpec {
    /// Name within the application: `page`, `page-with-attachment`, `message`, `mfa`.
    pub kind: &'static str,
    /// Role of each part's store (`database`, `files`), one or two (then it is a pair: first the
    /// row, second the file).
    pub parts: &'static [&'static str],
    /// Role of the secret without which the application cannot read it.
    pub key: Option<&'static str>,
    /// Can be overwritten through the API.
    pub overwritable: bool,
    /// Can be deleted through the API, and a read afterwards says that it is gone.
    pub deletable: bool,
    /// Can be listed, so that duplicates and strangers are found.
    pub listable: bool,
}

/// What is to be done with a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write it for the first time.
    Create,
    /// Replace its content by a newer version.
    Overwrite,
    /// Delete it.
    Delete,
}

/// One write through the application's API.
#[derive(Clone, Debug)]
pub struct WriteRequest<'a> {
    /// The canary.
    pub spec: &'a CanarySpec,
    /// What to do.
    pub action: Action,
    /// The version that is written (for a delete: the last one).
    pub version: Version,
    /// Its text, with the canary's marker in it.
    pub text: &'a str,
    /// The short marker alone, for titles, user names and file names: `phx-1a2b3c4d-000123`.
    pub marker: &'a str,
    /// Bytes of its file, where the kind has one.
    pub file: Option<&'a [u8]>,
    /// What the application answered when it was created (ids), for later actions.
    pub reference: Option<&'a serde_json::Value>,
}

/// How a write ended.
#[derive(Clone, Debug)]
pub enum WriteOutcome {
    /// The application said yes. `reference` is what is needed to read it again (ids; no secret
    /// that is not in the ledger's own protected file).
    Acknowledged {
        /// Ids under which the application keeps it.
        reference: serde_json::Value,
    },
    /// The application said no. A 429 is not this: its wait is honoured and the request repeated
    /// inside the client, within `RATE_LIMIT_WAIT_MAX`.
    Refused {
        /// What it answered, in short.
        answer: String,
    },
    /// Nobody knows: time-out or a broken connection after the request was sent.
    Indeterminate {
        /// What happened.
        why: String,
    },
}

/// Longest wait that a client honours on a 429 before it gives up, in total for one write.
pub const RATE_LIMIT_WAIT_MAX: Duration = Duration::from_secs(90);

/// Content of one copy of a canary, as the application gave it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text, with the application's own dressing (markup, ids) taken off.
    Text(String),
    /// Bytes of a file.
    Bytes(Vec<u8>),
    /// Exists, and the kind has no content to compare (an encrypted secret that decrypts and
    /// verifies): the version it proved to be.
    Proved(Version),
}

/// What a read of one part saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The application says that it does not exist.
    Absent,
    /// There, so many times.
    Present(Vec<Content>),
    /// There or not, the application cannot read it: it answered with an error of its own.
    Unreadable {
        /// Whether the answer is the one that the application gives when its key is wrong.
        decryption: bool,
        /// First bytes of the answer.
        error: String,
    },
    /// It is read as somebody who is logged in, and the login ended before the application could be
    /// asked for it. Of the canary itself that says nothing.
    NoLogin {
        /// How far the login came.
        stage: LoginStage,
        /// What happened there.
        error: String,
    },
    /// Could not be asked: service down, route broken, the harness's own token refused.
    Unreachable {
        /// What happened.
        why: String,
        /// The harness's own token was refused in the way the application refuses when its key
        /// changed: with a direct read of the row this proves *undecryptable*.
        token_dead: bool,
    },
}

/// What a read of a canary saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// One entry a part, in the order of the spec's parts.
    pub parts: Vec<Seen>,
    /// For a pair: whether the row points at this very file. `None` where it was not examined.
    pub linked: Option<bool>,
    /// The request that was made, for the evidence: `GET /api/pages/7`.
    pub probe: String,
    /// The text by which its row is found when the store is read directly, where that is not the
    /// canary's marker: a session stands under its own key. It stands there in the clear, so that
    /// not finding it is an answer. Never journaled.
    pub stands_as: Option<String>,
}

/// What a listing of a kind saw: every text in which the application could hold a marker.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Titles, names and texts of all entries that exist, one string an entry.
    pub entries: Vec<String>,
    /// The request that was made.
    pub probe: String,
}

/// A failed call outside a canary (signing in, preparing a channel, listing).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct AppError {
    /// What was being done.
    pub doing: String,
    /// What happened instead, with first bytes of the answer.
    pub why: String,
    /// The harness's own token or password was refused.
    pub unauthorised: bool,
}

/// Answer of the health path, and of a semantic probe behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// The health path that was asked.
    pub probe: String,
    /// HTTP status, or `None` when nothing answered.
    pub status: Option<u16>,
    /// Whether the health path itself says healthy.
    pub healthy: bool,
    /// First bytes of the answer, or the error.
    pub saw: String,
    /// Whether something that needs the application's stores works too (readiness path with its
    /// stores, a discovery document with the right issuer). `None` where there is no such probe.
    pub serves: Option<bool>,
    /// What the second probe was and saw.
    pub serves_saw: String,
    /// Milliseconds that the health path took.
    pub took_ms: u64,
    /// Identity of the instance where the application shows one (instance id, diagnostic id,
    /// organisation id): a new one is a new, empty database.
    pub instance: Option<String>,
}

/// One request of a login and its answer. Never holds the value of a secret: query values are
/// redacted but for an allow-list, `code` and `state` always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// HTTP method.
    pub method: String,
    /// URL, redacted.
    pub url: String,
    /// Status, or `None` when nothing answered.
    pub status: Option<u16>,
    /// Where it pointed next, redacted.
    pub location: Option<String>,
    /// Names of cookies that the request sent.
    pub cookies_sent: Vec<String>,
    /// Names of cookies that the answer set.
    pub cookies_set: Vec<String>,
    /// Milliseconds from request to answer.
    pub took_ms: u64,
    /// What was seen on it: the form that was filled, the error text of the page, the TLS error.
    pub note: String,
}

/// How far a login came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginStage {
    /// The application's own first page or redirect.
    Start,
    /// The provider's authorize endpoint.
    Authorize,
    /// The provider's form: name, password, prompts.
    Provider,
    /// Back at the application: its callback, and behind it the token and userinfo calls.
    Callback,
    /// Asking the application who is logged in.
    Account,
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginEnd {
    /// Logged in as this account of the application.
    LoggedIn {
        /// The application's own id of the account: what must be the same after a restore.
        account: String,
        /// E-mail that the application shows.
        email: String,
        /// The subject at the provider, where the application shows it.
        subject: Option<String>,
    },
    /// Not logged in.
    Failed {
        /// How far it came.
        stage: LoginStage,
        /// The error as the application or the provider words it, at most 300 characters.
        error: String,
    },
}

/// A login, hop by hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginTrace {
    /// The service that was logged in to.
    pub service: String,
    /// Every request in order.
    pub hops: Vec<Hop>,
    /// How it ended.
    pub end: LoginEnd,
    /// Facts that a diagnosis will need: issuer and key ids from discovery as seen from outside,
    /// `aud` count where visible, client id, redirect URI, scopes asked for, clock difference in
    /// seconds from the `Date` header. Names are stable, values are no secrets.
    pub facts: BTreeMap<String, String>,
}

/// An application, as the engine uses it. One value is made for each service of a run, and again
/// after a rebuild (nothing learned before a disaster is kept, but for what the ledger holds).
#[async_trait]
pub trait Application: Send + Sync {
    /// The kinds of canaries it can hold.
    fn kinds(&self) -> Vec<KindSpec>;

    /// Signs in and makes what canaries are put into (a book, a team and its channel, a stream),
    /// named by the run's nonce. Safe to repeat.
    async fn prepare(&self) -> Result<(), AppError>;

    /// One write. Returns when the application has answered or its time is over.
    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome;

    /// Reads one canary back.
    async fn read(
        &self,
        spec: &CanarySpec,
        marker: &str,
        reference: Option<&serde_json::Value>,
    ) -> Reading;

    /// Lists all entries of a kind (those of strangers too).
    async fn list(&self, kind: &str) -> Result<Listing, AppError>;

    /// Asks the health path, and the probe behind it.
    async fn health(&self) -> HealthReport;

    /// A whole login of the canary person in a fresh cookie jar. `None` for an application that
    /// has no login of its own to check.
    async fn login(&self) -> Option<LoginTrace>;

    /// Writes one more entry with the application's own role and reads it back; `marker` names it.
    /// This is the *first durable write* of a rebuilt service.
    async fn first_write(&self, marker: &str) -> Result<(), AppError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let context = AppContext {
            service: "wiki".to_owned(),
            url: Url::parse("https://docs.localhost").expect("a URL"),
            network: Network::default(),
            access: BTreeMap::from([("provider_pat".to_owned(), "SECRET1".to_owned())]),
            settings: serde_json::json!({"auth": {"bearer": "SECRET3"}}),
            person: Person {
                login_name: "canary".to_owned(),
                password: "SECRET2".to_owned(),
                email: "canary@example.com".to_owned(),
            },
            stores: BTreeMap::new(),
            secrets: BTreeMap::new(),
            nonce: "0badcafe".to_owned(),
        };
        let shown = format!("{context:?}");
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("provider_pat") && shown.contains("canary@example.com"));
    }
}
