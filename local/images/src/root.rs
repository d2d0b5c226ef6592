//! The Debian root under all images: which package sources it is made from, and how.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::Error;
use crate::recipe::{Recipe, file};

/// First words of the line of the recipe that says how its root is made.
const RUN: &str = "RUN mmdebstrap ";

/// The package sources that a root is made from.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Flags of mmdebstrap, as the recipe writes them.
    flags: Vec<String>,
    release: String,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Sources {
    /// What of them decides what the image is.
    pub(crate) fn inputs(&self) -> Vec<(String, Vec<u8>)> {
        let mut inputs = vec![(
            "architecture".to_owned(),
            std::env::consts::ARCH.as_bytes().to_vec(),
        )];
        let files = self.files.iter();
        inputs.extend(files.map(|(path, bytes)| (path.display().to_string(), bytes.clone())));
        inputs
    }

    /// The command that writes the root to its standard output as a tar file.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("mmdebstrap");
        command
            .arg("--quiet")
            .args(&self.flags)
            .args([&self.release, "-"])
            .args(self.files.iter().map(|(path, _)| path));
        command
    }

    /// The step, as errors and progress name it.
    pub(crate) fn step(&self) -> String {
        format!("mmdebstrap {}", self.release)
    }
}

/// What the recipe asks for, and the source files of this machine that have its release.
pub(crate) fn sources(recipe: &Recipe) -> Result<Sources, Error> {
    let joined = recipe.dockerfile.replace("\\\n", " ");
    let line = joined.lines().find_map(|line| line.strip_prefix(RUN));
    let mut flags = words(line.unwrap_or_default());
    let Some(release) = flags.pop() else {
        return Err(Error::Recipe {
            name: recipe.name.clone(),
            why: format!("it has no line `{RUN}--variant=apt --include=… RELEASE`"),
        });
    };
    let candidates = match std::env::var_os("PHOENIX_APT_SOURCES") {
        Some(path) => vec![PathBuf::from(path)],
        None => of_the_machine(Path::new("/etc/apt")),
    };
    let mut files = Vec::new();
    for path in &candidates {
        let bytes = std::fs::read(path).map_err(|why| file(path, &why))?;
        if has(&String::from_utf8_lossy(&bytes), &release) {
            files.push((path.clone(), bytes));
        }
    }
    if files.is_empty() {
        let looked: Vec<String> = candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(Error::NoSources {
            release,
            looked_at: looked.join(", "),
        });
    }
    Ok(Sources {
        flags,
        release,
        files,
    })
}

/// The words of a command, as a shell splits them: single quotes keep blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for letter in line.chars().chain([' ']) {
        match letter {
            '\'' => is_quoted = !is_quoted,
            blank if blank.is_whitespace() && !is_quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    words
}

/// The source files of apt, as it finds them.
fn of_the_machine(etc: &Path) -> Vec<PathBuf> {
    let mut files = vec![etc.join("sources.list")];
    let more = std::fs::read_dir(etc.join("sources.list.d"));
    files.extend(
        more.into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path()),
    );
    files.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("list" | "sources")) && path.is_file()
    });
    files.sort();
    files
}

/// Whether a source file names the release as a suite: of Debian then, whose suites are called so,
/// and not of somebody whose suite only has it in its name.
fn has(text: &str, release: &str) -> bool {
    text.lines().map(str::trim).any(|line| {
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let is_suites = kind.eq_ignore_ascii_case("suites:") || kind == "deb";
        is_suites && words.any(|word| word == release)
    })
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn a_source_has_a_release_by_its_suite_in_either_form() {
        assert!(has(
            "Types: deb\nSuites: bookworm bookworm-updates\n",
            "bookworm"
        ));
        assert!(has(
            "deb [signed-by=/a] http://debian.example/ bookworm main\n",
            "bookworm"
        ));
    }

    #[test]
    fn a_source_of_another_suite_or_a_comment_has_not() {
        assert!(!has(
            "deb http://sdk.example/ sdk-bookworm main\n",
            "bookworm"
        ));
        assert!(!has(
            "# deb http://debian.example/ bookworm main\n",
            "bookworm"
        ));
        assert!(!has("Suites: trixie\n", "bookworm"));
    }
}
