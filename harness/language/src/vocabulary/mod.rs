//! The words of the two kinds of files.

mod compose;
mod environment;
mod http;
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
    described(Source::read(path)?)
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
    described(Source::parse(file, text)?)
}

/// An environment, with the descriptions of its own applications: these have names and paths in
/// them, which no shape can see.
fn described(source: Source) -> Result<Source, Diagnostics> {
    if !is_newer(&source) {
        http::check(&source);
        environment::placeholders(&source);
    }
    check(source, &environment::shape(), "an environment")
}

/// Whether the file is of a version that this harness cannot read; that is told.
fn is_newer(source: &Source) -> bool {
    let Some(version) = source.root.get("version") else {
        return false;
    };
    match version.text().and_then(|text| text.parse::<u32>().ok()) {
        Some(found) if found > VERSION => {
            source.error(
                version.place,
                "newer-version",
                format!("version {found} is newer than what this phoenix reads ({VERSION})"),
                Some("use a newer phoenix".to_owned()),
            );
            true
        }
        _ => false,
    }
}

fn check(source: Source, shape: &Shape, what: &str) -> Result<Source, Diagnostics> {
    if !is_newer(&source) {
        shape.check(&source.root, &source, what);
    }
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
