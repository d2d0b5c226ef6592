//! `init`: a first environment file from a stack's own Compose files.

use std::fs;
use std::path::{Path, PathBuf};

use phoenix_compose::init::{Asked, Found, Places, Refused, look};

use crate::arguments::InitArguments;
use crate::error::Error;
use crate::project::{Project, no_file};
use crate::terminal;

/// What Compose files are called when nobody names them, in the order in which the tool looks; each
/// with what it reads beside it.
const FILES: [(&str, &[&str]); 4] = [
    (
        "compose.yaml",
        &["compose.override.yaml", "compose.override.yml"],
    ),
    (
        "compose.yml",
        &["compose.override.yaml", "compose.override.yml"],
    ),
    (
        "docker-compose.yaml",
        &[
            "docker-compose.override.yaml",
            "docker-compose.override.yml",
        ],
    ),
    (
        "docker-compose.yml",
        &[
            "docker-compose.override.yaml",
            "docker-compose.override.yml",
        ],
    ),
];

/// A file that is going to be written.
struct Planned {
    path: PathBuf,
    text: String,
}

pub(crate) fn init(arguments: &InitArguments) -> Result<u8, Error> {
    let files = files(&arguments.files)?;
    let folder = files
        .first()
        .and_then(|file| file.parent())
        .map(Path::to_owned)
        .unwrap_or_default();
    let env_file = arguments.env_file.clone().or_else(|| {
        // As the tool takes it by itself.
        Some(folder.join(".env")).filter(|file| file.is_file())
    });
    if let Some(what) = arguments.env_file.as_deref().and_then(no_file) {
        return Err(Error::usage(
            what,
            "--env-file names a file of variables, NAME=VALUE in each line",
        ));
    }
    let project = Project::find();
    let name = arguments.name.clone().unwrap_or_else(|| named(&folder));
    if !is_name(&name) {
        return Err(Error::usage(
            format!("`{name}` is no name for an environment"),
            "--name takes letters, digits, `-`, `_` and `.`, and begins with a letter",
        ));
    }
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => project.file("environments", &name),
    };
    let documents = beside(&output);
    let document = documents.join("PHOENIX.md");
    let ours = !document.exists() || (arguments.force && is_ours(&document));
    if output.exists() && !arguments.force {
        return Err(Error::usage(
            format!("{} is there already, and was left alone", output.display()),
            "--force writes over it; --output names another file",
        ));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|why| Error::Internal {
        why: format!("no threads could be started: {why}"),
        journal: None,
    })?;
    let found = runtime
        .block_on(look(Asked {
            files: &files,
            env_file: env_file.as_deref(),
            left_out: &arguments.leave_out,
            without: &arguments.without,
        }))
        .map_err(refused)?;
    let from = output.parent().unwrap_or(Path::new("")).to_owned();
    let schema = from.join("environment.schema.json");
    let places = Places {
        name: name.clone(),
        files: files.iter().map(|file| way(&from, file)).collect(),
        title: format!("The stack of {name}"),
        airgapped: airgapped(&files[0])
            .iter()
            .map(|file| way(&from, file))
            .collect(),
        env_file: found.env_file().map(|file| way(&from, file)),
        document: way(&from, &document),
        ours,
        schema: schema
            .is_file()
            .then(|| "environment.schema.json".to_owned()),
    };
    let mut planned = vec![Planned {
        text: found.environment(&places),
        path: output.clone(),
    }];
    if ours {
        let shown: Vec<String> = files.iter().map(|file| way(&documents, file)).collect();
        planned.push(Planned {
            text: found.document(&name, &shown.join(", ")),
            path: document,
        });
    }
    if project.scenarios().is_empty() {
        planned.push(Planned {
            text: found.scenario(),
            path: project.file("scenarios", "full-phoenix"),
        });
    }
    for file in &planned {
        write(file)?;
    }
    tell(&found, &planned, &output, ours)?;
    Ok(0)
}

fn tell(found: &Found, planned: &[Planned], output: &Path, ours: bool) -> Result<(), Error> {
    let mut out = found.told();
    out.push_str("written:\n");
    for file in planned {
        out.push_str(&format!("  {}\n", file.path.display()));
    }
    let env = output.display();
    let needed: Vec<String> = found.needed().iter().map(usize::to_string).collect();
    if !needed.is_empty() {
        out.push_str(&format!(
            "first, for `phoenix check` is not ok before that:\n  answer {} {}\n",
            if needed.len() == 1 {
                "question"
            } else {
                "questions"
            },
            needed.join(", ")
        ));
    }
    out.push_str(&format!(
        "next:\n  phoenix check --env {env}\n  phoenix run --env {env}\n"
    ));
    if !ours {
        out.push_str(&format!("  phoenix gaps --draft-mapping --env {env}\n"));
    }
    terminal::data(&out)?;
    if found.is_empty() {
        terminal::talk(&format!(
            "warning: no store and no service is recognised: a drill of {env} would burn nothing and \
             prove nothing\n  = help: declare what holds data under `stores:`, and what people reach \
             under `services:`\n"
        ));
    }
    Ok(())
}

