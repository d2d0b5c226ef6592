//! A first environment file from Compose files that somebody else wrote: what is recognised in them,
//! and what they cannot say, as questions. Nothing is started, and no value of a secret is read out.

mod buckets;
mod document;
mod images;
mod replace;
mod services;
mod shared;
mod stores;
mod uses;
mod variables;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use phoenix_engine::environment::DriverError;

use crate::project::{Files, Project, Reach, Remap, Tool, own, reaches, resolve, sources};

pub use write::{Places, Text};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Compose files, the later over the earlier.
    pub files: &'a [PathBuf],
    /// Variables of the stack that runs there.
    pub env_file: Option<&'a Path>,
    /// Keys of services that the drill does without, as `service.key`.
    pub left_out: &'a [String],
    /// Services that the drill does without.
    pub without: &'a [String],
}

/// Why there is no environment file.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no tool that reads Compose files.
    #[error("{0}")]
    NoTool(DriverError),
    /// The files cannot be read.
    #[error("{0}")]
    Unreadable(DriverError),
    /// Something that was named is not in the files.
    #[error("{0}")]
    NotThere(String),
    /// They reach beyond a drill in ways for which nothing of a run's own can stand.
    #[error("they reach beyond a drill:{}", lines(.0))]
    Reaches(Vec<Reach>),
}

fn lines(reaches: &[Reach]) -> String {
    let lines: Vec<String> = reaches.iter().map(|one| format!("\n  {one}")).collect();
    lines.concat()
}

/// What no Compose file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The part of the environment file that it is about.
    about: About,
    text: String,
    /// Whether `check` has something to say until it is answered.
    needed: bool,
}

impl Question {
    fn new(about: About, text: String) -> Self {
        Self {
            about,
            text,
            needed: false,
        }
    }

