//! A Zulip with its four stores, each of which a test can close, flush, or never deploy.

use std::sync::Arc;
use std::time::Duration;

use phoenix_understudies::platform::memory::{MemoryCache, MemoryQueue};
use phoenix_understudies::platform::{BootError, Database as _, Running, Value as Field};
use phoenix_understudies::zulip::{self, NewRealm, create_realm};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::support::database::TestDatabase;
use crate::support::machine::Machine;

pub(crate) const OWNER: &str = "root@chat.test";
pub(super) const PASSWORD: &str = "correct horse";

/// A machine, and the stores beside it, which outlive the server.
pub(crate) struct Stack {
    pub(crate) machine: Machine,
    pub(super) memcached: Arc<MemoryCache>,
    pub(super) redis: Arc<MemoryCache>,
    pub(super) rabbitmq: Arc<MemoryQueue>,
}

impl Stack {
    pub(crate) fn new() -> Self {
        let mut machine = Machine::new(&[
            ("SETTING_EXTERNAL_HOST", "chat.test"),
            ("SETTING_ZULIP_ADMINISTRATOR", OWNER),
        ]);
        let memcached = Arc::new(MemoryCache::open());
        let redis = Arc::new(MemoryCache::open());
        let rabbitmq = Arc::new(MemoryQueue::open());
        machine.backing.memcached = Some(Arc::clone(&memcached) as Arc<_>);
        machine.backing.redis = Some(Arc::clone(&redis) as Arc<_>);
        machine.backing.rabbitmq = Some(Arc::clone(&rabbitmq) as Arc<_>);
        Self {
            machine,
            memcached,
            redis,
            rabbitmq,
        }
    }

    pub(super) async fn try_start(&self) -> Result<Server, BootError> {
        self.run(self.machine.database()).await
    }

    /// A server over a connection of the test's own.
    pub(super) async fn run(&self, database: Arc<TestDatabase>) -> Result<Server, BootError> {
        let running = zulip::start(self.machine.platform(Arc::clone(&database))).await?;
        Ok(Server {
            running,
            database,
            client: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            who: OWNER.to_owned(),
            key: String::new(),
        })
    }

    /// A server that is up.
    pub(super) async fn start(&self) -> Server {
        let server = self.try_start().await.unwrap();
        server.is_up().await;
        server
    }

    pub(super) async fn create_realm(&self) -> Result<bool, String> {
        let platform = self.machine.platform(self.machine.database());
        let new = NewRealm {
            name: "Drills",
            email: OWNER,
            full_name: "Root",
            password: PASSWORD,
        };
        create_realm(&platform, &new).await
    }

    /// A server with an organisation, and the key of its owner.
    pub(crate) async fn settled(&self) -> Server {
        let mut server = self.start().await;
        assert_eq!(self.create_realm().await, Ok(true));
        server.fetch_key().await;
        server
    }
}

/// A server that runs, and who asks it.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(super) database: Arc<TestDatabase>,
    client: reqwest::Client,
    pub(super) who: String,
    pub(crate) key: String,
}

/// Waits until something is so, for as long as a slow machine may take.
pub(super) async fn until(so: impl AsyncFn() -> bool) {
    let poll = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    let polled = tokio::time::timeout(Duration::from_secs(30), poll).await;
    assert!(polled.is_ok(), "it never was");
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) json: Value,
    pub(super) text: String,
}

impl Answer {
    /// Status, `result`, `code` and `msg`.
    pub(super) fn told(&self) -> (u16, &str, &str, &str) {
        let field = |name: &str| self.json[name].as_str().unwrap_or_default();
        (self.status, field("result"), field("code"), field("msg"))
    }

    /// Insists on a success.
    pub(super) fn good(self) -> Value {
        assert_eq!(self.told(), (200, "success", "", ""), "{}", self.text);
        self.json
    }

    /// Insists on a refusal in the API's form; its code and words.
    pub(super) fn refused(&self, status: u16) -> (&str, &str) {
        let (got, result, code, words) = self.told();
        assert_eq!((got, result), (status, "error"), "{}", self.text);
        (code, words)
    }
}

/// Sends, and reads all of the answer.
pub(super) async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let retry_after = answer
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    Answer {
        status,
        retry_after,
        json: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

impl Server {
    /// Waits until nginx has something behind it.
    pub(super) async fn is_up(&self) {
        until(async || self.get("/health").await.status != 502).await;
    }

    /// A request as the host that is allowed, by nobody.
    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.request_as("chat.test", method, path)
    }

    pub(super) fn request_as(&self, host: &str, method: &str, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.running.address);
        let request = self.client.request(method.parse().unwrap(), url);
        request.header("host", host)
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        answer(self.request("GET", path)).await
    }

    /// A call of the API with the key, and these parameters.
    pub(super) async fn api(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(method, &format!("/api/v1{path}"));
        let request = request.basic_auth(&self.who, Some(&self.key));
        answer(match method {
            "GET" => request.query(fields),
            _ => request.form(fields),
        })
        .await
    }

    pub(super) async fn fetch_key(&mut self) {
        let answer = self.password(OWNER, PASSWORD).await.good();
        self.key = answer["api_key"].as_str().unwrap().to_owned();
    }

    pub(super) async fn password(&self, name: &str, password: &str) -> Answer {
        let request = self.request("POST", "/api/v1/fetch_api_key");
        answer(request.form(&[("username", name), ("password", password)])).await
    }

    /// Sends a message to `general`; its id.
    pub(super) async fn say(&self, content: &str) -> i64 {
        let fields = [
            ("type", "stream"),
            ("to", "general"),
            ("topic", "drill"),
            ("content", content),
        ];
        let sent = self.api("POST", "/messages", &fields).await.good();
        sent["id"].as_i64().unwrap()
    }

    /// The content of a message as it was written.
    pub(super) async fn read(&self, id: i64) -> Answer {
        let path = format!("/messages/{id}");
        self.api("GET", &path, &[("apply_markdown", "false")]).await
    }

    /// What is found of all messages, as it was written.
    pub(super) async fn list(&self, narrow: &str) -> Vec<String> {
        let fields = [
            ("anchor", "newest"),
            ("num_before", "100"),
            ("num_after", "0"),
            ("narrow", narrow),
            ("apply_markdown", "false"),
        ];
        let found = self.api("GET", "/messages", &fields).await.good();
        found["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["content"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) async fn upload(&self, name: &str, bytes: &[u8]) -> Answer {
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.request("POST", "/api/v1/user_uploads");
        answer(
            request
                .basic_auth(&self.who, Some(&self.key))
                .multipart(form),
        )
        .await
    }

    /// Where the bytes of an upload are to be had for a minute.
    pub(super) async fn address(&self, url: &str) -> String {
        let answer = self.api("GET", url, &[]).await.good();
        answer["url"].as_str().unwrap().to_owned()
    }

    /// The first column of the first row.
    pub(super) async fn one(&self, sql: &str) -> i64 {
        let rows = self.database.query(sql, Vec::new()).await.unwrap();
        rows.first().map_or(0, |row| row.integer(0))
    }

    pub(super) async fn execute(&self, sql: &str, values: Vec<Field>) {
        self.database.execute(sql, values).await.unwrap();
    }

    /// Stops the server and closes its database.
    pub(super) async fn stop(self) {
        self.running.stop().await;
        self.database.close();
    }
}
