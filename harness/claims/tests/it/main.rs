//! Tests of the parser on whole documents, and of the register on whole comparisons.
#![expect(clippy::unwrap_used, reason = "tests")]

mod documents;
mod foreign;
mod hostile;
mod mapping;
mod reach;
mod register;
mod status_block;
mod support;
