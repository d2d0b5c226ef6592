//! The same on an engine: after a kill and a `reap` it has nothing of that run any more, and everything
//! of any other.

use std::process::Command;
use std::time::Instant;

use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::drill::{Drill, Killed, Live, name, wait_for};

pub(crate) const RUN: [&str; 6] = ["run", "short", "--env", "database", "--seed", "7"];
/// Needed to be here: a database's image, and the gate's.
const IMAGES: [&str; 2] = [
    "phoenix.local/postgres:current",
    "phoenix.local/socat:current",
];
/// Kinds of things, and how each is listed with its labels.
const KINDS: [(&str, &[&str]); 3] = [
    ("container", &["container", "ls", "--all"]),
    ("volume", &["volume", "ls"]),
    ("network", &["network", "ls"]),
];

/// What a `docker` command prints.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Whether the test can be made here; where Docker is required it must.
pub(crate) fn possible() -> bool {
    are_there(&IMAGES)
}

/// Whether images are on the engine; where Docker is required they must.
pub(crate) fn are_there(images: &[&str]) -> bool {
    for image in images {
        if let Err(why) = docker(&["image", "inspect", image]) {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(!required.contains("docker"), "Docker is required: {why}");
            eprintln!("skipped: {image} is not there: {why}");
            return false;
        }
    }
    true
}

/// Everything on the engine whose label says that it is of this run.
pub(crate) fn of(run: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, list) in KINDS {
        let format = "{{.Labels}}";
        let ours = ["--filter", "label=phoenix.run", "--format", format];
        let all = docker(&[list, &ours[..]].concat()).expect("a list");
        let mine = format!("phoenix.run={run}-");
        let mine = all.lines().filter(|labels| labels.contains(&mine));
        found.extend(mine.map(|_| kind.to_owned()));
    }
    found
}