/// The Compose files: those that were given, or those that the tool would take here.
fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    if given.is_empty() {
        for (file, over) in FILES {
            if Path::new(file).is_file() {
                let over = over.iter().find(|over| Path::new(over).is_file());
                return Ok([file].iter().chain(over).map(PathBuf::from).collect());
            }
        }
        return Err(Error::usage(
            "there is no Compose file here",
            "name one or more: `phoenix init path/to/compose.yaml`",
        ));
    }
    for file in given {
        if let Some(what) = no_file(file) {
            let mut inside = FILES.iter().map(|(name, _)| file.join(name));
            let help = match inside.find(|inside| inside.is_file()) {
                Some(inside) => format!("name the file in it: {}", inside.display()),
                None => {
                    "name the Compose files of the stack, the later over the earlier".to_owned()
                }
            };
            return Err(Error::usage(what, help));
        }
    }
    Ok(given.to_vec())
}

/// The file beside the first one that puts in images which can be made here: `compose.yaml` has
/// `compose.airgapped.yaml`.
fn airgapped(first: &Path) -> Option<PathBuf> {
    let name = first.file_stem()?.to_string_lossy();
    let end = first.extension()?.to_string_lossy();
    let beside = first.with_file_name(format!("{name}.airgapped.{end}"));
    beside.is_file().then_some(beside)
}

/// A folder as people call it.
fn shown_folder(folder: &Path) -> String {
    let real = if folder.as_os_str().is_empty() {
        std::env::current_dir()
    } else {
        folder.canonicalize()
    };
    let real = real.unwrap_or_default();
    let name = real.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether a file can be called so, and an id be made of it: it is no path.
fn is_name(name: &str) -> bool {
    let within = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(within)
}

/// A name for the environment of a folder.
fn named(folder: &Path) -> String {
    let name: String = shown_folder(folder)
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        format!("stack-{name}").trim_end_matches('-').to_owned()
    } else {
        name.to_owned()
    }
}

/// Where the document of an environment file lies: above the folder of environments, or beside it.
fn beside(output: &Path) -> PathBuf {
    let folder = output.parent().unwrap_or(Path::new(""));
    match folder.file_name() {
        Some(name) if name == "environments" => folder.parent().unwrap_or(Path::new("")).to_owned(),
        _ => folder.to_owned(),
    }
}

/// Whether a document is still the one that was written here.
fn is_ours(document: &Path) -> bool {
    fs::read_to_string(document).is_ok_and(|text| text.contains("## Current Status: not measured"))
}

/// How a file is named from a folder.
fn way(from: &Path, to: &Path) -> String {
    let real = |path: &Path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        // What is not there yet is named from what is.
        let there = path
            .ancestors()
            .find(|one| one.exists() || one.as_os_str().is_empty());
        let there = there
            .filter(|one| !one.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let rest = path.strip_prefix(there).unwrap_or(path).to_owned();
        there
            .canonicalize()
            .unwrap_or_else(|_| there.to_owned())
            .join(rest)
    };
    let (from, to) = (real(from), real(to));
    for (up, folder) in from.ancestors().enumerate() {
        if let Ok(down) = to.strip_prefix(folder) {
            let way = PathBuf::from("../".repeat(up)).join(down);
            return way.display().to_string();
        }
    }
    to.display().to_string()
}

fn write(file: &Planned) -> Result<(), Error> {
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let done = if folder.as_os_str().is_empty() {
        Ok(())
    } else {
        fs::create_dir_all(folder)
    };
    done.and_then(|()| fs::write(&file.path, &file.text))
        .map_err(|why| {
            Error::usage(
                format!("{} cannot be written: {why}", file.path.display()),
                "--output names another file",
            )
        })
}

fn refused(why: Refused) -> Error {
    let help = match &why {
        Refused::NoTool(why) => return Error::Environment(why.to_string()),
        Refused::Unreadable(_) => {
            "mend what is named: `docker compose config` has to read these files"
        }
        Refused::NotThere(_) => "--without and --leave-out name services of the Compose files",
        Refused::Reaches(_) => {
            "nothing was written; leave a key out with `--leave-out SERVICE.KEY`, a whole service \
             with `--without SERVICE`, or name a Compose file that reaches less"
        }
    };
    Error::usage(why.to_string(), help)
}
