//! `reference`: the command line as Markdown, made from what clap knows, so that it cannot drift.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use crate::arguments::Arguments;

/// The shapes of what is printed as JSON.
const JSON: &str = include_str!("json.md");

pub(crate) fn reference() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut out = String::from(
        "<!-- Made by `cargo run -- reference > harness/cli/REFERENCE.md`; do not edit. -->\n\n\
         # phoenix\n\n",
    );
    about(&mut out, &command);
    out.push_str("| command | what it does |\n| --- | --- |\n");
    for sub in shown(&command) {
        let about = sub.get_about().map(ToString::to_string);
        let _infallible = writeln!(
            out,
            "| [`{0}`](#phoenix-{0}) | {1} |",
            sub.get_name(),
            about.unwrap_or_default()
        );
    }
    after(&mut out, &command);
    for sub in shown(&command) {
        one(&mut out, sub, "phoenix");
    }
    let _infallible = write!(out, "\n{JSON}");
    out
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let is_help = |sub: &&Command| sub.get_name() != "help" && !sub.is_hide_set();
    command.get_subcommands().filter(is_help)
}

fn one(out: &mut String, command: &Command, above: &str) {
    let name = format!("{above} {}", command.get_name());
    let _infallible = writeln!(out, "\n## {name}\n");
    about(out, command);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _infallible = writeln!(out, "```text\n{usage}\n```\n");
    let mut rows = String::new();
    for argument in command.get_arguments() {
        if argument.get_id() != "help" && !argument.is_hide_set() {
            row(&mut rows, argument);
        }
    }
    if !rows.is_empty() {
        let _infallible = writeln!(out, "| argument | meaning |\n| --- | --- |\n{rows}");
    }
    after(out, command);
    for sub in shown(command) {
        one(out, sub, &name);
    }
}

fn about(out: &mut String, command: &Command) {
    let words = command.get_long_about().or_else(|| command.get_about());
    if let Some(words) = words {
        let _infallible = writeln!(out, "{words}\n");
    }
}

/// Examples and exit codes, as `--help` ends with them.
fn after(out: &mut String, command: &Command) {
    if let Some(words) = command.get_after_help() {
        if !out.ends_with("\n\n") {
            out.push('\n');
        }
        let _infallible = writeln!(out, "```text\n{words}\n```");
    }
}

fn row(out: &mut String, argument: &Arg) {
    let values = argument.get_action().takes_values();
    let value = argument
        .get_value_names()
        .filter(|_| values)
        .and_then(|names| names.first())
        .map(ToString::to_string);
    let name = match (argument.get_long(), value) {
        (Some(long), Some(value)) => format!("--{long} {value}"),
        (Some(long), None) => format!("--{long}"),
        (None, value) => value.unwrap_or_default(),
    };
    let help = argument
        .get_long_help()
        .or_else(|| argument.get_help())
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    if !words.ends_with('.') {
        words.push('.');
    }
    let possible: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| values)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !possible.is_empty() {
        let _infallible = write!(words, " One of {}.", possible.join(", "));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .filter(|_| values)
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if !defaults.is_empty() {
        let _infallible = write!(words, " Default: {}.", defaults.join(", "));
    }
    if let Some(name) = argument.get_env() {
        let _infallible = write!(words, " Environment: `{}`.", name.to_string_lossy());
    }
    let words = words.replace('|', "\\|");
    let _infallible = writeln!(out, "| `{name}` | {words} |");
}
