//! From files to what runs: an environment and a profile become a [`crate::stack::Stack`], a
//! scenario over a stack becomes plans.

mod bodies;
mod environment;
mod foreign;
mod profile;
mod scenario;
mod steps;

pub use environment::{Tie, TieSubject, documents, profiles, stack, ties};
pub use scenario::{ScenarioInfo, info, plans};

use std::time::Duration;

use phoenix_language::{Node, value};

/// The duration of a node that the vocabulary has already held to be one.
fn duration_of(node: Option<&Node>) -> Option<Duration> {
    value::duration(node?.text()?).ok()
}

/// The number of a node that the vocabulary has already held to be one.
fn number_of(node: Option<&Node>) -> Option<u32> {
    node?.text()?.parse().ok()
}

/// The text of a node.
fn text_of(node: Option<&Node>) -> Option<String> {
    node?.text().map(str::to_owned)
}

/// The texts of a list, or of a single one.
fn texts_of(node: Option<&Node>) -> Vec<String> {
    node.map(|node| {
        node.items()
            .iter()
            .filter_map(|item| text_of(Some(item)))
            .collect()
    })
    .unwrap_or_default()
}
