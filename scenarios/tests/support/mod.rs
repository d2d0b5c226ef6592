//! Runs one cycle in this process and gives back what its journal says.
#![allow(
    dead_code,
    reason = "shared by tests and benches, and none uses all of it"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_claims::Document;
use phoenix_embedded::Embedded;
use phoenix_engine::lower;
use phoenix_engine::plan::Plan;
use phoenix_engine::run::{ApplicationMaker, CycleInput, Silent, run_cycle};
use phoenix_engine::stack::Stack;
use phoenix_evidence::finding::{CheckKind, Level, Outcome, Subject};
use phoenix_evidence::journal::event::{CycleStarted, Event, NamedFile};
use phoenix_evidence::journal::{self, Line};
use phoenix_language::{Source, vocabulary};
use phoenix_reports::{CycleView, View};

/// A cycle that ran.
pub(crate) struct Ran {
    pub(crate) view: CycleView,
    /// Whether anything but evidence is left of the stack.
    pub(crate) left: bool,
    folder: tempfile::TempDir,
}

impl Ran {
    /// How many canaries of a store have a verdict.
    pub(crate) fn count(&self, store: &str, verdict: &str) -> u64 {
        let survival = self.view.survival.as_ref().expect("verdicts");
        survival
            .by_store
            .get(store)
            .and_then(|all| all.get(verdict))
            .copied()
            .unwrap_or(0)
    }

    /// How many canaries of any store have a verdict.
    pub(crate) fn total(&self, verdict: &str) -> u64 {
        let survival = self.view.survival.as_ref().expect("verdicts");
        survival
            .by_store
            .values()
            .filter_map(|all| all.get(verdict))
            .sum()
    }

    /// The verdicts of a kind of canary, `wiki/page`, and how many have each.
    pub(crate) fn verdicts_of(&self, kind: &str) -> BTreeMap<String, u64> {
        let survival = self.view.survival.as_ref().expect("verdicts");
        survival.by_kind.get(kind).cloned().unwrap_or_default()
    }

    /// How the survival of a store, or of what a secret seals, was judged.
    pub(crate) fn survival_of(&self, name: &str) -> Vec<Outcome> {
        let survival = self.view.results.iter().filter(|result| {
            result.check == CheckKind::Survival
                && [
                    Subject::Store(name.to_owned()),
                    Subject::Secret(name.to_owned()),
                ]
                .contains(&result.subject)
        });
        survival.map(|result| result.outcome).collect()
    }

    /// What the survival of what a secret seals follows from.
    pub(crate) fn root_of(&self, secret: &str) -> Option<Subject> {
        let results = &self.view.results;
        let subject = Subject::Secret(secret.to_owned());
        let mut of_secret = results
            .iter()
            .filter(|result| result.check == CheckKind::Survival && result.subject == subject);
        Some(results[of_secret.next()?.consequence_of?].subject.clone())
    }

    /// What a file of the cycle's folder says.
    pub(crate) fn file(&self, name: &str) -> String {
        let path = self.folder.path().join("cycle").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    }

    pub(crate) fn exit(&self) -> u8 {
        self.view.finished.as_ref().expect("an end").exit
    }

    /// Whether a failed check tells of this in its summary or its proofs.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.view.results.iter().any(|result| {
            result.outcome == Outcome::Fail
                && (result.summary.contains(words)
                    || result.proofs.iter().any(|proof| proof.saw.contains(words)))
        })
    }

    /// Whether a check failed in this way.
    pub(crate) fn failed(&self, kind: &str) -> bool {
        self.view
            .results
            .iter()
            .any(|result| result.failures.iter().any(|(failure, _)| failure.0 == kind))
    }
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The shipped document.
pub(crate) fn shipped_document() -> String {
    std::fs::read_to_string(root().join("PHOENIX.md")).expect("PHOENIX.md")
}

/// Runs a scenario text under a profile of the shipped embedded environment, against a document.
pub(crate) fn cycle(scenario: &str, profile: &str, document: &str) -> Ran {
    let (environment, stack) = embedded(profile);
    cycle_in(&environment, &stack, scenario, document)
}

