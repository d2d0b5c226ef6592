//! A project resolved by the tool itself: merging, defaults and variables are its business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phoenix_engine::environment::DriverError;

use super::sources::SECRET_MIN;
use super::{Project, Tool, parse, sources, yaml};

/// How long the tool may take to print a configuration.
const RESOLVES_WITHIN: Duration = Duration::from_secs(60);

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

/// Why the tool refused: what can be seen in the files, otherwise its own words.
fn refusal(tool: &Tool, said: &str, files: &[PathBuf]) -> String {
    let seen = sources::wrong(files);
    if !seen.is_empty() {
        return seen.join("\n  ");
    }
    match broken(said) {
        Some(by) => format!(
            "`{} config` broke off over it ({by}); is each of the files a Compose file?",
            tool.shown()
        ),
        None => format!("`{} config` says: {said}", tool.shown()),
    }
}

/// By which exception a tool in Python broke off, if it did. The exception's own words may quote a
/// value.
fn broken(said: &str) -> Option<&str> {
    said.contains("Traceback (most recent call last)")
        .then(|| said.lines().last().unwrap_or_default())
        .map(|last| last.split(':').next().unwrap_or(last))
}

/// Has the tool resolve a project.
///
/// # Errors
/// When a file is missing or no text, when the tool refuses the project (in its own words where
/// nothing can be seen in the files, values left out), when it does not answer within a minute, or
/// when its answer cannot be read.
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
    // Version 2 takes what is no text for what it looks like.
    let of_variables = what.env_file.and_then(|file| sources::text(file).err());
    if let Some(why) = sources::unreadable(what.files).or(of_variables) {
        return Err(fail(why));
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
    let hidden: Vec<String> = what.env_file.map(sources::values).unwrap_or_default();
    let said = hide(&String::from_utf8_lossy(&output.stderr), &hidden);
    let said = masked(&said, what.variables);
    if !output.status.success() {
        return Err(fail(refusal(tool, said.trim(), what.files)));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| fail(format!("`{} config` printed no UTF-8", tool.shown())))?;
    let unread = |why: String| fail(format!("what `{} config` printed: {why}", tool.shown()));
    let tree = yaml::read(&text).map_err(unread)?;
    let mut project = parse::project(what.name, &folder, &tree).map_err(unread)?;
    // Version 1 refuses such files, version 2 does not.
    if project.services.is_empty() {
        return Err(fail(
            "no service is declared; name the Compose file that has `services:`".to_owned(),
        ));
    }
    project.warnings = said.lines().map(str::to_owned).collect();
    Ok(project)
}

/// A text without these values.
pub(crate) fn hide<'a>(text: &str, values: impl IntoIterator<Item = &'a String>) -> String {
    let values = values.into_iter();
    let mut values: Vec<&String> = values
        .filter(|value| value.chars().count() >= SECRET_MIN)
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut text = text.to_owned();
    for value in values {
        text = text.replace(value.as_str(), "…");
    }
    text
}

/// The tool's words without values. It quotes variables and values that do not fit and, when an env
/// file cannot be parsed, what stands there.
fn masked(said: &str, variables: &BTreeMap<String, String>) -> String {
    let mut text = hide(said, variables.values());
    // The value may have several lines, and nothing follows it. Version 2 gives it lines of its own.
    if let Some(at) = text
        .to_ascii_lowercase()
        .find("invalid interpolation format")
        && let Some(end) = [": \"", ".\n"]
            .iter()
            .filter_map(|end| text[at..].find(end))
            .min()
    {
        text.truncate(at + end);
        text.push_str(": …");
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
            _ => without_literal(&without_type(line)),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line without the value whose type does not fit.
fn without_type(line: &str) -> String {
    let (from, until) = (" contains ", ", which is an invalid type");
    match (line.find(from), line.rfind(until)) {
        (Some(at), Some(end)) if at + from.len() <= end => {
            format!("{}…{}", &line[..at + from.len()], &line[end..])
        }
        _ => line.to_owned(),
    }
}

/// A line up to where version 1 prints a list or a map of the file as its own program writes it.
fn without_literal(line: &str) -> String {
    let marks = ["{'", "['", "{\"", "[\""];
    match marks.iter().filter_map(|mark| line.find(mark)).min() {
        Some(at) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{broken, masked};
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
        let said = "invalid interpolation format for services.a.environment.KEY: \"a\n${s3cret\"";
        assert_eq!(
            masked(said, &BTreeMap::new()),
            "invalid interpolation format for services.a.environment.KEY: …"
        );
        let said = "services.a.environment.A contains [\"s3cret\"], which is an invalid type, it should be a string";
        assert_eq!(
            masked(said, &BTreeMap::new()),
            "services.a.environment.A contains …, which is an invalid type, it should be a string"
        );
    }

    #[test]
    fn what_follows_an_interpolation_that_failed_is_not_told() {
        let said = "invalid interpolation format for services.a.environment.A.\nYou may need to escape any $ with another $.\n${s3cret";
        assert_eq!(
            masked(said, &BTreeMap::new()),
            "invalid interpolation format for services.a.environment.A: …"
        );
    }

    #[test]
    fn literals_of_the_file_are_not_told() {
        let none = BTreeMap::new();
        let said = "Missing mandatory value for \"environment\" option interpolating {'A': '${B:?x}', 'C': 's3cret'} in service \"a\"";
        assert!(!masked(said, &none).contains("s3cret"));
        assert!(masked(said, &none).contains("interpolating …"));
        let said = "contains non-unique items, please remove duplicates from ['A=s3cret']";
        assert!(!masked(said, &none).contains("s3cret"));
    }

    #[test]
    fn a_tool_that_broke_off_is_told_by_its_exception_alone() {
        let said =
            "Traceback (most recent call last):\n  File \"x.py\", line 1\nValueError: s3cret";
        assert_eq!(broken(said), Some("ValueError"));
        assert_eq!(broken("services.a has no image"), None);
    }
}
