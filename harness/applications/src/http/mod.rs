//! Any application, described by requests in an environment file (`app: http`). `HTTP.md` beside
//! this crate says how.
//!
//! `access`: `secret:NAME` and `env:NAME` for each that the description names.

mod description;
mod list;
mod login;
mod place;
mod read;
mod session;
mod template;
mod vault;
mod write;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use async_trait::async_trait;
use phoenix_engine::application::{
    Action, AppContext, AppError, Application, Content, HealthReport, KindSpec, Listing,
    LoginTrace, Reading, Seen, WriteOutcome, WriteRequest,
};
use phoenix_evidence::canary::{CanaryId, CanarySpec, Part};
use phoenix_language::placeholder::{Piece, pieces};
use serde_json::Value;

use description::{Description, Request};
use place::Reply;
use session::{Session, deadline};
use template::{Values, plain};

const ENTRY: &str = "entry";
const WITH_FILE: &str = "entry-with-file";

/// A client.
pub struct Http {
    session: Session,
    description: Description,
    /// What `prepare` saved, for all that comes after it.
    prepared: tokio::sync::Mutex<Values>,
    /// When the health path was last seen to be well.
    well_at: Mutex<Option<Instant>>,
}

/// The names `secret:NAME` and `env:NAME` that a description uses: what a driver has to hand over
/// in [`AppContext::access`]. A variable that it does not set is one of phoenix's own environment.
#[must_use]
pub fn wanted(settings: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(settings, &mut names);
    names
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for piece in pieces(text) {
                if let Piece::Name { name, .. } = piece
                    && name.contains(':')
                {
                    names.insert(name.to_owned());
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(entries) => entries.values().for_each(|value| collect(value, names)),
        _ => {}
    }
}

impl Http {
    /// A client of a context, whose settings are the description.
    ///
    /// # Errors
    /// When the description cannot be read, or the authority of the stack cannot be trusted.
    pub fn new(context: AppContext) -> Result<Self, String> {
        let description = Description::read(&context.settings)
            .map_err(|why| format!("{}: {why}", context.service))?;
        Ok(Self {
            session: Session::new(context, description.auth.clone())?,
            description,
            prepared: tokio::sync::Mutex::default(),
            well_at: Mutex::default(),
        })
    }

    /// The names that requests of canaries may use.
    async fn values(&self) -> Values {
        let mut values = self.prepared.lock().await.clone();
        values.set("nonce", self.session.context.nonce.clone());
        values
    }

    /// The answer to the health path.
    async fn ask(&self, request: &Request) -> (Option<Reply>, Result<(), String>) {
        let values = self.session.values();
        match self.session.send(request, &values, deadline()).await {
            Ok(reply) => {
                let met = request.expect.met(&reply, &values, &self.session.vault);
                (Some(reply), met)
            }
            Err(none) => (None, Err(self.session.vault.clean(none.words()))),
        }
    }

    async fn probe_health(&self) -> Result<(), String> {
        match self.description.health.first() {
            Some(request) => self.ask(request).await.1,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Application for Http {
    fn kinds(&self) -> Vec<KindSpec> {
        let canary = &self.description.canary;
        if canary.write.is_empty() {
            return Vec::new();
        }
        // An application without a database keeps its entries as files.
        let has_rows = self.session.context.stores.contains_key("database");
        let entry = KindSpec {
            kind: ENTRY,
            parts: if has_rows { &["database"] } else { &["files"] },
            key: None,
            overwritable: !canary.update.is_empty(),
            deletable: !canary.delete.is_empty(),
            listable: canary.list.is_some(),
        };
        let mut kinds = vec![entry.clone()];
        if canary.file.is_some() {
            kinds.push(KindSpec {
                kind: WITH_FILE,
                parts: &["database", "files"],
                overwritable: false,
                deletable: false,
                ..entry
            });
        }
        kinds
    }

    async fn prepare(&self) -> Result<(), AppError> {
        self.session.sign_in().await?;
        let requests = &self.description.canary.prepare;
        if requests.is_empty() {
            return Ok(());
        }
        let mut values = self.session.values();
        match self.run(requests, &mut values, deadline()).await {
            Ok(_) => {
                *self.prepared.lock().await = values;
                Ok(())
            }
            Err(halt) => Err(AppError {
                doing: "prepare what canaries are put into".to_owned(),
                why: halt.words().to_owned(),
                unauthorised: false,
            }),
        }
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        self.write_one(request).await
    }

    async fn read(&self, spec: &CanarySpec, marker: &str, reference: Option<&Value>) -> Reading {
        self.read_one(spec, marker, reference).await
    }

    /// Entries with a file stand in the same list as those without.
    async fn list(&self, _kind: &str) -> Result<Listing, AppError> {
        self.list_all().await
    }

    async fn health(&self) -> HealthReport {
        let began = Instant::now();
        let mut probes = self.description.health.iter();
        let Some(first) = probes.next() else {
            return unasked();
        };
        let (reply, met) = self.ask(first).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let said = |reply: &Option<Reply>, met: &Result<(), String>| match (reply, met) {
            (_, Err(why)) => why.clone(),
            (Some(reply), Ok(())) => reply.words(&self.session.vault),
            (None, Ok(())) => String::new(),
        };
        let mut instance = self.instance(0, reply.as_ref());
        let mut serves = None;
        let mut serves_saw = Vec::new();
        for (at, request) in probes.enumerate() {
            let (reply, met) = self.ask(request).await;
            serves = Some(serves.unwrap_or(true) && met.is_ok());
            serves_saw.push(format!("{}: {}", request.words(), said(&reply, &met)));
            instance = instance.or_else(|| self.instance(at + 1, reply.as_ref()));
        }
        HealthReport {
            probe: first.words(),
            status: reply.as_ref().map(|reply| reply.status),
            healthy: met.is_ok(),
            saw: said(&reply, &met),
            serves,
            serves_saw: serves_saw.join("; "),
            took_ms,
            instance,
        }
    }

    async fn login(&self) -> Option<LoginTrace> {
        let login = self.description.login.as_ref()?;
        Some(self.log_in(login).await)
    }

    async fn first_write(&self, marker: &str) -> Result<(), AppError> {
        let failed = |doing: &str, why: String| AppError {
            doing: doing.to_owned(),
            why,
            unauthorised: false,
        };
        let spec = CanarySpec {
            id: CanaryId(0),
            kind: ENTRY.to_owned(),
            service: Some(self.session.context.service.clone()),
            parts: vec![Part {
                role: "database".to_owned(),
                store: String::new(),
            }],
            key: None,
        };
        let written = self
            .write_one(&WriteRequest {
                spec: &spec,
                action: Action::Create,
                version: 0,
                text: marker,
                marker,
                file: None,
                reference: None,
            })
            .await;
        let reference = match written {
            WriteOutcome::Acknowledged { reference } => reference,
            WriteOutcome::Refused { answer } => return Err(failed("write an entry", answer)),
            WriteOutcome::Indeterminate { why } => return Err(failed("write an entry", why)),
        };
        let read = self.read_one(&spec, marker, Some(&reference)).await;
        match read.parts.first() {
            Some(Seen::Present(contents)) if *contents == [Content::Text(marker.to_owned())] => {
                Ok(())
            }
            Some(Seen::Present(_)) => Err(failed(
                "read the new entry back",
                format!("{} answers another text", read.probe),
            )),
            Some(seen) => Err(failed("read the new entry back", read::words(seen))),
            None => Err(failed("read the new entry back", "nothing".to_owned())),
        }
    }
}

impl Http {
    fn instance(&self, at: usize, reply: Option<&Reply>) -> Option<String> {
        let place = self.description.instance.get(at)?.as_ref()?;
        place.one(reply?).ok().map(|value| plain(&value))
    }
}

fn unasked() -> HealthReport {
    HealthReport {
        probe: String::new(),
        status: None,
        healthy: false,
        saw: "the description has no `health`".to_owned(),
        serves: None,
        serves_saw: String::new(),
        took_ms: 0,
        instance: None,
    }
}
