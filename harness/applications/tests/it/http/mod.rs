//! The application that a file describes.

mod access;
mod example;
mod lies;
mod lists;
mod whole;

use std::collections::BTreeMap;

use phoenix_engine::application::{
    Action, AppContext, Application, Content, Person, Reading, Seen, WriteOutcome, WriteRequest,
};
use phoenix_engine::lower;
use phoenix_engine::network::Network;
use phoenix_evidence::canary::{CanaryId, CanarySpec, Part};
use phoenix_evidence::ledger::{Op, Phase};
use phoenix_evidence::payload;
use phoenix_evidence::verdict::{
    Cut, Facts, Observation, Observed, Operation, StoreFacts, Verdict, classify_one,
};
use phoenix_language::vocabulary::parse_environment;
use serde_json::Value;
use url::Url;

use crate::books::{PASSWORD, Server};

pub(crate) const NONCE: &str = "0badcafe";
const SEED: u64 = 7;

/// By its pages: a form with a token that is good once, a session in a cookie, HTML read back.
pub(crate) const BY_PAGES: &str = r#"
    health: { get: /healthz, expect: { json: { $.db: ok } }, instance: $.installation }
    auth:
      form: { page: /login, fields: { username: admin, password: "${secret:books/admin}" } }
    login: { account: { get: /me, id: $.id, email: $.email } }
    canary:
      write:
        - { get: /entries/new, save: { csrf: { html: "input[name=csrf]" } } }
        - post: /entries
          form: { csrf: "${csrf}", title: "${marker}", text: "${payload}" }
          save: { id: { redirect: /entries/* } }
          within: 400ms
      read: { get: "/entries/${id}", payload: { html: "article .text" } }
      list: { get: /entries, texts: { html: article }, ids: { html: article, attribute: id, like: e* }, next: { html: "a[rel=next]" }, expect: { html: { h1: Entries } } }
"#;

/// By its API: a token, JSON, files.
pub(crate) const BY_API: &str = r#"
    health: { get: /healthz, expect: { json: { $.db: ok } } }
    auth:
      token:
        post: /api/token
        json: { user: admin, password: "${secret:books/admin}" }
        take: $.access.token
    canary:
      write: { post: /api/entries, json: { text: "${payload}" }, save: { id: $.id }, within: 400ms }
      read: { get: "/api/entries/${id}", payload: $.text }
      update: { put: "/api/entries/${id}", json: { text: "${payload}" } }
      delete: { delete: "/api/entries/${id}" }
      list: { get: "/api/entries?page=${page}", texts: "$.items[*].text", ids: "$.items[*].id" }
      file:
        write:
          post: /api/uploads
          multipart: { text: "${payload}", upload: { file: "${marker}.bin" } }
          save: { id: $.id, file: $.file }
        read: { get: "/files/${file}" }
        link: { at: $.file, is: "${file}" }
"#;

/// The settings of a description, as a run has them.
pub(crate) fn settings(description: &str) -> Value {
    let text = format!(
        "environment: e\ndriver: embedded\nstores:\n  db: {{ sqlite: db }}\nsecrets:\n  \
         books/admin: {{}}\nservices:\n  auth: {{ app: zitadel, url: http://auth.localhost }}\n  \
         books:\n    app: http\n    url: http://books.localhost\n{description}\nprofiles:\n  \
         today: {{}}\n"
    );
    let source = parse_environment("e.yaml", &text).unwrap_or_else(|found| panic!("{found}"));
    let stack = lower::stack(&source, "today").unwrap_or_else(|found| panic!("{found}"));
    stack.service("books").expect("it").settings.clone()
}

pub(crate) fn context(server: &Server, description: &str) -> AppContext {
    let network = Network::default();
    network.set("books.localhost", server.address);
    network.set("auth.localhost", server.address);
    AppContext {
        service: "books".to_owned(),
        url: Url::parse(&format!("http://books.localhost:{}", server.address.port()))
            .expect("a URL"),
        network,
        access: BTreeMap::from([("secret:books/admin".to_owned(), PASSWORD.to_owned())]),
        settings: settings(description),
        person: Person {
            login_name: "canary".to_owned(),
            password: "person-password".to_owned(),
            email: "canary@example.com".to_owned(),
        },
        stores: BTreeMap::from([
            ("database".to_owned(), "db".to_owned()),
            ("files".to_owned(), "uploads".to_owned()),
        ]),
        secrets: BTreeMap::new(),
        nonce: NONCE.to_owned(),
    }
}

/// A server that does not lie yet, and its client, signed in.
pub(crate) async fn started(description: &str) -> (Server, Box<dyn Application>) {
    let server = Server::start().await;
    let app = made(context(&server, description));
    app.prepare().await.expect("it signs in");
    (server, app)
}

pub(crate) fn made(context: AppContext) -> Box<dyn Application> {
    phoenix_applications::make("http", context).expect("a client")
}

/// A canary by its number; of an entry with a file, if `pair`.
pub(crate) struct Canary {
    pub(crate) spec: CanarySpec,
    pub(crate) marker: String,
    file: Option<Vec<u8>>,
}

const FILE_LEN: usize = 6000;

impl Canary {
    pub(crate) fn new(number: u64, pair: bool) -> Self {
        let id = CanaryId(number);
        let part = |role: &str| Part {
            role: role.to_owned(),
            store: role.to_owned(),
        };
        let mut parts = vec![part("database")];
        if pair {
            parts.push(part("files"));
        }
        Self {
            marker: payload::marker(NONCE, id),
            spec: CanarySpec {
                id,
                kind: if pair { "entry-with-file" } else { "entry" }.to_owned(),
                service: Some("books".to_owned()),
                parts,
                key: None,
            },
            file: pair.then(|| payload::bytes(SEED, id, 0, FILE_LEN)),
        }
    }

    pub(crate) fn text(&self, version: u32) -> String {
        payload::text(SEED, NONCE, self.spec.id, version)
    }

    pub(crate) async fn write(
        &self,
        app: &dyn Application,
        action: Action,
        version: u32,
        reference: Option<&Value>,
    ) -> WriteOutcome {
        app.write(&WriteRequest {
            spec: &self.spec,
            action,
            version,
            text: &self.text(version),
            marker: &self.marker,
            file: self.file.as_deref(),
            reference,
        })
        .await
    }

    pub(crate) async fn created(&self, app: &dyn Application) -> Value {
        acknowledged(self.write(app, Action::Create, 0, None).await)
    }

    pub(crate) async fn read(&self, app: &dyn Application, reference: Option<&Value>) -> Reading {
        app.read(&self.spec, &self.marker, reference).await
    }

    /// What is observed of a part, as the engine recognises it.
    pub(crate) fn observed(&self, seen: &Seen) -> Observed {
        match seen {
            Seen::Absent => Observed::Absent,
            Seen::Present(contents) => {
                let version = contents.first().and_then(|content| match content {
                    Content::Text(text) => (0..3).find(|version| *text == self.text(*version)),
                    Content::Bytes(bytes) => (self.file.as_ref() == Some(bytes)).then_some(0),
                    Content::Proved(version) => Some(*version),
                });
                Observed::Present {
                    version,
                    copies: u32::try_from(contents.len()).expect("few"),
                    same: contents.windows(2).all(|pair| pair[0] == pair[1]),
                }
            }
            _ => Observed::Unreachable,
        }
    }

    /// The verdict on what was read, after these writes, all before a recovery point that was
    /// restored.
    pub(crate) fn verdict(&self, writes: &[(Op, u32, Phase)], reading: &Reading) -> Verdict {
        let mut seq = 0;
        let history: Vec<Operation> = writes
            .iter()
            .map(|(op, version, phase)| {
                seq += 2;
                Operation {
                    op: *op,
                    version: *version,
                    invoked: seq - 1,
                    ended: Some((seq, *phase)),
                    at_us: 0,
                }
            })
            .collect();
        let store = StoreFacts {
            cut: Some(Cut {
                begin: 100,
                end: 110,
            }),
            destroyed: true,
            retained: false,
            losable: false,
        };
        let facts = Facts {
            first: store,
            second: self.spec.is_pair().then_some(store),
        };
        let observation = Observation {
            first: self.observed(&reading.parts[0]),
            second: reading.parts.get(1).map(|seen| self.observed(seen)),
            linked: reading.linked,
        };
        classify_one(&history, &facts, &observation).verdict
    }
}

pub(crate) fn acknowledged(outcome: WriteOutcome) -> Value {
    match outcome {
        WriteOutcome::Acknowledged { reference } => reference,
        other => panic!("not acknowledged: {other:?}"),
    }
}

pub(crate) const CREATED: (Op, u32, Phase) = (Op::Create, 0, Phase::Acknowledged);
