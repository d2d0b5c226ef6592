//! PHOENIX.md: what a team says of its own recovery, and how that stands against what a run saw.
//!
//! - [`document`]: the typed model of such a document, and reading one from disk
//! - [`parse`]: Markdown to that model, by structure rather than by one team's words
//! - [`mapping`]: which check answers which claim, and suggestions for a person to approve
//! - [`register`]: the comparison, claim by claim, as a pure function
//!
//! Nothing here runs a check or knows a driver: the register is computed from check results
//! that somebody else wrote down.

pub mod document;
pub mod mapping;
pub mod parse;
pub mod register;

pub use document::{
    Claim, ClaimKind, Document, DocumentError, Quantity, Says, Severity, Span, Tense, Warning,
};
pub use mapping::{
    Entry, Mapping, MappingError, Names, Selector, Suggestion, Tie, TiedCheck, draft_mapping,
    draft_yaml,
};
pub use register::{
    Agreement, Line, NotRun, Recovery, Register, RunFacts, Settled, Status, judge,
    outside_status_block, recovery_answer, write_status_block,
};
