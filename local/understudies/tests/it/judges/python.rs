//! Python programs with the official clients, in an environment of their own below `target`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/requirements.txt");

/// The Python that has the clients; none where they cannot be installed.
pub(super) async fn python() -> Option<PathBuf> {
    // Whoever comes second waits, in whatever process it is.
    let installed = tokio::task::spawn_blocking(|| {
        // deps, the profile, target.
        let executable = std::env::current_exe().unwrap();
        let folder = executable.ancestors().nth(3).unwrap().join("judges");
        std::fs::create_dir_all(&folder).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        (folder, lock)
    });
    let (folder, _lock) = installed.await.unwrap();
    match environment(&folder).await {
        Ok(python) => Some(python),
        Err(why) => skipped(&why),
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests has to see it")]
fn skipped(why: &str) -> Option<PathBuf> {
    let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
    assert!(
        !required.contains("judges"),
        "the official clients are required: {why}"
    );
    eprintln!("skipped: the official clients cannot be installed: {why}");
    None
}

/// Makes the environment, unless it is there and made of these very requirements.
async fn environment(folder: &Path) -> Result<PathBuf, String> {
    let requirements = std::fs::read(REQUIREMENTS).unwrap();
    let digest = Sha256::digest(&requirements);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    let made_of = venv.join("made-of");
    if std::fs::read_to_string(&made_of).is_ok_and(|of| of == digest) {
        return Ok(python);
    }
    // One that another version made, or that was broken off.
    match std::fs::remove_dir_all(&venv) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why.to_string()),
        _ => {}
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--without-pip"]).arg(&venv);
    run(make).await?;
    let mut install = Command::new("python3");
    install
        .args(["-m", "pip", "--python"])
        .arg(&python)
        .args(["install", "--quiet", "--no-input", "--require-hashes"])
        .args(["--only-binary", ":all:", "--requirement", REQUIREMENTS]);
    run(install).await?;
    std::fs::write(made_of, digest).unwrap();
    Ok(python)
}

async fn run(mut command: Command) -> Result<(), String> {
    let output = command.output().await.map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// What a program said, call by call.
pub(super) struct Told(Vec<Value>);

impl Told {
    /// Runs a program of `tests/judges` to its end.
    pub(super) async fn by(python: &Path, program: &str, arguments: &[&str]) -> Self {
        let path = format!("{}/tests/judges/{program}", env!("CARGO_MANIFEST_DIR"));
        // Neither proxies of this machine nor configuration of a client's user have a say.
        let mut command = Command::new(python);
        command.arg("-I").arg(path).args(arguments).env_clear();
        let limit = std::time::Duration::from_secs(90);
        let command = command.kill_on_drop(true).output();
        let Output {
            status,
            stdout,
            stderr,
        } = tokio::time::timeout(limit, command).await.unwrap().unwrap();
        let (stdout, stderr) = (
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr),
        );
        assert!(status.success(), "{program} broke off:\n{stdout}{stderr}");
        let lines = stdout.lines().map(serde_json::from_str);
        Self(lines.collect::<Result<_, _>>().unwrap())
    }

    /// The answer to a call.
    pub(super) fn answer(&self, call: &str) -> &Value {
        let line = self.0.iter().find(|line| line["call"] == call);
        &line.unwrap_or_else(|| panic!("{call} was never made"))["answer"]
    }

    /// Every line: a call, with its answer or with how it was refused.
    pub(super) fn lines(&self) -> &[Value] {
        &self.0
    }
}
