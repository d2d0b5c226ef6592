//! One cycle of a run: its driver, what it is started with, and its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use phoenix_compose::Compose;
use phoenix_embedded::Embedded;
use phoenix_engine::environment::Environment;
use phoenix_engine::lower;
use phoenix_engine::plan::Plan;
use phoenix_engine::run::{CycleInput, run_cycle};
use phoenix_engine::stack::Stack;
use phoenix_evidence::journal::event::{
    BrokenAttempt, CycleFinished, CycleStarted, NamedFile, ServiceInfo, StoreInfo,
};
use phoenix_language::Source;
use tokio_util::sync::CancellationToken;

use super::prepare::Prepared;
use crate::arguments::RunArguments;
use crate::error::Error;
use crate::judge;
use crate::progress::Shown;

/// One cycle of a run.
pub(super) struct One<'a> {
    pub(super) run: &'a str,
    /// Of this attempt at it.
    pub(super) folder: PathBuf,
    pub(super) number: usize,
    pub(super) of: usize,
    pub(super) seed: u64,
    pub(super) environment: &'a Source,
    pub(super) ready: &'a Prepared,
    pub(super) plan: &'a Plan,
    pub(super) arguments: &'a RunArguments,
    pub(super) shown: &'a Shown,
    pub(super) cancel: CancellationToken,
    pub(super) broken: Vec<BrokenAttempt>,
}

