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

impl Project {
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
        let output: Output = assert_cmd::Command::cargo_bin("phoenix")
            .expect("the binary")
            .args(arguments)
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path())
            .output()
            .expect("it runs");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
