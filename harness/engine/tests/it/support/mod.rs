//! Runs a cycle on the stack in memory, and asks its journal.

mod application;
mod environment;
mod world;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use phoenix_engine::application::Application;
use phoenix_engine::plan::{Act, Check, Fault, Plan, PointChoice, Seed, Step};
use phoenix_engine::run::{CycleInput, Judgement, Progress, run_cycle};
use phoenix_engine::stack::{Policy, Secret, SecretEncoding, Service, Stack, Store, StoreKind};
use phoenix_evidence::finding::{CheckKind, CheckResult, Level, Outcome, Subject};
use phoenix_evidence::journal;
use phoenix_evidence::journal::event::{
    CycleFinished, CycleStarted, DestructionProof, Event, NamedFile, StepEnd,
};
use tokio_util::sync::CancellationToken;

pub(crate) use world::{Content, Foreign, Lies, Row, STORE, Since, Stray};

use application::Wiki;
use environment::Fake;
use world::World;

/// The nonce of every cycle here.
pub(crate) const NONCE: &str = "0badcafe";

/// A cycle to run: an honest stack and the usual steps, until a test changes them.
pub(crate) struct Scene {
    pub(crate) stack: Stack,
    pub(crate) acts: Vec<Act>,
    pub(crate) lies: Lies,
    /// Cancels the cycle when the step with this number (from 1) starts.
    pub(crate) cancel_at: Option<usize>,
    /// The judge forgives every result, as a document may that takes each as a known gap.
    pub(crate) forgiven: bool,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let stores = || vec![STORE.to_owned()];
        let services = || vec!["wiki".to_owned()];
        Self {
            stack: stack(),
            acts: vec![
                Act::Build,
                Act::SteadyState,
                Act::Seed(Seed {
                    canaries: 2,
                    encrypted: 1,
                    direct: 1,
                    writers: 1,
                    ..Seed::default()
                }),
                Act::Backup {
                    stores: stores(),
                    label: None,
                },
                Act::Destroy {
                    stores: stores(),
                    services: services(),
                },
                Act::Rebuild { stores: stores() },
                Act::Restore {
                    stores: stores(),
                    point: PointChoice::Newest,
                },
                Act::Start {
                    services: services(),
                },
                Act::Check {
                    checks: vec![Check::Health, Check::Login, Check::Write, Check::Survival],
                },
            ],
            lies: Lies::default(),
            cancel_at: None,
            forgiven: false,
        }
    }

    /// With one lie, or several.
    pub(crate) fn lying(lies: Lies) -> Self {
        Self {
            lies,
            ..Self::new()
        }
    }

    /// With a step at the end.
    pub(crate) fn then(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    /// With a fault before the backup.
    pub(crate) fn with_fault(mut self, fault: Fault) -> Self {
        self.acts.insert(3, Act::Inject(fault));
        self
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        &mut self.stack.stores[0]
    }

    pub(crate) async fn run(self) -> Ran {
        let folder = tempfile::tempdir().expect("a folder");
        let world = Arc::new(Mutex::new(World::new(self.lies)));
        let environment = Fake(Arc::clone(&world));
        let cancel = CancellationToken::new();
        let progress = Canceller {
            at: self.cancel_at,
            token: cancel.clone(),
        };
        let plan = plan(self.acts);
        let finished = run_cycle(CycleInput {
            started: started(),
            plan: &plan,
            stack: &self.stack,
            environment: &environment,
            applications: Arc::new(move |_, _| {
                Ok(Box::new(Wiki(Arc::clone(&world))) as Box<dyn Application>)
            }),
            judge: Arc::new(move |conclusion| {
                let judged: &[CheckResult] = if self.forgiven {
                    &[]
                } else {
                    &conclusion.results
                };
                Judgement {
                    // What the register is told of checks that were not made.
                    register: serde_json::to_value(&conclusion.not_made).unwrap_or_default(),
                    ..judge(judged)
                }
            }),
            folder: folder.path(),
            progress: &progress,
            cancel,
        })
        .await
        .expect("evidence can be written");
        let events = journal::read::<Event>(&folder.path().join("journal.jsonl"))
            .expect("a journal")
            .lines
            .into_iter()
            .map(|line| line.event)
            .collect();
        Ran { finished, events }
    }
}

/// A cycle that ran.
pub(crate) struct Ran {
    pub(crate) finished: CycleFinished,
    pub(crate) events: Vec<Event>,
}

impl Ran {
    pub(crate) fn results(&self) -> Vec<CheckResult> {
        let told = self.events.iter().find_map(|event| match event {
            Event::Results { results } => Some(results.clone()),
            _ => None,
        });
        told.expect("results")
    }

    /// All results of one check.
    pub(crate) fn of(&self, check: CheckKind) -> Vec<CheckResult> {
        let mut results = self.results();
        results.retain(|result| result.check == check);
        results
    }

    /// Why a check of a subject was not made, as the register is told.
    pub(crate) fn not_made(&self, check: CheckKind, subject: &Subject) -> Option<String> {
        let told = self.events.iter().find_map(|event| match event {
            Event::Register { register } => Some(register.clone()),
            _ => None,
        });
        let all: Vec<(CheckKind, Subject, String)> =
            serde_json::from_value(told?).expect("what was not made");
        let of_it = all
            .into_iter()
            .find(|(kind, on, _)| *kind == check && on == subject);
        of_it.map(|(_, _, why)| why)
    }

