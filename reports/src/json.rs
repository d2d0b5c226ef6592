//! The report for programs.

use serde_json::json;

use crate::view::View;

/// Schema of the JSON report.
const SCHEMA: u32 = 1;

/// The whole view, with a version.
#[must_use]
pub fn json(view: &View) -> String {
    let mut value = json!({"schema": SCHEMA, "run": view.run, "cycles": view.cycles});
    if !view.missing.is_empty() {
        value["missing"] = json!(view.missing);
    }
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}
