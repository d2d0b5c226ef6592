//! Other people's projects: what is read, what is refused, what is run.

mod guarding;
mod mirror;
mod reading;
mod transforming;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use phoenix_compose::project::{Files, Project, Tool, parse, resolve};
use serde_json::Value;

/// The tools at hand; with none, the test is over: red where Docker is required.
async fn tools(folder: &Path) -> Vec<Tool> {
    let (tools, others) = Tool::all(&folder.join("client")).await.unwrap();
    if tools.is_empty() {
        let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
        assert!(!required.contains("docker"), "no Compose tool: {others:?}");
    }
    for other in others {
        eprintln!("skipped: {other}");
    }
    tools
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

async fn read(tool: &Tool, files: &[PathBuf]) -> Result<Project, String> {
    let variables = BTreeMap::from([("RUN_SECRET".to_owned(), "run$secret".to_owned())]);
    let what = Files {
        files,
        env_file: None,
        variables: &variables,
        name: "drill",
    };
    resolve(tool, what).await.map_err(|why| why.to_string())
}

/// A project out of what a tool would print.
fn printed(tree: &Value) -> Project {
    parse::project("drill", Path::new("/projects/theirs"), tree).unwrap()
}