    /// The only result of a check on a subject.
    pub(crate) fn one(&self, check: CheckKind, subject: &Subject) -> CheckResult {
        let mut results = self.of(check);
        results.retain(|result| result.subject == *subject);
        assert_eq!(results.len(), 1, "{check:?} of {subject:?}: {results:?}");
        results.remove(0)
    }

    /// How the destruction of the store was proven, and why it is held to be so.
    pub(crate) fn destruction(&self) -> (DestructionProof, String) {
        let told = self.events.iter().find_map(|event| match event {
            Event::Destruction { proof, why, .. } => Some((*proof, why.clone())),
            _ => None,
        });
        told.expect("a word on the destruction")
    }

    /// How many canaries of the store have a verdict.
    pub(crate) fn verdicts(&self, verdict: &str) -> u64 {
        let counts = self.events.iter().find_map(|event| match event {
            Event::Survival(survival) => survival.by_store.get(STORE),
            _ => None,
        });
        let counts = counts.expect("verdicts");
        counts.get(verdict).copied().unwrap_or(0)
    }

    /// How the step with this number (from 1) ended.
    pub(crate) fn ended(&self, number: usize) -> StepEnd {
        let id = step_id(number);
        let told = self.events.iter().find_map(|event| match event {
            Event::StepFinished { step, ended, .. } if *step == id => Some(*ended),
            _ => None,
        });
        told.expect("an end of the step")
    }

    /// All notes.
    pub(crate) fn notes(&self) -> Vec<&str> {
        let notes = self.events.iter().filter_map(|event| match event {
            Event::Note { text } => Some(text.as_str()),
            _ => None,
        });
        notes.collect()
    }
}

/// The names of a result's failures.
pub(crate) fn failures(result: &CheckResult) -> Vec<&str> {
    let names = result.failures.iter().map(|(kind, _)| kind.0.as_str());
    names.collect()
}

/// The store as the subject of a result.
pub(crate) fn the_store() -> Subject {
    Subject::Store(STORE.to_owned())
}

/// The service as the subject of a result.
pub(crate) fn the_service() -> Subject {
    Subject::Service("wiki".to_owned())
}

fn stack() -> Stack {
    Stack {
        environment: "memory".to_owned(),
        profile: "target".to_owned(),
        services: vec![Service {
            name: "wiki".to_owned(),
            app: "wiki".to_owned(),
            url: "http://docs.localhost".to_owned(),
            needs: vec![STORE.to_owned()],
            secrets: vec!["key".to_owned()],
            ..Service::default()
        }],
        stores: vec![Store {
            name: STORE.to_owned(),
            kind: StoreKind::Database,
            engine: "memory".to_owned(),
            at: STORE.to_owned(),
            settings: serde_json::Value::Null,
            on: None,
            losable: false,
            catch_up: Duration::ZERO,
            policy: Policy::Logical {
                every: Duration::from_secs(60),
                lag: Duration::ZERO,
            },
        }],
        secrets: vec![Secret {
            name: "key".to_owned(),
            bytes: 32,
            encoding: SecretEncoding::Hex,
            env: None,
            opens: None,
            preserved: true,
        }],
        ..Stack::default()
    }
}

fn step_id(number: usize) -> String {
    format!("{number:02}")
}

fn plan(acts: Vec<Act>) -> Plan {
    let step = |(at, act): (usize, Act)| Step {
        id: step_id(at + 1),
        name: None,
        title: format!("step {}", at + 1),
        needs: if at == 0 {
            Vec::new()
        } else {
            vec![step_id(at)]
        },
        act,
        cleanup: false,
    };
    Plan {
        scenario: "test".to_owned(),
        steps: acts.into_iter().enumerate().map(step).collect(),
        expect: Vec::new(),
    }
}

/// As good as the results allow, and agreeing to everything: what is said less well than this is
/// the engine's own doing.
fn judge(results: &[CheckResult]) -> Judgement {
    let worst = results.iter().map(|result| result.outcome).max();
    let (recovery, exit) = match worst {
        None | Some(Outcome::Pass) => ("recovered", 0),
        Some(Outcome::Unknown) => ("unknown", 3),
        Some(Outcome::Fail) => ("not-recovered", 1),
    };
    Judgement {
        register: serde_json::Value::Null,
        recovery: recovery.to_owned(),
        agreement: "agrees".to_owned(),
        exit,
        claims: Vec::new(),
    }
}

fn started() -> CycleStarted {
    let file = || NamedFile {
        name: "test".to_owned(),
        title: "test".to_owned(),
        path: "test".to_owned(),
        blake3: String::new(),
        text: String::new(),
    };
    CycleStarted {
        run: "test".to_owned(),
        cycle: "test".to_owned(),
        nonce: NONCE.to_owned(),
        seed: 7,
        scenario: file(),
        environment: file(),
        profile: "target".to_owned(),
        level: Level::Embedded,
        documents: Vec::new(),
        versions: std::collections::BTreeMap::new(),
        dirty: false,
        rto_s: None,
        rpo_s: None,
        manual_steps: None,
        services: Vec::new(),
        stores: Vec::new(),
        secrets: std::collections::BTreeMap::new(),
        host: String::new(),
        egress: None,
        broken: Vec::new(),
    }
}

/// Cancels at a step, as a person would.
struct Canceller {
    at: Option<usize>,
    token: CancellationToken,
}

impl Progress for Canceller {
    fn step_started(&self, _: &str, number: usize, _: usize, _: &str) {
        if self.at == Some(number) {
            self.token.cancel();
        }
    }

    fn step_says(&self, _: &str, _: &str) {}

    fn step_finished(&self, _: &str, _: usize, _: StepEnd, _: &str, _: u64) {}
}

fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().expect("no panic under the lock")
}
