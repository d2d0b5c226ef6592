//! The end of a recipe: what it only says of the image, and changes no file of it.
//!
//! An engine without a builder of its own makes a container and an image of each such line, and
//! compares two whole trees of files to find nothing. All of them at once cost what one costs.

use bollard::models::{ContainerConfig, ContainerCreateBody};
use bollard::query_parameters::{
    CommitContainerOptions, CreateContainerOptions, RemoveContainerOptionsBuilder,
};

use crate::engine::{Broken, Engine, words};
use crate::output::Tail;

/// Instructions that change no file, and that the engine takes for an image that is there.
const SAYS: [&str; 8] = [
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "LABEL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// A `Dockerfile`, and the lines at its end that only say something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// What has to be built.
    pub(crate) built: String,
    /// What is said of it, an instruction each.
    pub(crate) said: Vec<String>,
}

/// Takes the saying end off. A `WORKDIR` stays where nothing before it makes its folder: building
/// makes it, saying does not.
pub(crate) fn split(dockerfile: &str) -> Split {
    let mut all = instructions(dockerfile);
    let mut said = Vec::new();
    while let Some(last) = all.last() {
        if !says(last) || (is_workdir(last) && !is_made(last, &all[..all.len() - 1])) {
            break;
        }
        said.extend(all.pop());
    }
    said.reverse();
    let mut built = all.join("\n");
    built.push('\n');
    Split { built, said }
}

/// Instructions without comments, each in one line.
fn instructions(dockerfile: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut open = String::new();
    for line in dockerfile.lines() {
        let line = line.trim_end();
        if line.trim_start().starts_with('#') || (line.is_empty() && open.is_empty()) {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(start) => open.push_str(start),
            None => {
                open.push_str(line);
                all.push(std::mem::take(&mut open));
            }
        }
    }
    all.extend((!open.is_empty()).then_some(open));
    all
}

fn keyword(instruction: &str) -> String {
    let word = instruction.split_whitespace().next().unwrap_or_default();
    word.to_uppercase()
}

fn says(instruction: &str) -> bool {
    SAYS.contains(&keyword(instruction).as_str())
}

fn is_workdir(instruction: &str) -> bool {
    keyword(instruction) == "WORKDIR"
}

/// Whether an instruction before names the folder of this one.
fn is_made(workdir: &str, before: &[String]) -> bool {
    let folder = workdir.split_whitespace().nth(1).unwrap_or_default();
    before.iter().any(|instruction| {
        let mut words = instruction.split_whitespace();
        keyword(instruction) == "RUN" && words.any(|word| word == folder)
    })
}

impl Engine {
    /// Makes the image `tag` of the image `from` and of what is said of it.
    pub(crate) async fn say(&self, tag: &str, from: &str, said: &[String]) -> Result<(), Broken> {
        let broken = |why: bollard::errors::Error| Broken {
            step: said.join(", "),
            why: words(&why),
            tail: Tail::default(),
        };
        // It never runs. An image of files alone has no program, and no container without one.
        let body = ContainerCreateBody {
            image: Some(from.to_owned()),
            cmd: Some(vec!["-".to_owned()]),
            ..Default::default()
        };
        let made = self
            .docker()
            .create_container(None::<CreateContainerOptions>, body);
        let container = made.await.map_err(broken)?.id;
        let (repository, version) = tag.rsplit_once(':').unwrap_or((tag, "current"));
        let options = CommitContainerOptions {
            container: Some(container.clone()),
            repo: Some(repository.to_owned()),
            tag: Some(version.to_owned()),
            changes: Some(said.join("\n")),
            ..Default::default()
        };
        let done = self
            .docker()
            .commit_container(options, ContainerConfig::default())
            .await;
        let forced = RemoveContainerOptionsBuilder::default().force(true).build();
        let removed = self
            .docker()
            .remove_container(&container, Some(forced))
            .await;
        done.map_err(broken)?;
        removed.map_err(broken)
    }
}

/// The image that a `Dockerfile` of nothing but `FROM` names.
pub(crate) fn only_from(built: &str) -> Option<&str> {
    let mut lines = built.lines();
    let mut words = lines.next()?.split_whitespace();
    let is_from = words.next()?.eq_ignore_ascii_case("from");
    let image = words.next()?;
    (is_from && words.next().is_none() && lines.next().is_none() && image != "scratch")
        .then_some(image)
}

#[cfg(test)]
mod tests {
    use super::{only_from, split};

    #[test]
    fn the_end_that_changes_no_file_is_taken_off() {
        let text = "# a comment\nFROM a\nRUN install -d /data \\\n # why\n && true\nENV A=1 \\\n    \
                    B=2\n\nWORKDIR /data\nCMD [\"run\"]\n";
        let split = split(text);
        assert_eq!(split.built, "FROM a\nRUN install -d /data  && true\n");
        assert_eq!(
            split.said,
            ["ENV A=1     B=2", "WORKDIR /data", "CMD [\"run\"]"]
        );
    }

    #[test]
    fn what_is_said_before_a_change_is_built() {
        let split = split("FROM a\nUSER b\nCOPY x /\nUSER c\n");
        assert_eq!(split.built, "FROM a\nUSER b\nCOPY x /\n");
        assert_eq!(split.said, ["USER c"]);
    }

    #[test]
    fn a_folder_that_nothing_makes_is_built() {
        let split = split("FROM a\nCOPY x /\nWORKDIR /made/by/nobody\nCMD [\"run\"]\n");
        assert_eq!(split.said, ["CMD [\"run\"]"]);
    }

    #[test]
    fn a_recipe_of_sayings_alone_needs_no_building() {
        assert_eq!(
            only_from(&split("FROM a\nCMD [\"run\"]\n").built),
            Some("a")
        );
        assert_eq!(only_from(&split("FROM a\nCOPY x /\n").built), None);
        assert_eq!(only_from(&split("FROM scratch\n").built), None);
    }
}
