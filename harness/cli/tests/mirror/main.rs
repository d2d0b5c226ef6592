//! The shipped scenario on the shipped mirror: real engines, real dumps, the air-gapped images.
//!
//! What the embedded environment says of a claim, the mirror has to say too: the same scenario, the
//! same document, another level of evidence. Where the two differ, one of them does not do what
//! the stack does.
#![allow(
    clippy::print_stderr,
    reason = "a skipped test says so, and a cycle of minutes shows its progress"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
};
use serde_json::Value;

/// The label of everything that a run makes.
const RUN: &str = "phoenix.run";

#[test]
fn today_is_what_the_document_admits() {
    let Some(mirror) = Ran::cycle("compose", "today") else {
        return;
    };
    assert_eq!(mirror.answers(), ("not-recovered", "agrees", 0));
    mirror.is_as_embedded("today");
}

#[test]
fn dev_is_red() {
    let Some(mirror) = Ran::cycle("compose", "dev") else {
        return;
    };
    assert_eq!(mirror.answers(), ("not-recovered", "disagrees", 1));
    mirror.is_as_embedded("dev");
}

#[test]
fn target_loses_nothing() {
    let Some(mirror) = Ran::cycle("compose", "target") else {
        return;
    };
    assert_eq!(mirror.answers(), ("recovered", "agrees", 0));
    mirror.is_as_embedded("target");
}

/// A run of `full-phoenix` that ended.
struct Ran {
    /// `gaps --format json` of it.
    gaps: Value,
    exit: i32,
    _runs: tempfile::TempDir,
}

impl Ran {
    /// Runs it; nothing where images of this checkout are not on an engine, and that may be.
    fn cycle(environment: &str, profile: &str) -> Option<Self> {
        if environment == "compose"
            && let Err(why) = images()
        {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(
                !required.contains("docker"),
                "the mirror is required: {why}"
            );
            eprintln!("skipped: {why}; `phoenix images build` makes them");
            return None;
        }
        let runs = tempfile::tempdir().expect("a folder");
        let said = phoenix(
            runs.path(),
            &[
                "run",
                "full-phoenix",
                "--env",
                environment,
                "--profile",
                profile,
            ],
        );
        let talk = String::from_utf8_lossy(&said.stderr).into_owned();
        eprintln!("{talk}");
        let told = phoenix(runs.path(), &["gaps", "--format", "json"]);
        let gaps = serde_json::from_slice(&told.stdout).unwrap_or_else(|why| {
            panic!("no register: {why}; {talk}");
        });
        let ran = Self {
            gaps,
            exit: said.status.code().unwrap_or(-1),
            _runs: runs,
        };
        if environment == "compose" {
            let left = left_of(ran.gaps["run"].as_str().expect("a run"));
            assert!(left.is_empty(), "left of the run: {left:?}");
        }
        Some(ran)
    }

    fn only(&self) -> &Value {
        let cycles = self.gaps["cycles"].as_array().expect("cycles");
        assert_eq!(cycles.len(), 1, "one cycle was asked for");
        &cycles[0]
    }

    /// Did it recover, does the document agree, and the exit code.
    fn answers(&self) -> (&str, &str, i32) {
        let text = |name: &str| self.only()[name].as_str().unwrap_or_default();
        (text("recovery"), text("agreement"), self.exit)
    }

    /// Each claim with its status, in the words of the register.
    fn register(&self) -> Vec<String> {
        let lines = self.only()["register"]["lines"].as_array();
        let lines = lines.expect("a register");
        assert!(lines.len() > 30, "the register has all claims");
        lines
            .iter()
            .map(|line| format!("{}: {}", line["title"], line["wording"]))
            .collect()
    }

    fn is_as_embedded(&self, profile: &str) {
        let embedded = Self::cycle("embedded", profile).expect("it needs nothing");
        let level = self.only()["register"]["level"].as_str();
        assert_eq!(level, Some("mirror-understudies"), "another level");
        let (mut here, mut there) = (self.register(), embedded.register());
        here.sort();
        there.sort();
        assert_eq!(here, there, "the register of compose, and of embedded");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn phoenix(runs: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phoenix"));
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("PHOENIX_RUNS_DIR", runs)
        .current_dir(root());
    // The test command brings version 2 of Compose by this where the machine has version 1 only: one
    // of the profiles is to run with that one.
    if arguments.contains(&"dev") {
        command.env_remove("DOCKER_CONFIG");
    }
    command.output().expect("it runs")
}

/// Whether every image is there, of the recipes and programs that this checkout has.
fn images() -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let said = phoenix(folder.path(), &["images", "list", "--format", "json"]);
    let list: Value = serde_json::from_slice(&said.stdout)
        .map_err(|_| String::from_utf8_lossy(&said.stderr).into_owned())?;
    let missing: Vec<&str> = list["images"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|image| image["present"] != true)
        .filter_map(|image| image["name"].as_str())
        .collect();
    match (said.status.success(), missing.as_slice()) {
        (false, _) => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
        (true, []) => Ok(()),
        (true, missing) => Err(format!("images are not there: {}", missing.join(", "))),
    }
}

/// Everything on the engine that carries the label of a run.
fn left_of(run: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let docker = Docker::connect_with_defaults().expect("an engine");
        let docker = docker.negotiate_version().await.expect("an engine");
        let filters = std::collections::HashMap::from([("label", vec![RUN])]);
        let mut left = Vec::new();
        let mut note = |labels: Option<std::collections::HashMap<String, String>>, name: String| {
            let of_run = labels
                .and_then(|labels| labels.get(RUN).cloned())
                .is_some_and(|label| label.to_lowercase().starts_with(&run.to_lowercase()));
            if of_run {
                left.push(name);
            }
        };
        let all = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters);
        for one in docker
            .list_containers(Some(all.build()))
            .await
            .expect("containers")
        {
            note(
                one.labels,
                format!("container {}", one.id.unwrap_or_default()),
            );
        }
        let all = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = docker.list_volumes(Some(all)).await.expect("volumes");
        for one in volumes.volumes.unwrap_or_default() {
            note(Some(one.labels), format!("volume {}", one.name));
        }
        let all = ListNetworksOptionsBuilder::new().filters(&filters).build();
        for one in docker.list_networks(Some(all)).await.expect("networks") {
            note(
                one.labels,
                format!("network {}", one.name.unwrap_or_default()),
            );
        }
        left
    })
}
