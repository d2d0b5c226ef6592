//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Burns a stack down, rebuilds it, restores it, and proves what came back.
#[derive(Debug, Parser)]
#[command(
    name = "phoenix",
    version,
    after_help = "Exit codes: 0 no news · 1 a finding · 2 a mistake in a file or argument · \
                  3 cannot tell · 70 a defect of phoenix\n\n\
                  Examples:\n  phoenix run\n  phoenix run full-phoenix --profile today\n  \
                  phoenix plan keys-regenerate\n  phoenix gaps\n  phoenix report latest --format markdown"
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run scenarios and judge what came back.
    Run(RunArguments),
    /// Validate scenario and environment files without running anything.
    Check(Chosen),
    /// Print every step and every destructive act, as it would happen.
    Plan(Chosen),
    /// List the scenarios.
    List,
    /// Show how a document stands against the last run.
    Gaps(GapsArguments),
    /// Draw the report of a run again, from its journals.
    Report(ReportArguments),
    /// Print the JSON schema of scenario or environment files.
    Schema {
        /// Which files.
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Print shell completions.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// Which files and which profile.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Chosen {
    /// Scenarios, by name or path; the shipped full cycle without any.
    pub(crate) scenarios: Vec<String>,
    /// The environment, by name or path.
    #[arg(long, default_value = "embedded")]
    pub(crate) env: String,
    /// The profile; the scenario's own without it.
    #[arg(long)]
    pub(crate) profile: Option<String>,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Where runs are kept.
    #[arg(long, env = "PHOENIX_RUNS_DIR")]
    pub(crate) runs_dir: Option<PathBuf>,
    /// Seed of payloads and of every random choice.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The document to judge, instead of the environment's own.
    #[arg(long)]
    pub(crate) document: Vec<PathBuf>,
    /// What else the exit code follows.
    #[arg(long, value_enum)]
    pub(crate) require: Option<Require>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: RunFormat,
}

/// What else the exit code follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Require {
    /// The stack has to recover.
    Recovery,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of `gaps`.
#[derive(Debug, clap::Args)]
pub(crate) struct GapsArguments {
    /// The run: an id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Where runs are kept.
    #[arg(long, env = "PHOENIX_RUNS_DIR")]
    pub(crate) runs_dir: Option<PathBuf>,
    /// Propose which check answers which claim of a document, for a person to approve.
    #[arg(long)]
    pub(crate) draft_mapping: bool,
    /// The environment whose names are used for `--draft-mapping`.
    #[arg(long, default_value = "embedded")]
    pub(crate) env: String,
    /// The document for `--draft-mapping`.
    #[arg(long)]
    pub(crate) document: Option<PathBuf>,
}

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArguments {
    /// The run: an id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Where runs are kept.
    #[arg(long, env = "PHOENIX_RUNS_DIR")]
    pub(crate) runs_dir: Option<PathBuf>,
    /// The form.
    #[arg(long, value_enum, default_value = "markdown")]
    pub(crate) format: ReportFormat,
}

/// Form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One self-contained page.
    Html,
    /// For the summary of a CI job.
    Markdown,
    /// For programs.
    Json,
    /// For CI.
    Junit,
}

/// Which files a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// Environment files.
    Environment,
}
