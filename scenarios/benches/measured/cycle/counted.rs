//! Clients of applications whose calls are counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use phoenix_engine::application::{
    AppContext, AppError, Application, HealthReport, KindSpec, Listing, LoginTrace, Reading,
    WriteOutcome, WriteRequest,
};
use phoenix_engine::run::ApplicationMaker;
use phoenix_evidence::canary::CanarySpec;
use serde_json::Value;

/// How often each application was asked for what. Health is left out: who waits for it polls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

impl PartialEq for Calls {
    fn eq(&self, other: &Self) -> bool {
        self.counts() == other.counts()
    }
}

impl Calls {
    fn counts(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn count(&self, app: &str, what: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(format!("{app}: {what}")).or_default() += 1;
    }

    /// Makes the shipped clients, counted.
    pub(crate) fn maker(&self) -> ApplicationMaker {
        let calls = self.clone();
        Arc::new(move |app: &str, context: AppContext| {
            let counted = Counted {
                name: app.to_owned(),
                inner: phoenix_applications::make(app, context)?,
                calls: calls.clone(),
            };
            Ok(Box::new(counted) as Box<dyn Application>)
        })
    }
}

struct Counted {
    name: String,
    inner: Box<dyn Application>,
    calls: Calls,
}

#[async_trait::async_trait]
impl Application for Counted {
    fn kinds(&self) -> Vec<KindSpec> {
        self.inner.kinds()
    }

    async fn prepare(&self) -> Result<(), AppError> {
        self.calls.count(&self.name, "prepare");
        self.inner.prepare().await
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let what = format!("{:?} {}", request.action, request.spec.kind);
        self.calls.count(&self.name, &what);
        self.inner.write(request).await
    }

    async fn read(&self, spec: &CanarySpec, marker: &str, reference: Option<&Value>) -> Reading {
        self.calls.count(&self.name, &format!("read {}", spec.kind));
        self.inner.read(spec, marker, reference).await
    }

    async fn list(&self, kind: &str) -> Result<Listing, AppError> {
        self.calls.count(&self.name, &format!("list {kind}"));
        self.inner.list(kind).await
    }

    async fn health(&self) -> HealthReport {
        self.inner.health().await
    }

    async fn login(&self) -> Option<LoginTrace> {
        self.calls.count(&self.name, "login");
        self.inner.login().await
    }

    async fn first_write(&self, marker: &str) -> Result<(), AppError> {
        self.calls.count(&self.name, "first write");
        self.inner.first_write(marker).await
    }
}
