//! The scenario language and the environment descriptor: YAML read into a tree in which every node
//! knows its place, held against a vocabulary that also is the published JSON schema, so that an
//! editor and the harness never disagree.

pub mod diagnostic;
pub mod form;
pub mod json_path;
pub mod placeholder;
pub mod shape;
mod sharing;
pub mod tree;
pub mod value;
pub mod vocabulary;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use tree::{Node, Source};
