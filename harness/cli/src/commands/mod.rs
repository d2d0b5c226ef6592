//! One file a command.

mod check;
mod conform;
mod cycle;
mod draft;
mod gaps;
mod images;
mod init;
mod list;
mod plan;
mod prepare;
mod reap;
mod reference;
mod report;
mod resume;
mod run;
mod status;

use clap::{CommandFactory as _, Parser as _};
use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::vocabulary;

use crate::arguments::{Arguments, Command, SchemaOf};
use crate::error::Error;
use crate::terminal;

/// Version of what `list`, `check`, `plan`, `gaps`, `images list` and `conform` print as JSON. Raised when a reader of the
/// old shape would misread the new one; a new field raises nothing.
const SCHEMA: u32 = 1;

pub(crate) fn main() -> Result<u8, Error> {
    match Arguments::parse().command {
        Command::Init(arguments) => init::init(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Gaps(arguments) => gaps::gaps(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Reap(arguments) => reap::reap(&arguments),
        Command::Images(command) => images::images(&command),
        Command::Conform(arguments) => conform::conform(&arguments),
        Command::Schema { of } => {
            let schema = match of {
                SchemaOf::Scenario => vocabulary::scenario_schema(),
                SchemaOf::Environment => vocabulary::environment_schema(),
            };
            terminal::json(&schema).map(|()| 0)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "phoenix", &mut script);
            terminal::data(&String::from_utf8_lossy(&script)).map(|()| 0)
        }
        Command::Man { of } => terminal::data(&man(of.as_deref())?).map(|()| 0),
        Command::Reference => terminal::data(&reference::reference()).map(|()| 0),
    }
}

/// The manual page of phoenix, or of a command, as roff.
fn man(of: Option<&str>) -> Result<String, Error> {
    let mut whole = Arguments::command();
    whole.build();
    let page = match of {
        None => whole,
        Some(name) => {
            let known = whole.get_subcommands().map(clap::Command::get_name);
            let help = did_you_mean(name, known).unwrap_or_default();
            let found = whole.find_subcommand(name).cloned();
            found.ok_or_else(|| Error::usage(format!("no command is called `{name}`"), help))?
        }
    };
    let mut roff = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut roff)
        .map_err(|why| Error::Internal {
            why: format!("the manual page cannot be drawn: {why}"),
            journal: None,
        })?;
    Ok(String::from_utf8_lossy(&roff).into_owned())
}
