//! phoenix: burn a stack down, rebuild it, restore it, and judge what came back.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the command line"
)]

mod arguments;
mod commands;
mod error;
mod judge;
mod progress;
mod project;

use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::main() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprint!("{}", error.words());
            ExitCode::from(error.code())
        }
    }
}
