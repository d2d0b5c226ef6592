//! `run`: cycles, one after another, and the report over all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
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
    CycleFinished, CycleStarted, NamedFile, ServiceInfo, StoreInfo,
};
use phoenix_language::Source;
use phoenix_reports::View;
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use super::prepare::{Prepared, prepare};
use super::reap::Alive;
use super::report::draw;
use crate::arguments::{Format, ReportFormat, Require, RunArguments};
use crate::error::Error;
use crate::progress::{Shown, Voice};
use crate::project::{Project, journals};
use crate::{defect, exit, judge, terminal};

/// The signal that a file has reached the limit of its size, on Linux.
const SIGXFSZ: i32 = 25;

pub(crate) fn run(arguments: &RunArguments) -> Result<u8, Error> {
    let (environment, prepared) = prepare(&arguments.chosen)?;
    if let Some(ready) = prepared.first() {
        let loose = judge::loose_ties(&environment, &ready.stack, &arguments.document)?;
        terminal::talk(&loose.render(terminal::colour(&std::io::stderr())));
    }
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let (run, folder) = new_run(&runs)?;
    let _alive = Alive::say(&folder).map_err(|why| Error::Internal {
        why: format!("{} cannot be locked: {why}", folder.display()),
        journal: None,
    })?;
    let runtime = tokio::runtime::Runtime::new().map_err(|why| Error::Internal {
        why: format!("threads cannot be had: {why}"),
        journal: None,
    })?;
    let shown = Shown::new();
    let cancel = interruptible(&runtime, shown.voice());
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let of = prepared.iter().map(|ready| ready.plans.len()).sum();
    let mut finished = Vec::new();
    let mut number = 0;
    for ready in &prepared {
        for plan in &ready.plans {
            if cancel.is_cancelled() {
                break;
            }
            number += 1;
            let one = One {
                run: &run,
                folder: &folder,
                number,
                of,
                seed,
                environment: &environment,
                ready,
                plan,
                arguments,
                shown: &shown,
                cancel: cancel.clone(),
            };
            let journal = one.folder().join("journal.jsonl");
            let cycle = defect::caught(Some(&journal), || runtime.block_on(one.cycle()));
            finished.push(cycle.and_then(|cycle| cycle)?);
        }
    }
    drop(shown);
    conclude(&folder, &finished, arguments)
}

/// A token that Ctrl-C cancels.
fn interruptible(runtime: &tokio::runtime::Runtime, voice: Voice) -> CancellationToken {
    // A file that may not grow is an error to be told, and not the end of the process.
    let _limit = {
        let _within = runtime.enter();
        tokio::signal::unix::signal(SignalKind::from_raw(SIGXFSZ))
    };
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            voice.says("interrupted: stopping in order; what was done is in the journal");
            token.cancel();
        }
    });
    cancel
}

/// A folder for a run, by its moment and a few letters that nothing else has.
fn new_run(runs: &Path) -> Result<(String, PathBuf), Error> {
    let now = jiff::Timestamp::now()
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let run = format!("{now}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    let folder = runs.join(&run);
    std::fs::create_dir_all(&folder).map_err(|why| {
        Error::usage(
            format!("a run cannot be kept in {}: {why}", runs.display()),
            "choose a folder that can be written with --runs-dir",
        )
    })?;
    Ok((run, folder))
}

/// One cycle of a run.
struct One<'a> {
    run: &'a str,
    folder: &'a Path,
    number: usize,
    of: usize,
    seed: u64,
    environment: &'a Source,
    ready: &'a Prepared,
    plan: &'a Plan,
    arguments: &'a RunArguments,
    shown: &'a Shown,
    cancel: CancellationToken,
}

impl One<'_> {
    fn folder(&self) -> PathBuf {
        let slug: String = format!(
            "{:02}-{}-{}",
            self.number, self.plan.scenario, self.ready.stack.profile
        )
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
        self.folder.join(slug)
    }

    async fn cycle(&self) -> Result<CycleFinished, Error> {
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
        let folder = self.folder();
        let internal = |why: String| Error::Internal {
            why,
            journal: Some(folder.join("journal.jsonl")),
        };
        std::fs::create_dir(&folder)
            .map_err(|why| internal(format!("{}: {why}", folder.display())))?;
        // Links between the folders of a stack hold from wherever they are read.
        let whole = std::fs::canonicalize(&folder)
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
        let finished = run_cycle(CycleInput {
            started,
            plan: self.plan,
            stack,
            environment: environment.as_ref(),
            applications: Arc::new(phoenix_applications::make),
            judge,
            folder: &folder,
            progress: self.shown,
            cancel: self.cancel.clone(),
        })
        .await
        .map_err(|why| internal(why.to_string()))?;
        self.shown
            .cycle_ends(&finished.recovery, &finished.agreement, began.elapsed());
        Ok(finished)
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

/// Writes the reports and prints the answers; the exit code of the whole run is that of its worst
/// cycle: a finding before not knowing.
fn conclude(
    folder: &Path,
    finished: &[CycleFinished],
    arguments: &RunArguments,
) -> Result<u8, Error> {
    let view = View::new(&journals(folder)?);
    for (name, format) in [
        ("report.html", ReportFormat::Html),
        ("report.md", ReportFormat::Markdown),
        ("report.json", ReportFormat::Json),
        ("report.xml", ReportFormat::Junit),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, draw(&view, format)?).map_err(|why| Error::Internal {
            why: format!("{} cannot be written: {why}", path.display()),
            journal: None,
        })?;
    }
    match arguments.format {
        Format::Json => terminal::data(&draw(&view, ReportFormat::Json)?)?,
        Format::Text => terminal::data(&summary(folder, &view))?,
    }
    let codes = finished.iter().map(|cycle| {
        let recovery = match cycle.recovery.as_str() {
            _ if arguments.require != Some(Require::Recovery) => 0,
            "recovered" => 0,
            "not-recovered" => 1,
            _ => 3,
        };
        [cycle.exit, recovery]
    });
    Ok(exit::worst(codes.flatten()))
}

/// The two answers of each cycle, and where to read more.
fn summary(folder: &Path, view: &View) -> String {
    let mut out = String::new();
    for cycle in &view.cycles {
        let _infallible = writeln!(
            out,
            "{} under {}\n  did the stack recover?       {}\n  does the document agree?     {}\n  {}\n",
            cycle.started.scenario.name,
            cycle.started.profile,
            cycle.recovery().replace('-', " "),
            cycle.agreement().replace('-', " "),
            cycle.sentence()
        );
    }
    let _infallible = writeln!(
        out,
        "report: {}\nclaims: phoenix gaps {}",
        folder.join("report.html").display(),
        view.run
    );
    out
}
