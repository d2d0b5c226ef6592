//! phoenix: burn a stack down, rebuild it, restore it, and judge what came back.
//!
//! The binary is one call of [`main`]; [`judge`] is open to whoever runs cycles without it.

mod alive;
mod arguments;
mod attempts;
mod commands;
mod defect;
mod error;
mod exit;
pub mod judge;
mod leavings;
mod processes;
mod progress;
mod project;
mod record;
mod terminal;

use std::process::ExitCode;

/// Does what the arguments of the process say.
#[must_use]
pub fn main() -> ExitCode {
    match defect::caught(None, commands::main).and_then(|done| done) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let colour = terminal::colour(&std::io::stderr());
            terminal::talk(&error.words(colour));
            ExitCode::from(error.code())
        }
    }
}
