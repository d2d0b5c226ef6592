//! A small project whose runs are killed: started, watched by their journals, killed, and looked at
//! afterwards as a stranger would, by processes, ports and files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use phoenix_evidence::journal::event::Event;
use phoenix_evidence::{journal, ledger};
use serde_json::{Value, json};

use crate::host::{files, listening, processes_of, sockets_of};

/// Longest wait for anything: the machine may have much else to do.
const PATIENCE: Duration = Duration::from_secs(100);
/// Between two looks at a file: short against a step.
const LOOK: Duration = Duration::from_millis(1);

/// The project of `fixtures/killed`, in a folder of its own.
pub(crate) struct Drill {
    folder: tempfile::TempDir,
    /// Variables of its commands.
    variables: Vec<(String, String)>,
}

/// A run under way.
pub(crate) struct Live {
    pub(crate) child: Child,
    pub(crate) folder: PathBuf,
}

/// What a killed run left to be compared with.
pub(crate) struct Killed {
    pub(crate) folder: PathBuf,
    /// Evidence by its path.
    evidence: BTreeMap<PathBuf, Vec<u8>>,
    /// Sockets that it listened on.
    sockets: BTreeSet<u64>,
}

/// How a command ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Waits until there is something.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(LOOK);
    }
}

impl Drill {
    pub(crate) fn new() -> Self {
        Self::of(&[
            ("environment.yaml", "environments/small.yaml"),
            ("scenario.yaml", "scenarios/short.yaml"),
            ("waiting.yaml", "scenarios/waiting.yaml"),
            ("PHOENIX.md", "PHOENIX.md"),
        ])
    }

    /// The project with `fixtures/killed/containers` beside it.
    pub(crate) fn in_containers() -> Self {
        Self::of(&[
            ("environment.yaml", "environments/small.yaml"),
            ("waiting.yaml", "scenarios/waiting.yaml"),
            ("PHOENIX.md", "PHOENIX.md"),
            ("containers/environment.yaml", "environments/database.yaml"),
            ("containers/compose.yaml", "environments/compose.yaml"),
            ("containers/airgapped.yaml", "environments/airgapped.yaml"),
            ("containers/scenario.yaml", "scenarios/short.yaml"),
        ])
    }

    /// The project of `fixtures/troubled`, whose run is named `short` here too.
    pub(crate) fn in_trouble() -> Self {
        Self::of(&[
            ("PHOENIX.md", "PHOENIX.md"),
            ("containers/scenario.yaml", "scenarios/short.yaml"),
            ("../troubled/environment.yaml", "environments/troubled.yaml"),
            ("../troubled/compose.yaml", "environments/compose.yaml"),
        ])
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/killed");
        for part in ["environments", "scenarios", "tmp"] {
            fs::create_dir(folder.path().join(part)).expect("a folder");
        }
        for (from, to) in files {
            fs::copy(fixtures.join(from), folder.path().join(to)).expect("a copy");
        }
        Self {
            folder,
            variables: Vec::new(),
        }
    }

    /// Sets a variable for the commands from now on; the last one counts.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("phoenix"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TMPDIR", self.path("tmp"))
            .env("PHOENIX_RUNS_DIR", "runs")
            .env("NO_COLOR", "1")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn phoenix(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("it runs");
        Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn runs(&self) -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(self.path("runs")).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    }