/// As [`cycle`], under the profile `target` with one store kept in another way.
pub(crate) fn cycle_keeping(scenario: &str, store: &str, policy: &str) -> Ran {
    let profile = format!("profiles:\n  other: {{ inherit: target, {store}: {policy} }}\n");
    let text = shipped_text().replacen("profiles:\n", &profile, 1);
    cycle_on(&text, scenario, "other")
}

/// The same on another environment: the shipped one's text, changed.
pub(crate) fn cycle_on(environment: &str, scenario: &str, profile: &str) -> Ran {
    let environment =
        vocabulary::parse_environment("embedded.yaml", environment).expect("a valid environment");
    let stack = lower::stack(&environment, profile).expect("the profile is valid");
    cycle_in(&environment, &stack, scenario, &shipped_document())
}

fn cycle_in(environment: &Source, stack: &Stack, scenario: &str, document: &str) -> Ran {
    run(environment, stack, &plan_of(scenario, stack), document)
}

/// The text of the shipped embedded environment.
pub(crate) fn shipped_text() -> String {
    std::fs::read_to_string(root().join("environments/embedded.yaml")).expect("an environment")
}

/// The shipped embedded environment, and its stack under a profile.
pub(crate) fn embedded(profile: &str) -> (Source, Stack) {
    let environment = shipped_environment();
    let stack = lower::stack(&environment, profile).expect("the profile is valid");
    (environment, stack)
}

/// The shipped embedded environment.
pub(crate) fn shipped_environment() -> Source {
    vocabulary::read_environment(&root().join("environments/embedded.yaml"))
        .expect("the shipped environment is valid")
}

/// Runs a plan on a stack of the embedded environment, against a document.
pub(crate) fn run(environment: &Source, stack: &Stack, plan: &Plan, document: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let cycle_folder = folder.path().join("cycle");
    let applications = Arc::new(phoenix_applications::make);
    run_in(
        &cycle_folder,
        (environment, stack, plan),
        document,
        applications,
    );
    let lines: Vec<Line<Event>> = journal::read(&cycle_folder.join("journal.jsonl"))
        .expect("a journal")
        .lines;
    let view = View::new(&[lines]).cycles.remove(0);
    Ran {
        view,
        left: cycle_folder.join("stack").exists(),
        folder,
    }
}

/// The same, into a folder that must not exist, with these clients of applications.
pub(crate) fn run_in(
    cycle_folder: &Path,
    (environment, stack, plan): (&Source, &Stack, &Plan),
    document: &str,
    applications: ApplicationMaker,
) {
    let document = Document::from_bytes("PHOENIX.md", document.as_bytes()).expect("a document");
    let mapping = phoenix::judge::mapping(environment, stack);
    let judge = phoenix::judge::over("test", "embedded", vec![document], mapping);
    std::fs::create_dir(cycle_folder).expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let embedded = Embedded::new("test", "0badcafe", stack.clone(), cycle_folder)
            .await
            .expect("a stack");
        run_cycle(CycleInput {
            started: started(stack, &plan.scenario),
            plan,
            stack,
            environment: &embedded,
            applications,
            judge,
            folder: cycle_folder,
            progress: &Silent,
            cancel: tokio_util::sync::CancellationToken::new(),
        })
        .await
        .expect("evidence can be written");
    });
}

/// The first plan of a scenario text on a stack.
pub(crate) fn plan_of(scenario: &str, stack: &Stack) -> Plan {
    let source = vocabulary::parse_scenario("test.yaml", scenario).expect("a valid scenario");
    lower::plans(&source, stack)
        .expect("a valid plan")
        .remove(0)
}

fn started(stack: &Stack, scenario: &str) -> CycleStarted {
    let file = |name: &str| NamedFile {
        name: name.to_owned(),
        title: name.to_owned(),
        path: name.to_owned(),
        blake3: String::new(),
        text: String::new(),
    };
    CycleStarted {
        run: "test".to_owned(),
        cycle: "test".to_owned(),
        nonce: "0badcafe".to_owned(),
        seed: 7,
        scenario: file(scenario),
        environment: file("embedded"),
        profile: stack.profile.clone(),
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
