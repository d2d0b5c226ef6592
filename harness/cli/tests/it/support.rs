//! The binary in a project of its own: the shipped files, copied, so that a test can spoil them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A copy of the shipped project.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

/// What a command printed and returned.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The whole of it for a snapshot: exit code, data, talk. What changes from run to run is
    /// filtered by [`settings`].
    pub(crate) fn whole(&self) -> String {
        let Self { code, out, err } = self;
        let part = |name: &str, text: &str| {
            if text.is_empty() {
                format!("── {name}: nothing\n")
            } else {
                format!("── {name}\n{text}")
            }
        };
        format!(
            "exit {code}\n{}{}",
            part("stdout", out),
            part("stderr", err)
        )
    }
}

/// Filters for what no two runs have in common.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    for (pattern, shown) in [
        (r"\d{8}T\d{6}Z-[0-9a-f]{6}", "[run]"),
        (r"--seed \d+", "--seed [n]"),
        (r" +\d+\.\d+s", " [s]"),
        (r"\d+ writes?", "[n] writes"),
        (
            r"\d+ (survived|lost-in-window|lost|undecryptable|dangling|note)",
            "[n] $1",
        ),
        (r"\(os error \d+\)", "(os error)"),
    ] {
        settings.add_filter(pattern, shown);
    }
    settings
}

impl Project {
    /// The shipped project with a run in `runs`: the journals that the reports are tested with.
    pub(crate) fn with_a_run() -> Self {
        let project = Self::shipped();
        let fixtures =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/tests/it/fixtures");
        for (cycle, name) in [
            ("01-full-phoenix-today", "today.jsonl"),
            ("02-full-phoenix-target", "target.jsonl"),
        ] {
            let folder = project.path(&format!("phoenix-runs/20260101T000000Z-000000/{cycle}"));
            fs::create_dir_all(&folder).expect("a folder");
            fs::copy(fixtures.join(name), folder.join("journal.jsonl")).expect("a copy");
        }
        project
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub(crate) fn shipped() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = tempfile::tempdir().expect("a folder");
        let copy = |from: &str| {
            let to = folder.path().join(from);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
            fs::copy(root.join(from), to).expect("a copy");
        };
        copy("PHOENIX.md");
        copy("Cargo.toml");
        // What the environment of containers names, and what that names.
        for name in [
            "compose.yaml",
            "compose.airgapped.yaml",
            "certificates/make.sh",
            "traefik/dynamic/hosts.yaml",
            "bookstack/php/authority.ini",
            "bookstack/themes/phoenix/functions.php",
        ] {
            copy(&format!("local/{name}"));
        }
        for part in ["environments", "scenarios"] {
            for entry in fs::read_dir(root.join(part)).expect("a folder") {
                let name = entry.expect("an entry").file_name();
                let name = name.to_string_lossy();
                if name.ends_with(".yaml") {
                    copy(&format!("{part}/{name}"));
                }
            }
        }
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of the project")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("the project can be written");
    }

    /// Runs `phoenix` in the project.
    pub(crate) fn phoenix(&self, arguments: &[&str]) -> Said {
        Self::said(self.command(arguments))
    }

    /// Runs `phoenix` in the project where no other program is found.
    pub(crate) fn without_tools(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        command.env("PATH", self.folder.path());
        Self::said(command)
    }

    fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::cargo_bin("phoenix").expect("the binary");
        command
            .args(arguments)
            .env("NO_COLOR", "1")
            .env_remove("PHOENIX_RUNS_DIR")
            .env_remove("COLUMNS")
            .current_dir(self.folder.path());
        command
    }

    fn said(mut command: assert_cmd::Command) -> Said {
        let output: Output = command.output().expect("it runs");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