    /// Starts a run, and waits for its folder.
    pub(crate) fn start(&self, arguments: &[&str]) -> Live {
        let before = self.runs();
        let child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.path("talk")).expect("a file"))
            .spawn()
            .expect("it starts");
        let folder = wait_for("the folder of a run", || {
            self.runs().difference(&before).next().cloned()
        });
        Live { child, folder }
    }

    /// Takes a run up again, to be killed once more.
    pub(crate) fn start_again(&self, killed: &Killed) -> Live {
        let child = self
            .command(&["run", "--resume", &name(&killed.folder)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Live {
            child,
            folder: killed.folder.clone(),
        }
    }

    /// Verdicts of the cycles of a run to its end, and its exit code.
    pub(crate) fn verdict(said: &Said) -> Value {
        let report: Value = serde_json::from_str(&said.out)
            .unwrap_or_else(|why| panic!("{why}: {}{}", said.out, said.err));
        let cycles = report["cycles"].as_array().expect("cycles");
        let cycles: Vec<Value> = cycles
            .iter()
            .map(|cycle| {
                let end = &cycle["finished"];
                json!({
                    "scenario": cycle["started"]["scenario"]["name"],
                    "profile": cycle["started"]["profile"],
                    "answers": [end["recovery"], end["agreement"], end["exit"]],
                    "ended": [end["system"], end["checks"], end["cleanup"]],
                    "stores": cycle["survival"]["by_store"],
                    "kinds": cycle["survival"]["by_kind"],
                })
            })
            .collect();
        json!({ "exit": said.code, "cycles": cycles })
    }

    /// Removes what a killed run left, twice, and looks whether anything is there.
    pub(crate) fn reap(&self, killed: &Killed) {
        let run = name(&killed.folder);
        let said = self.phoenix(&["reap", &run]);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        let again = self.phoenix(&["reap", &run]);
        assert_eq!(
            (again.code, again.out.as_str()),
            (Some(0), ""),
            "{}",
            again.err
        );
        self.nothing_is_left(killed);
        killed.evidence_is_as_it_was();
    }

    /// No process, no port, no temporary file, and in the run's folder evidence and recovery points.
    pub(crate) fn nothing_is_left(&self, killed: &Killed) {
        let run = name(&killed.folder);
        assert_eq!(processes_of(&run), Vec::<u32>::new(), "processes of {run}");
        let open: Vec<u64> = listening()
            .keys()
            .filter(|socket| killed.sockets.contains(socket))
            .copied()
            .collect();
        assert_eq!(open, Vec::<u64>::new(), "ports of {run}");
        let tmp: Vec<PathBuf> = files(&self.path("tmp"));
        assert_eq!(tmp, Vec::<PathBuf>::new(), "temporary files");
        for path in files(&killed.folder) {
            let inner = path.strip_prefix(&killed.folder).expect("below");
            let parts: Vec<String> = inner
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let known = match parts.as_slice() {
                ["lock" | "run.jsonl"] => true,
                [report] => report.starts_with("report."),
                [_, "journal.jsonl" | "ledger.jsonl" | "verdicts.jsonl"] => true,
                [_, "vault", store, ..] => *store != "secrets",
                _ => false,
            };
            assert!(known, "{} was left", path.display());
        }
    }
}

/// What a run writes when all of its cycles have ended, and before it says that it has.
const AT_THE_END: &str = "report.html";

impl Live {
    /// The same, and it does not come to its end before the killer: what it writes there is a pipe that
    /// nobody reads.
    pub(crate) fn held(self) -> Self {
        let made = Command::new("mkfifo")
            .arg(self.folder.join(AT_THE_END))
            .status();
        assert!(made.expect("mkfifo runs").success());
        self
    }

    /// The journal of the newest attempt.
    fn journal(&self) -> Vec<u8> {
        let mut all: Vec<PathBuf> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|cycle| cycle.path().join("journal.jsonl"))
            .filter(|path| path.is_file())
            .collect();
        all.sort();
        let newest = all.last().and_then(|path| fs::read(path).ok());
        newest.unwrap_or_default()
    }

    /// Waits for a text in the journal of its newest cycle.
    pub(crate) fn wait_for(&mut self, text: &str) {
        wait_for(text, || {
            let there = String::from_utf8_lossy(&self.journal()).contains(text);
            let ended = self.child.try_wait().expect("a child").is_some();
            assert!(there || !ended, "it ended before {text}");
            there.then_some(())
        });
    }

    /// Kills it, at this very moment, and reads back what it left.
    pub(crate) fn kill(mut self) -> Killed {
        let seen = evidence(&self.folder);
        let sockets = sockets_of(self.child.id());
        self.child.kill().expect("killed");
        let end = self.child.wait().expect("its end");
        assert_eq!(end.signal(), Some(9), "it ended by itself: {end}");
        let end = self.folder.join(AT_THE_END);
        if fs::symlink_metadata(&end).is_ok_and(|meta| meta.file_type().is_fifo()) {
            fs::remove_file(end).expect("removed");
        }
        let evidence = evidence(&self.folder);
        for (path, bytes) in &seen {
            let now = &evidence[path];
            assert!(now.starts_with(bytes), "{} lost bytes", path.display());
        }
        for path in evidence.keys().filter(|path| !path.ends_with("run.jsonl")) {
            if path.ends_with("journal.jsonl") {
                let read = journal::read::<Event>(path).expect("a journal reads back");
                let lines = evidence[path].iter().filter(|b| **b == b'\n').count();
                assert_eq!(read.lines.len(), lines);
            } else if evidence[path].contains(&b'\n') {
                ledger::read(path).expect("a ledger reads back");
            }
        }
        Killed {
            folder: self.folder,
            evidence,
            sockets,
        }
    }
}

impl Killed {
    /// Folders of the attempts that were broken off.
    pub(crate) fn attempts(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .evidence
            .keys()
            .filter(|path| path.ends_with("journal.jsonl"))
            .filter(|path| {
                !String::from_utf8_lossy(&self.evidence[*path]).contains("cycle-finished")
            })
            .filter_map(|path| Some(name(path.parent()?)))
            .collect();
        all.sort();
        all
    }

    /// Whether the run wrote down what it was asked for.
    pub(crate) fn has_a_record(&self) -> bool {
        self.evidence
            .get(&self.folder.join("run.jsonl"))
            .is_some_and(|bytes| bytes.contains(&b'\n'))
    }

    /// Nobody touched the evidence of the attempt that was broken off.
    pub(crate) fn evidence_is_as_it_was(&self) {
        for (path, bytes) in self
            .evidence
            .iter()
            .filter(|(path, _)| !path.ends_with("run.jsonl"))
        {
            let now = fs::read(path).expect("evidence");
            assert!(now == *bytes, "{} was changed", path.display());
        }
    }
}

pub(crate) fn name(folder: &Path) -> String {
    let name = folder.file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

fn evidence(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(run)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .filter(|path| !path.ends_with("verdicts.jsonl"))
        .filter(|path| !path.components().any(|part| part.as_os_str() == "stack"))
        .filter_map(|path| Some((path.clone(), fs::read(&path).ok()?)))
        .collect()
}
