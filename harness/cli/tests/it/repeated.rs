//! `--seed`: the same number, the same canaries, the same payloads, the same random choices.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Project;

const SCENARIO: &str = "scenario: points
profile: target
steps:
  - seed: { canaries: 4, pairs: 4, direct: 1 }
  - backup: all
  - backup: all
  - backup: all
  - destroy: all
  - rebuild: all
  - restore: { point: random }
  - check: [survival]
";

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// Every canary, as declared.
    declared: Vec<String>,
    /// Which of its recovery points each store was restored from, counted from 0.
    points: BTreeSet<(String, usize)>,
    /// Digests of the files of pairs in the vault: names and moments differ, bytes do not.
    files: BTreeSet<String>,
}

/// Length of the file of a pair, as the engine writes it.
const FILE_LEN: u64 = 6000;

fn run(seed: &str) -> Left {
    let project = Project::shipped();
    project.write("points.yaml", SCENARIO);
    let said = project.phoenix(&["run", "points.yaml", "--seed", seed, "--runs-dir", "runs"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let cycle = only_folder(&only_folder(&project.path("runs")));
    let ledger = fs::read_to_string(cycle.join("ledger.jsonl")).expect("a ledger");
    // Services write at once: each canary is the same one, and comes when its turn comes.
    let mut declared: Vec<String> = ledger
        .lines()
        .filter(|line| line.starts_with("{\"declared\""))
        .map(str::to_owned)
        .collect();
    declared.sort();
    let journal = fs::read_to_string(cycle.join("journal.jsonl")).expect("a journal");
    let events: Vec<Value> = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event"].clone())
        .collect();
    let points = events
        .iter()
        .filter_map(|event| event.get("restored"))
        .map(|restored| {
            let store = restored["store"].as_str().expect("a store").to_owned();
            let point = restored["point"].as_str().expect("a point");
            let mut kept: Vec<String> = folders(&cycle.join("vault").join(&store))
                .iter()
                .map(|path| {
                    path.file_name()
                        .expect("a name")
                        .to_string_lossy()
                        .into_owned()
                })
                .collect();
            kept.sort();
            let at = kept.iter().position(|name| name == point);
            (store, at.expect("a point of the vault"))
        })
        .collect();
    let mut files = BTreeSet::new();
    digests(&cycle.join("vault"), &mut files);
    Left {
        declared,
        points,
        files,
    }
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect()
}

fn only_folder(folder: &Path) -> PathBuf {
    let mut found = folders(folder);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn digests(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            digests(&path, into);
        } else if entry.metadata().expect("a file").len() == FILE_LEN {
            let bytes = fs::read(&path).expect("bytes");
            into.insert(blake3::hash(&bytes).to_hex().to_string());
        }
    }
}

#[test]
fn a_run_can_be_repeated_by_its_seed() {
    // Of three points, these seeds choose the second and the third.
    let (first, again, other) = (run("7"), run("7"), run("8"));
    assert!(
        !first.points.is_empty() && !first.files.is_empty(),
        "{first:?}"
    );
    assert_eq!(first, again);
    assert_ne!(first.points, other.points);
    assert!(first.files.is_disjoint(&other.files), "other payloads");
}
