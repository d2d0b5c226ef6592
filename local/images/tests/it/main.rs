//! Recipes as files in, names and images out.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests, which the lints do not know as tests; a skip has to be seen"
)]

mod engine;
mod recipes;
mod support;
