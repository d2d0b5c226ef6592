//! What can go wrong, each with what to do about it.

use std::path::PathBuf;

/// Why an image could not be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no folder of recipes.
    #[error("there is no folder local/images/recipes here or above; go to the project")]
    NoRecipes,
    /// A file could not be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        why: String,
    },
    /// A recipe says something that cannot be done.
    #[error("the recipe {name} is wrong: {why}")]
    Recipe {
        /// The recipe.
        name: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A name that no recipe has.
    #[error("no recipe is called `{name}`; there are {known}")]
    Unknown {
        /// What was given.
        name: String,
        /// The names of all recipes.
        known: String,
    },
    /// The engine does not answer.
    #[error(
        "the container engine does not answer: {why}; start it, or name it with DOCKER_HOST \
         (unix:///… or tcp://…)"
    )]
    Engine {
        /// What happened.
        why: String,
    },
    /// A program that is needed is not installed.
    #[error("{name} needs `{program}`, which is not here; install the Debian package {package}")]
    NoProgram {
        /// The recipe.
        name: String,
        /// The program.
        program: String,
        /// The package that has it.
        package: String,
    },
    /// A program of ours that an image carries was not built.
    #[error("{name} carries the program `{program}`, which cannot be had: {why}")]
    NoInput {
        /// The recipe.
        name: String,
        /// The program.
        program: String,
        /// What was tried, and what to do.
        why: String,
    },
    /// The machine's package sources have nothing of the release.
    #[error(
        "the base is made of Debian {release}, and no package source of this machine has it (looked \
         at {looked_at}); name a source file that has, with PHOENIX_APT_SOURCES=FILE"
    )]
    NoSources {
        /// The release.
        release: String,
        /// The files that were read.
        looked_at: String,
    },
    /// A step of a recipe failed.
    #[error("{name} failed in `{step}`: {why}{help}\n{output}")]
    Step {
        /// The recipe.
        name: String,
        /// The step, as the recipe writes it.
        step: String,
        /// What the engine or the program said.
        why: String,
        /// What to do, with a separator before it, where that is known.
        help: String,
        /// The last lines of what it put out, indented.
        output: String,
    },
    /// The image stands on another one that failed.
    #[error("{name} was not built, since {parent} was not")]
    Parent {
        /// The recipe.
        name: String,
        /// What it stands on.
        parent: String,
    },
}

/// What failed of a build; the rest was built.
#[derive(Clone, Debug)]
pub struct Failures(
    /// At least one, in the order of the build.
    pub Vec<Error>,
);

impl std::fmt::Display for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failures {}

impl From<Error> for Failures {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}
