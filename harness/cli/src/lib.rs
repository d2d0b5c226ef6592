//! phoenix: burn a stack down, rebuild it, restore it, and judge what came back.
//!
//! The binary is one call of [`main`]; [`judge`] is open to whoever runs cycles without it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the command line"
)]

mod arguments;
mod commands;
mod error;
mod exit;
pub mod judge;
mod progress;
mod project;

use std::process::ExitCode;

/// Does what the arguments of the process say.
#[must_use]
pub fn main() -> ExitCode {
    match commands::main() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprint!("{}", error.words());
            ExitCode::from(error.code())
        }
    }
}
