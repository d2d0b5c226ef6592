//! A project resolved by the tool itself: merging, defaults and variables are its business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_engine::environment::DriverError;

use super::{Project, Tool, parse, yaml};

/// How long the tool may take to print a configuration.
const RESOLVES_WITHIN: Duration = Duration::from_secs(60);
/// Values shorter than this are no secrets, and hiding them would hide half of a message.
const SECRET_MIN: usize = 4;

/// What is resolved.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// Compose files, the later over the earlier. The first one's folder is the project's.
    pub files: &'a [PathBuf],
    /// A file of variables, where the environment file names one. A `.env` that merely lies beside
    /// the project is not read: what it says is meant for the stack that runs there.
    pub env_file: Option<&'a Path>,
    /// The run's own variables; they win over those of the file.
    pub variables: &'a BTreeMap<String, String>,
    /// Name of the project.
    pub name: &'a str,
}

/// Where the files are no YAML, a line each: version 2 of the tool names other lines, and no file.
fn misread(files: &[PathBuf]) -> String {
    let wrong = files.iter().filter_map(|file| {
        let why = yaml::read(&std::fs::read_to_string(file).ok()?).err()?;
        Some(format!("\n  {}: {why}", file.display()))
    });
    wrong.collect()
}

/// Has the tool resolve a project.
///
/// # Errors
/// When a file is missing, when the tool refuses the project (in its own words, values of variables
/// left out), when it does not answer within a minute, or when its answer cannot be read.
pub async fn resolve(tool: &Tool, what: Files<'_>) -> Result<Project, DriverError> {
    let shown: Vec<String> = what
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let doing = format!("reading the Compose project {}", shown.join(" + "));
    let fail = |why: String| DriverError::new(doing.clone(), why);
    let mut files = Vec::new();
    for file in what.files.iter().map(PathBuf::as_path).chain(what.env_file) {
        let real = file
            .canonicalize()
            .map_err(|why| fail(format!("{}: {why}. Is the path right?", file.display())))?;
        files.push(real);
    }
    let nothing = tool.nothing().map_err(|why| fail(why.to_string()))?;
    let variables_file = match what.env_file {
        Some(_) => files.pop().unwrap_or_default(),
        None => nothing,
    };
    let folder = files
        .first()
        .and_then(|file| file.parent())
        .ok_or_else(|| fail("no file is named".to_owned()))?
        .to_owned();

    let mut command = tool.command(what.variables);
    command
        .current_dir(&folder)
        .arg("--env-file")
        .arg(&variables_file);
    for file in &files {
        command.arg("-f").arg(file);
    }
    command.args(["-p", what.name, "config"]);
    let output = tokio::time::timeout(RESOLVES_WITHIN, command.output())
        .await
        .map_err(|_| {
            fail(format!(
                "`{} config` gave no answer in a minute",
                tool.shown()
            ))
        })?
        .map_err(|why| fail(format!("`{}` cannot be started: {why}", tool.shown())))?;
    let said = masked(&String::from_utf8_lossy(&output.stderr), what.variables);
    if !output.status.success() {
        return Err(fail(format!(
            "`{} config` says: {}{}",
            tool.shown(),
            said.trim(),
            misread(&files)
        )));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| fail(format!("`{} config` printed no UTF-8", tool.shown())))?;
    let unread = |why: String| fail(format!("what `{} config` printed: {why}", tool.shown()));
    let tree = yaml::read(&text).map_err(unread)?;
    let mut project = parse::project(what.name, &folder, &tree).map_err(unread)?;
    // Version 1 refuses such files, version 2 does not.
    if project.services.is_empty() {
        let shown: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        return Err(fail(format!(
            "{}: no service is declared",
            shown.join(", ")
        )));
    }
    project.warnings = said.lines().map(str::to_owned).collect();
    Ok(project)
}

/// The tool's words without values. It quotes variables that do not fit and, when an env file
/// cannot be parsed, what stands there.
fn masked(said: &str, variables: &BTreeMap<String, String>) -> String {
    let mut values: Vec<&String> = variables
        .values()
        .filter(|value| value.chars().count() >= SECRET_MIN)
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut text = said.to_owned();
    for value in values {
        text = text.replace(value.as_str(), "…");
    }
    let quotes_a_file = |line: &str| {
        [
            "unexpected character",
            "unterminated quoted value",
            "in variable name",
            " near \"",
            "dotenv",
        ]
        .iter()
        .any(|mark| line.contains(mark))
    };
    text.lines()
        .map(|line| match line.find(['"', '`']) {
            Some(quote) if quotes_a_file(line) => format!("{}…", &line[..quote]),
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::masked;
    use std::collections::BTreeMap;

    #[test]
    fn values_are_not_told() {
        let variables = BTreeMap::from([
            ("KEY".to_owned(), "hunter22".to_owned()),
            ("LONGER".to_owned(), "hunter22more".to_owned()),
        ]);
        let said = masked(
            "services.a.mem_limit value 'hunter22more' is not hunter22",
            &variables,
        );
        assert_eq!(said, "services.a.mem_limit value '…' is not …");
        let said = "failed to read /p/x.env: line 2: unexpected character \"?\" in variable name near \"A?=s3cret\"";
        assert_eq!(
            masked(said, &BTreeMap::new()),
            "failed to read /p/x.env: line 2: unexpected character …"
        );
    }
}
