//! One file a command.

mod files;
mod gaps;
mod report;
mod run;

use clap::{CommandFactory as _, Parser as _};
use phoenix_language::vocabulary;

use crate::arguments::{Arguments, Command, SchemaOf};
use crate::error::Error;

pub(crate) fn main() -> Result<u8, Error> {
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(chosen) => files::check(&chosen),
        Command::Plan(chosen) => files::plan(&chosen),
        Command::List => files::list(),
        Command::Gaps(arguments) => gaps::gaps(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Schema { of } => {
            let schema = match of {
                SchemaOf::Scenario => vocabulary::scenario_schema(),
                SchemaOf::Environment => vocabulary::environment_schema(),
            };
            println!(
                "{}",
                serde_json::to_string_pretty(&schema).unwrap_or_default()
            );
            Ok(0)
        }
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "phoenix", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man => {
            let page = clap_mangen::Man::new(Arguments::command());
            page.render(&mut std::io::stdout())
                .map_err(|why| Error::Usage(format!("the page cannot be written: {why}")))?;
            Ok(0)
        }
    }
}