impl One<'_> {
    pub(super) async fn cycle(&self) -> Result<CycleFinished, Error> {
        let began = Instant::now();
        let stack = &self.ready.stack;
        self.shown.cycle_begins(
            &stack.profile,
            &format!(
                "{} under {} of {} ({} of {}, --seed {})",
                self.plan.scenario,
                stack.profile,
                stack.environment,
                self.number,
                self.of,
                self.seed
            ),
        );
        let folder = &self.folder;
        let internal = |why: String| Error::Internal {
            why,
            journal: Some(folder.join("journal.jsonl")),
        };
        std::fs::create_dir(folder)
            .map_err(|why| internal(format!("{}: {why}", folder.display())))?;
        // Links between the folders of a stack hold from wherever they are read.
        let whole = std::fs::canonicalize(folder)
            .map_err(|why| internal(format!("{}: {why}", folder.display())))?;
        let documents = judge::documents(self.environment, &self.arguments.document)?;
        let files = documents
            .iter()
            .map(|document| {
                let text = std::fs::read_to_string(&document.path).unwrap_or_default();
                NamedFile {
                    name: document.title.clone().unwrap_or_default(),
                    title: document.title.clone().unwrap_or_default(),
                    path: document.path.clone(),
                    blake3: blake3::hash(text.as_bytes()).to_hex().to_string(),
                    text,
                }
            })
            .collect();
        let mapping = judge::mapping(self.environment, stack);
        let judge = judge::over(self.run, &stack.environment, documents, mapping);
        let nonce = format!("{:08x}", rand::random::<u32>());
        let environment = self.driver(&nonce, &whole).await?;
        let started = self.started(files, &nonce, environment.as_ref());
        let (stack, plan) = self.here(stack, &environment.cannot_run())?;
        let finished = run_cycle(CycleInput {
            started,
            plan: &plan,
            stack: &stack,
            environment: environment.as_ref(),
            applications: Arc::new(phoenix_applications::make),
            judge,
            folder,
            progress: self.shown,
            cancel: self.cancel.clone(),
        })
        .await;
        let finished = match finished {
            Ok(finished) => finished,
            Err(why) => {
                // Without evidence nothing is concluded; what runs is stopped all the same.
                let left = match environment.reap().await {
                    Ok(()) => String::new(),
                    Err(left) => {
                        format!("\n{left}: `phoenix reap {}` removes what is left", self.run)
                    }
                };
                return Err(internal(format!("{why}{left}")));
            }
        };
        self.shown
            .cycle_ends(&finished.recovery, &finished.agreement, began.elapsed());
        Ok(finished)
    }

    /// The stack and the plan without services that cannot run where the driver is.
    fn here(
        &self,
        stack: &Stack,
        absent: &BTreeMap<String, String>,
    ) -> Result<(Stack, Plan), Error> {
        if absent.is_empty() {
            return Ok((stack.clone(), self.plan.clone()));
        }
        let stack = stack.clone().without(absent);
        let mut plans = lower::plans(&self.ready.scenario, &stack)?;
        let all = self.ready.plans.iter();
        let at = all.take_while(|one| !std::ptr::eq(*one, self.plan)).count();
        // The same file over fewer services has as many plans.
        let plan = plans.swap_remove(at.min(plans.len().saturating_sub(1)));
        Ok((stack, plan))
    }

    /// The driver that the environment file names.
    async fn driver(&self, nonce: &str, folder: &Path) -> Result<Box<dyn Environment>, Error> {
        let stack = self.ready.stack.clone();
        let voice = self.shown.voice();
        let made: Result<Box<dyn Environment>, _> = match stack.driver.name.as_str() {
            "compose" => Compose::new(self.run, nonce, stack, folder, &|words| voice.says(words))
                .await
                .map(|driver| Box::new(driver) as _),
            _ => Embedded::new(self.run, nonce, stack, folder)
                .await
                .map(|driver| Box::new(driver) as _),
        };
        made.map_err(|why| Error::Environment(why.to_string()))
    }

    fn started(
        &self,
        documents: Vec<NamedFile>,
        nonce: &str,
        driver: &dyn Environment,
    ) -> CycleStarted {
        let stack: &Stack = &self.ready.stack;
        let info = lower::info(&self.ready.scenario);
        let (commit, dirty) = commit();
        let mut versions: BTreeMap<String, String> = driver.versions();
        versions.insert("phoenix".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        versions.insert("commit".to_owned(), commit);
        CycleStarted {
            run: self.run.to_owned(),
            cycle: format!("{} {}", self.number, stack.profile),
            nonce: nonce.to_owned(),
            seed: self.seed,
            scenario: NamedFile {
                name: self.plan.scenario.clone(),
                title: info.title,
                path: self.ready.scenario.file.clone(),
                blake3: blake3::hash(self.ready.scenario.text.as_bytes())
                    .to_hex()
                    .to_string(),
                text: self.ready.scenario.text.clone(),
            },
            environment: NamedFile {
                name: stack.environment.clone(),
                title: stack.environment.clone(),
                path: self.environment.file.clone(),
                blake3: blake3::hash(self.environment.text.as_bytes())
                    .to_hex()
                    .to_string(),
                text: self.environment.text.clone(),
            },
            profile: stack.profile.clone(),
            level: driver.level(),
            documents,
            versions,
            dirty,
            rto_s: stack.objectives.rto.map(|rto| rto.as_secs_f64()),
            rpo_s: stack.objectives.rpo.map(|rpo| rpo.as_secs_f64()),
            manual_steps: stack.objectives.manual_steps,
            services: stack
                .services
                .iter()
                .map(|service| ServiceInfo {
                    name: service.name.clone(),
                    app: service.app.clone(),
                    needs: service.needs.clone(),
                })
                .collect(),
            stores: stack
                .stores
                .iter()
                .map(|store| StoreInfo {
                    name: store.name.clone(),
                    kind: store.engine.clone(),
                    policy: store.policy.to_string(),
                    losable: store.losable,
                })
                .collect(),
            secrets: stack
                .secrets
                .iter()
                .map(|secret| {
                    let word = if secret.preserved {
                        "preserved"
                    } else {
                        "regenerated"
                    };
                    (secret.name.clone(), word.to_owned())
                })
                .collect(),
            host: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            egress: driver.egress(),
            broken: self.broken.clone(),
        }
    }
}

/// The commit that the project is at, and whether its tree is dirty. Without git nothing is known,
/// and what is not known to be clean counts as dirty.
fn commit() -> (String, bool) {
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git")
            .args(arguments)
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    };
    let commit = git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let dirty = git(&["status", "--porcelain"]).is_none_or(|status| !status.is_empty());
    (commit, dirty)
}