    /// One that `check` asks too.
    fn needed(about: About, text: String) -> Self {
        Self {
            needed: true,
            ..Self::new(about, text)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Driver,
    Stores,
    Secrets,
    Services,
    Profiles,
}

/// What was found in Compose files.
#[derive(Clone, Debug)]
pub struct Found {
    env_file: Option<PathBuf>,
    remap: Remap,
    without: Vec<String>,
    stores: Vec<stores::Store>,
    services: Vec<services::Service>,
    /// Variables that each run gives a value of its own.
    passwords: Vec<String>,
    /// Variables that data may be sealed with, by the names of their secrets.
    secrets: BTreeMap<String, String>,
    questions: Vec<Question>,
}

impl Found {
    /// The file of variables that a drill takes.
    #[must_use]
    pub fn env_file(&self) -> Option<&Path> {
        self.env_file.as_deref()
    }

    /// The numbers of the questions without whose answers `check` is not ok.
    #[must_use]
    pub fn needed(&self) -> Vec<usize> {
        let numbered = (1..).zip(&self.questions);
        let needed = numbered.filter(|(_, question)| question.needed);
        needed.map(|(number, _)| number).collect()
    }

    /// Whether nothing was recognised that a drill could burn or reach.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty() && self.services.is_empty()
    }
}

/// Looks at Compose files as the tool resolves them.
///
/// # Errors
/// See [`Refused`].
pub async fn look(asked: Asked<'_>) -> Result<Found, Refused> {
    let folder = tempfile::tempdir()
        .map_err(|why| Refused::NoTool(DriverError::new("make room for the tool", why)))?;
    let tool = Tool::find(folder.path()).await.map_err(Refused::NoTool)?;
    look_with(&tool, asked).await
}

/// As [`look`], with a tool at hand.
///
/// # Errors
/// See [`Refused`].
pub async fn look_with(tool: &Tool, asked: Asked<'_>) -> Result<Found, Refused> {
    let sources = sources::trees(asked.files);
    let variables = uses::of_files(&sources);
    let mut secret: Vec<String> = variables
        .iter()
        .filter(|(name, variable)| variables::holds_secret(name, variable))
        .map(|(name, _)| name.clone())
        .collect();
    let shared = shared::with_services(&sources, asked.env_file, &secret);
    secret.retain(|name| !shared.names.contains_key(name));
    let env_file = asked.env_file.or(shared.file.as_deref());
    let known = env_file.map(set_by).unwrap_or_default();
    let mut given: BTreeMap<String, String> = secret
        .iter()
        .map(|name| (name.clone(), variables::mark(name)))
        .collect();
    let mut open = Vec::new();
    for (name, variable) in &variables {
        if !given.contains_key(name) && !known.contains(name) && !variable.has_default() {
            given.insert(
                name.clone(),
                variables::stand_in(name, variable, open.len()),
            );
            open.push(name.clone());
        }
    }
    let what = Files {
        files: asked.files,
        env_file,
        variables: &given,
        name: "phoenix",
    };
    let read = resolve(tool, what).await.map_err(Refused::Unreadable)?;
    let places = asked.left_out.iter();
    let left_out = places.map(|place| service_of(place, &read));
    let named: BTreeSet<&str> = left_out
        .chain(asked.without.iter().map(String::as_str))
        .collect();
    for name in named {
        if !read.services.contains_key(name) {
            let known: Vec<&str> = read.services.keys().map(String::as_str).collect();
            return Err(Refused::NotThere(format!(
                "no service of the Compose files is called `{name}`; there are: {}",
                known.join(", ")
            )));
        }
    }
    let read = read.without(asked.without);
    let (remap, mut questions) = replace::proposed(&read, asked.left_out);
    let reached = reaches(&read, &read.folder, &remap);
    if !reached.is_empty() {
        return Err(Refused::Reaches(reached));
    }
    let project = own(&read, &remap);
    // Ports that are dropped on the host are listened at all the same.
    let listening = services::ports(&read);
    questions.extend(shared.questions());
    questions.extend(open.iter().map(|name| {
        let text = format!(
            "What is {name}? The Compose files ask for it and nothing sets it: put it into a file \
             and name that file with `env_file:`."
        );
        if variables[name].is_needed(tool.is_first()) {
            Question::needed(About::Driver, text)
        } else {
            Question::new(About::Driver, text)
        }
    }));
    let (found, more) = stores::recognised(&project, &secret);
    questions.extend(more);
    let (sealing, passwords) = secret
        .iter()
        .cloned()
        .partition(|name| variables::seals(name, &variables[name]));
    let (secrets, more) = named_secrets(&project, sealing);
    questions.extend(more);
    let (services, more) = services::recognised(
        &project,
        &listening,
        &variables::stand_in_ports(&given),
        &found,
        &secrets,
    );
    questions.extend(more);
    Ok(Found {
        env_file: env_file.map(Path::to_owned),
        remap,
        without: asked.without.to_vec(),
        stores: found,
        services,
        passwords,
        secrets,
        questions,
    })
}

/// The service of a `service.key`: names have dots too, so it is the longest that fits.
fn service_of<'p>(place: &'p str, project: &Project) -> &'p str {
    let dots = place.rmatch_indices('.').map(|(at, _)| &place[..at]);
    let mut fitting = dots.filter(|name| project.services.contains_key(*name));
    let first = place.split('.').next().unwrap_or_default();
    fitting.next().unwrap_or(first)
}

/// The names that a file of variables sets.
fn set_by(file: &Path) -> BTreeSet<String> {
    let text = sources::text(file).unwrap_or_default();
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim_start_matches("export ").trim().to_owned())
        .collect()
}

/// Secrets that data may be sealed with, and questions about what is a secret and no variable. Names
/// only.
fn named_secrets(
    project: &Project,
    sealing: Vec<String>,
) -> (BTreeMap<String, String>, Vec<Question>) {
    let secrets: BTreeMap<String, String> = sealing
        .into_iter()
        .map(|variable| (variable.to_lowercase().replace('_', "-"), variable))
        .collect();
    let mut questions: Vec<Question> = secrets
        .iter()
        .map(|(name, variable)| {
            Question::new(
                About::Secrets,
                format!(
                    "Is data sealed with {variable}, and in which form is it written? Say `bytes:` \
                     and `encoding:` (text, base64, hex) under `{name}`; if it is only a password, \
                     move it to `variables:`."
                ),
            )
        })
        .collect();
    let mut literal = Vec::new();
    for (service, declared) in &project.services {
        for (name, value) in &declared.environment {
            let is = variables::is_secret(name) || variables::has_password(value);
            if is && !value.is_empty() && variables::unknown(value).is_none() {
                literal.push(format!("{service}.{name}"));
            }
        }
    }
    if !literal.is_empty() {
        questions.push(Question::new(
            About::Secrets,
            format!(
                "Whose are {}? They are written into the Compose files or their env files, so a \
                 drill runs with the very same; as variables (`${{NAME}}`) each run would have its \
                 own.",
                literal.join(", ")
            ),
        ));
    }
    (secrets, questions)
}
