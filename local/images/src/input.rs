//! What goes into an image from outside its folder: programs of ours, and wheels of the package index.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::error::Error;
use crate::output::{self, Tail};
use crate::recipe::{Recipe, Recipes, file};

/// The file of a recipe that pins wheels, by version and hash, as pip reads it.
pub(crate) const WHEELS: &str = "requirements.txt";

/// Where `program` is now: of a checkout what cargo last built, otherwise beside this program.
pub(crate) fn find(recipes: &Recipes, recipe: &str, program: &str) -> Result<PathBuf, Error> {
    let path = match recipes.checkout() {
        Some(workspace) => {
            let target = std::env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| workspace.join("target"), PathBuf::from);
            target.join("debug").join(program)
        }
        None => std::env::current_exe()
            .map_err(|why| file(Path::new("this program"), &why))?
            .with_file_name(program),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(Error::NoInput {
        name: recipe.to_owned(),
        program: program.to_owned(),
        why: format!("there is no {}", path.display()),
    })
}

/// What tells one build of a program from another.
pub(crate) fn digest(path: &Path) -> Result<Vec<u8>, Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap(path).map_err(|why| file(path, &why))?;
    Ok(hasher.finalize().as_bytes().to_vec())
}

/// Builds the programs that `recipes` carry, where they are of a checkout. Cargo knows whether
/// there is anything to do.
pub(crate) async fn compile(recipes: &Recipes, recipe: &str, program: &str) -> Result<(), Error> {
    let Some(workspace) = recipes.checkout() else {
        return Ok(());
    };
    // With the command line's package, so that what built this program is used again: cargo chooses
    // the features of dependencies by the packages that it is given.
    let words = [
        "--package",
        "phoenix",
        "--package",
        "phoenix-understudies",
        "--bins",
    ];
    let command = format!("cargo build {}", words.join(" "));
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet"])
        .args(words)
        .current_dir(workspace);
    let (status, tail) = output::run(&mut cargo)
        .await
        .map_err(|why| Error::NoInput {
            name: recipe.to_owned(),
            program: program.to_owned(),
            why: format!("`{command}` could not be started: {why}"),
        })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Step {
        name: recipe.to_owned(),
        step: command,
        why: status.to_string(),
        help: String::new(),
        output: tail.text(),
    })
}

/// Unpacks the wheels that a recipe pins into `into`, through the machine's own pip: its mirror, its
/// trust and its cache are the machine's, and none of them gets into an image. Nothing of a wheel is
/// run, and what has another hash is refused.
pub(crate) async fn wheels(recipe: &Recipe, into: &Path) -> Result<(), Error> {
    for (program, first) in [("pip3", None), ("python3", Some("-m"))] {
        let mut pip = Command::new(program);
        if let Some(first) = first {
            pip.args([first, "pip"]);
        }
        pip.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes"])
        .args(["--root-user-action=ignore", "--target"])
        .arg(into)
        .arg("--requirement")
        .arg(recipe.folder.join(WHEELS))
        .stdin(Stdio::null());
        let Ok((status, tail)) = output::run(&mut pip).await else {
            continue;
        };
        if status.success() {
            return Ok(());
        }
        if !tail.says(&["No module named pip"]) {
            return Err(Error::Step {
                name: recipe.name.clone(),
                step: format!("pip install --requirement {WHEELS}"),
                why: status.to_string(),
                help: wheel_help(&tail).to_owned(),
                output: tail.text(),
            });
        }
    }
    Err(Error::NoProgram {
        name: recipe.name.clone(),
        program: "pip3".to_owned(),
        package: "python3-pip".to_owned(),
    })
}

fn wheel_help(tail: &Tail) -> &'static str {
    if tail.says(&["DO NOT MATCH THE HASHES"]) {
        "; what the index gave is not what the recipe pins: do not use it, look at where it came from"
    } else if tail.says(&["No matching distribution", "Retrying", "ConnectionError"]) {
        "; the package index could not be reached, or has no such version for this machine: look at \
         the network, the proxy and pip's own settings (`pip3 config list`)"
    } else {
        ""
    }
}