/// Volumes of the containers of a run, those without a name among them: they have no label.
fn volumes(run: &str) -> Vec<String> {
    let format = "{{.ID}} {{.Labels}}";
    let all = docker(&["ps", "-a", "--no-trunc", "--format", format]).expect("a list");
    let mine = format!("phoenix.run={run}-");
    let ids = all.lines().filter(|line| line.contains(&mine));
    ids.filter_map(|line| line.split(' ').next())
        .filter_map(|id| {
            let mounts = "{{range .Mounts}}{{.Name}} {{end}}";
            docker(&["inspect", "--format", mounts, id]).ok()
        })
        .flat_map(|names| {
            names
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A container, a volume and a network under the label of somebody else; gone with the value.
struct Strangers {
    name: String,
}

impl Strangers {
    fn of(run: &str) -> Self {
        let name = format!("{run}-0badcafe").to_lowercase();
        let label = format!("phoenix.run={run}-0badcafe");
        docker(&["volume", "create", "--label", &label, &name]).expect("a volume");
        docker(&["network", "create", "--internal", "--label", &label, &name]).expect("a network");
        let mount = format!("{name}:/kept");
        let create = ["create", "--name", &name, "--label", &label, "-v", &mount];
        docker(&[&create[..], &["--network", "none", IMAGES[1]]].concat()).expect("a container");
        Self { name }
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        for words in [
            &["rm", "-f", "-v"][..],
            &["volume", "rm"],
            &["network", "rm"],
        ] {
            let _gone = docker(&[words, &[self.name.as_str()]].concat());
        }
    }
}

/// Kills a run at the start of a step, once something of it is on the engine, and reaps.
fn killed_at(drill: &Drill, step: &str) -> Killed {
    let mut live = drill.start(&RUN);
    live.wait_for(&format!("{{\"step-started\":{{\"step\":\"{step}\"}}}}"));
    if step == "01-build" {
        // In the middle of the tool's work: it lives on, and makes what nobody waits for.
        let run = name(&live.folder);
        wait_for("a container", || {
            of(&run).contains(&"container".to_owned()).then_some(())
        });
    }
    reaped(drill, live, step)
}

/// Kills a run and reaps it: the engine has nothing of it any more.
fn reaped(drill: &Drill, live: Live, when: &str) -> Killed {
    let run = name(&live.folder);
    let volumes = volumes(&run);
    let killed = live.kill();
    drill.reap(&killed);
    assert_eq!(of(&run), [""; 0], "killed at {when}");
    for volume in volumes {
        let there = docker(&["volume", "inspect", &volume]);
        assert!(
            there.is_err(),
            "the volume {volume} is left: killed at {when}"
        );
    }
    killed
}

/// Takes a run up again, which comes to what the scenario's seeds and the policy of the profile come
/// to when nobody kills, and cleans up after itself.
fn comes_to_its_verdict(drill: &Drill, killed: &Killed, when: &str) {
    let run = name(&killed.folder);
    let said = drill.phoenix(&["run", "--resume", &run, "--format", "json"]);
    let verdict = Drill::verdict(&said);
    let cycle = &verdict["cycles"][0];
    assert_eq!(
        cycle["answers"],
        json!(["recovered", "agrees", 0]),
        "killed at {when}: {}",
        said.err
    );
    let counts = json!({ "ledger": { "survived": 3, "lost-in-window": 2 } });
    assert_eq!(cycle["stores"], counts, "killed at {when}");
    assert_eq!(of(&run), [""; 0], "killed at {when}");
    drill.nothing_is_left(killed);
}

#[test]
fn containers_of_a_killed_run_go_and_it_comes_to_its_verdict() {
    if !possible() {
        return;
    }
    let drill = Drill::in_containers();
    let killed = killed_at(&drill, "01-build");
    comes_to_its_verdict(&drill, &killed, "01-build");
}

/// A backup has helpers, a destroy has left half of a stack, a rebuild has begun another.
fn killed_at_each(steps: &[&str]) {
    if possible() {
        let drill = Drill::in_containers();
        for step in steps {
            killed_at(&drill, step);
        }
    }
}

#[test]
fn nothing_is_left_of_one_of_the_first_steps() {
    killed_at_each(&["02-steady-state", "03-seed", "04-backup", "05-seed"]);
}

#[test]
fn nothing_is_left_of_one_of_the_last_steps() {
    killed_at_each(&[
        "06-destroy",
        "07-rebuild",
        "08-restore",
        "09-start",
        "10-check",
    ]);
}

/// Kills a run at moments that no event tells, and takes every other one up again.
fn killed_at_random(seed: u64, kills: u32) {
    if !possible() {
        return;
    }
    let drill = Drill::in_containers();
    let began = Instant::now();
    let unbroken = drill.phoenix(&RUN);
    assert_eq!(unbroken.code, Some(0), "{}", unbroken.err);
    let took = began.elapsed();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    for kill in 0..kills {
        let after = took.mul_f64(random.gen_range(0.0..0.9));
        let when = format!("seed {seed}, kill {kill}, {after:?} after the start");
        let live = drill.start(&RUN).held();
        // The moment itself is what is tried here: no event tells it.
        std::thread::sleep(after);
        let killed = reaped(&drill, live, &when);
        if kill % 2 == 0 && killed.has_a_record() {
            comes_to_its_verdict(&drill, &killed, &when);
        }
    }
}

#[test]
fn killed_at_random_moments_1() {
    killed_at_random(1, 3);
}

#[test]
fn killed_at_random_moments_2() {
    killed_at_random(2, 3);
}

#[test]
fn things_of_a_run_that_lives_are_not_reaped_nor_those_of_nobody() {
    if !possible() {
        return;
    }
    let drill = Drill::in_containers();
    let mut beside = drill.start(&["run", "waiting", "--env", "small", "--profile", "whole"]);
    beside.wait_for("{\"step-started\":{\"step\":\"05-run\"}}");
    let alive = name(&beside.folder);
    let nobody = "19700101T000000Z-00000a";
    let strangers = [Strangers::of(&alive), Strangers::of(nobody)];
    let killed = killed_at(&drill, "01-build");
    let said = drill.phoenix(&["reap"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for run in [alive.as_str(), nobody] {
        assert_eq!(of(run), ["container", "volume", "network"], "{run}");
    }
    assert!(said.out.contains("made it; left alone"), "{}", said.out);
    assert_ne!(alive, name(&killed.folder));
    // Dead, it is like any other.
    let dead = beside.kill();
    let said = drill.phoenix(&["reap", &alive]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(of(&alive), [""; 0]);
    assert_eq!(of(nobody).len(), 3, "nobody's stays");
    drill.nothing_is_left(&dead);
    drop(strangers);
}
