//! The runner: a cycle from its first event to its last.

mod certificates;
mod check;
mod conclude;
mod disaster;
mod expectations;
mod finish;
mod foreign;
mod graph;
mod logs;
mod objectives;
mod observe;
mod progress;
mod prove;
mod recover;
mod restart;
mod results;
mod sealed;
mod secrets;
mod seed;
mod small;
mod state;
mod steady;
mod survival;
mod wait;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use phoenix_evidence::journal::event::{CycleFinished, CycleStarted, Event, Phase};
use phoenix_evidence::journal::{JournalError, JournalWriter};
use phoenix_evidence::ledger::{Header, Ledger, LedgerError};
use tokio_util::sync::CancellationToken;

use crate::application::{AppContext, Application};
use crate::environment::{DriverError, Environment};
use crate::plan::Plan;
use crate::stack::Stack;

pub use progress::{Progress, Silent};
use state::State;

/// Makes the client of an application by the name of its module.
pub type ApplicationMaker =
    Arc<dyn Fn(&str, AppContext) -> Result<Box<dyn Application>, String> + Send + Sync>;

/// Judges a finished cycle's results against its documents; called once, before the last event.
pub type Judge = Arc<dyn Fn(&Conclusion) -> Judgement + Send + Sync>;

/// What the register is judged on.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// All check results.
    pub results: Vec<phoenix_evidence::finding::CheckResult>,
    /// Whether the tree was dirty.
    pub dirty: bool,
    /// Checks that were not made, on what, and why.
    pub not_made: Vec<(
        phoenix_evidence::finding::CheckKind,
        phoenix_evidence::finding::Subject,
        String,
    )>,
    /// Whether something that is not kept out of every destroy was not destroyed.
    pub partial: bool,
    /// Profile.
    pub profile: String,
    /// Level of the evidence.
    pub level: phoenix_evidence::finding::Level,
}

/// What the judge says.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The register as JSON, for the journal.
    pub register: serde_json::Value,
    /// `recovered`, `not-recovered`, `unknown`.
    pub recovery: String,
    /// `agrees`, `disagrees`, `cannot-tell`.
    pub agreement: String,
    /// Exit code by the document.
    pub exit: u8,
    /// Claim id and title → status, for `expect:`.
    pub claims: Vec<(String, String, String)>,
}

/// Everything that a cycle is started with.
pub struct CycleInput<'a> {
    /// First event of the journal, filled in by the caller but for what the driver knows.
    pub started: CycleStarted,
    /// The plan.
    pub plan: &'a Plan,
    /// The stack.
    pub stack: &'a Stack,
    /// The driver.
    pub environment: &'a dyn Environment,
    /// Makes application clients.
    pub applications: ApplicationMaker,
    /// Judges.
    pub judge: Judge,
    /// The cycle's folder: journal, ledger, observations. Exists and is empty.
    pub folder: &'a Path,
    /// Who is told.
    pub progress: &'a dyn Progress,
    /// Cancelled by Ctrl-C.
    pub cancel: CancellationToken,
}

/// Why a cycle could not be run to its end as a cycle. A stack that does not recover is no error.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// The evidence could not be written: nothing may be concluded.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The same, of the ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A step's failure: the step could not do what it says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Cycle(#[from] CycleError),
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error("{0}")]
    Failed(String),
}

impl From<JournalError> for StepError {
    fn from(error: JournalError) -> Self {
        Self::Cycle(error.into())
    }
}

impl From<LedgerError> for StepError {
    fn from(error: LedgerError) -> Self {
        Self::Cycle(error.into())
    }
}

/// What a finished step says of itself.
pub(crate) type StepResult = Result<String, StepError>;

/// Longest time that a service is given to become healthy after it was started.
pub(crate) const HEALTHY_WITHIN: Duration = Duration::from_secs(60);

/// A cycle under way.
pub(crate) struct Cycle<'a> {
    pub(crate) name: String,
    pub(crate) nonce: String,
    pub(crate) seed: u64,
    pub(crate) plan: &'a Plan,
    pub(crate) stack: &'a Stack,
    pub(crate) environment: &'a dyn Environment,
    pub(crate) applications: ApplicationMaker,
    pub(crate) judge: Judge,
    pub(crate) folder: PathBuf,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) cancel: CancellationToken,
    pub(crate) ledger: Ledger,
    journal: Mutex<JournalWriter>,
    state: Mutex<State>,
    started: CycleStarted,
}

