//! The words of the two kinds of files.

mod environment;
mod scenario;

use std::path::Path;

use serde_json::{Value, json};

use crate::diagnostic::Diagnostics;
use crate::shape::Shape;
use crate::sharing::shared;
use crate::tree::Source;

/// The version of both languages that this harness writes and reads.
pub const VERSION: u32 = 1;

/// Reads a scenario file and holds it against its vocabulary.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read_scenario(path: &Path) -> Result<Source, Diagnostics> {
    check(Source::read(path)?, &scenario::shape(), "a scenario")
}

/// Reads an environment file and holds it against its vocabulary.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn read_environment(path: &Path) -> Result<Source, Diagnostics> {
    check(Source::read(path)?, &environment::shape(), "an environment")
}

/// As [`read_scenario`], from text.
///
/// # Errors
/// As there.
pub fn parse_scenario(file: &str, text: &str) -> Result<Source, Diagnostics> {
    check(Source::parse(file, text)?, &scenario::shape(), "a scenario")
}

/// As [`read_environment`], from text.
///
/// # Errors
/// As there.
pub fn parse_environment(file: &str, text: &str) -> Result<Source, Diagnostics> {
    check(
        Source::parse(file, text)?,
        &environment::shape(),
        "an environment",
    )
}

fn check(source: Source, shape: &Shape, what: &str) -> Result<Source, Diagnostics> {
    if let Some(version) = source.root.get("version") {
        match version.text().and_then(|text| text.parse::<u32>().ok()) {
            Some(found) if found > VERSION => {
                source.error(
                    version.place,
                    "newer-version",
                    format!("version {found} is newer than what this phoenix reads ({VERSION})"),
                    Some("use a newer phoenix".to_owned()),
                );
                return source.checked();
            }
            _ => {}
        }
    }
    shape.check(&source.root, &source, what);
    source.checked()
}

/// JSON schema of scenario files.
#[must_use]
pub fn scenario_schema() -> Value {
    titled(&scenario::shape(), "phoenix scenario")
}

/// JSON schema of environment files.
#[must_use]
pub fn environment_schema() -> Value {
    titled(&environment::shape(), "phoenix environment")
}

fn titled(shape: &Shape, title: &str) -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
    });
    if let (Some(into), Value::Object(own)) = (schema.as_object_mut(), shape.schema()) {
        into.extend(own);
    }
    shared(schema)
}