/// Runs a cycle. Its journal and all evidence are in `input.folder` afterwards, whatever happened.
///
/// # Errors
/// When journal or ledger cannot be written. Everything else is a finding, in the journal.
pub async fn run_cycle(input: CycleInput<'_>) -> Result<CycleFinished, CycleError> {
    let started = input.started;
    let mut journal = JournalWriter::create(&input.folder.join("journal.jsonl"))?;
    journal.append(&Event::CycleStarted(Box::new(started.clone())))?;
    journal.append(&Event::Planned {
        steps: input.plan.shown(|step| destroys(input.stack, step)),
    })?;
    journal.sync()?;
    let ledger = Ledger::create(
        &input.folder.join("ledger.jsonl"),
        &Header {
            schema: phoenix_evidence::ledger::SCHEMA,
            run: started.run.clone(),
            nonce: started.nonce.clone(),
            seed: started.seed,
        },
    )?;
    let cycle = Cycle {
        name: started.cycle.clone(),
        nonce: started.nonce.clone(),
        seed: started.seed,
        plan: input.plan,
        stack: input.stack,
        environment: input.environment,
        applications: input.applications,
        judge: input.judge,
        folder: input.folder.to_owned(),
        progress: input.progress,
        cancel: input.cancel,
        ledger,
        journal: Mutex::new(journal),
        state: Mutex::new(State::default()),
        started,
    };
    cycle.run().await
}

/// Every destructive act of a step, as it would happen.
#[must_use]
pub fn destroys(stack: &Stack, step: &crate::plan::Step) -> Vec<String> {
    use crate::plan::Act;
    match &step.act {
        Act::Destroy { stores, services } => {
            let mut acts: Vec<String> = services
                .iter()
                .map(|service| format!("stop service {service}"))
                .collect();
            for store in stores {
                let Some(store) = stack.store(store) else {
                    continue;
                };
                if store.policy == crate::stack::Policy::Retained {
                    acts.push(format!("keep store {} (retained)", store.name));
                } else {
                    acts.push(format!(
                        "destroy store {} ({} {}; {})",
                        store.name, store.engine, store.at, store.policy
                    ));
                }
            }
            for secret in stack.secrets.iter().filter(|secret| !secret.preserved) {
                acts.push(format!("forget secret {}", secret.name));
            }
            acts
        }
        Act::Inject(fault) => vec![fault.sentence()],
        Act::Run(command) => vec![format!("run {}", command.argv.join(" "))],
        _ => Vec::new(),
    }
}

impl Cycle<'_> {
    /// Appends an event.
    pub(crate) fn tell(&self, event: &Event) -> Result<(), JournalError> {
        self.journal().append(event)
    }

    /// Makes all events so far durable.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        self.journal().sync()
    }

    fn journal(&self) -> MutexGuard<'_, JournalWriter> {
        self.journal
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The state; never held over an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn says(&self, words: &str) {
        self.progress.step_says(&self.name, words);
    }

    /// A client of a service's application, made afresh.
    pub(crate) async fn application(
        &self,
        service: &str,
    ) -> Result<Box<dyn Application>, StepError> {
        let app = self
            .stack
            .service(service)
            .map(|service| service.app.clone())
            .ok_or_else(|| StepError::Failed(format!("no service is called `{service}`")))?;
        let context = self.environment.context(service).await?;
        (self.applications)(&app, context).map_err(StepError::Failed)
    }

    /// Marks a moment of a service's recovery: the first time only.
    pub(crate) fn phase(&self, service: &str, phase: Phase) -> Result<(), JournalError> {
        let fresh = {
            let mut state = self.state();
            let Some(disaster) = state.disaster else {
                return Ok(());
            };
            let at = disaster.at.elapsed().as_secs_f64();
            let key = (service.to_owned(), phase);
            let fresh = !state.phases.contains_key(&key);
            state.phases.entry(key).or_insert(at);
            fresh
        };
        if fresh {
            self.tell(&Event::Phase {
                service: service.to_owned(),
                phase,
            })?;
        }
        Ok(())
    }
}
