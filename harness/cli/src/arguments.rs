//! What can be typed.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand, ValueEnum, ValueHint};

use crate::exit;

/// Headings and names as cargo draws them; clap leaves them out without a terminal or under
/// `NO_COLOR`.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Burns a stack down, rebuilds it, restores it, and proves what came back.
#[derive(Debug, Parser)]
#[command(
    name = "phoenix",
    version,
    styles = STYLES,
    after_help = concat!(
        "Examples:\n",
        "  phoenix run                                  the shipped cycle, judged against PHOENIX.md\n",
        "  phoenix run full-phoenix --profile today     one profile of it\n",
        "  phoenix plan keys-regenerate                 every destructive act, before it happens\n",
        "  phoenix gaps                                 how the document stands after the last run\n",
        "  phoenix report latest --format markdown      that run for the summary of a CI job\n\n",
        exit::codes!(),
        "\n\nEnvironment:\n",
        "  PHOENIX_RUNS_DIR   where runs are kept\n",
        "  DOCKER_HOST        the container engine: unix:///… or tcp://…\n",
        "  NO_COLOR           no colours\n",
        "  CI                 plain lines instead of a live one",
    )
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a first environment file for a stack, from its Compose files.
    ///
    /// Stores are known by their images and volumes, services by their ports, secrets by their names
    /// (their values are never read out). What no Compose file says stands in the file as a question.
    /// Nothing is started. Where there is no document and no scenario yet, a first one of each is
    /// written too.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix init                                 the Compose files of this folder\n",
        "  phoenix init compose.yaml compose.prod.yaml\n",
        "  phoenix init --without traefik               a service that a drill does without\n\n",
        "Exit codes:\n",
        "   0  written\n",
        "   2  a mistake in a file or an argument, or a stack that reaches beyond a drill; nothing \
         was written\n",
        "   3  nothing here reads Compose files",
    ))]
    Init(InitArguments),
    /// Run scenarios and judge what came back.
    ///
    /// Each scenario runs once under each of its profiles, one cycle after another: seed, back up,
    /// write on, destroy, rebuild, restore, check. Evidence and reports are kept in the runs folder.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix run\n",
        "  phoenix run full-phoenix keys-regenerate --profile target\n",
        "  phoenix run scenarios/ --env embedded\n",
        "  phoenix run my-drill.yaml --document docs/PHOENIX.md --require recovery\n",
        "  phoenix run --seed 7                         the same payloads, the same random choices\n",
        "  phoenix run --resume latest                  a run that was killed: its open cycles, anew\n",
        "  phoenix run --format json | jq '.cycles[].finished.recovery'\n\n",
        exit::codes!(),
    ))]
    Run(RunArguments),
    /// Validate scenarios, environments, documents and their ties without running anything.
    ///
    /// Without arguments: every environment, the documents that it names, what ties them to checks,
    /// and every scenario under every profile. All mistakes are told at once.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix check\n",
        "  phoenix check my-drill.yaml --profile today\n",
        "  phoenix check --format json | jq '.diagnostics[] | {file, line, column, help}'\n\n",
        "Exit codes:\n",
        "   0  nothing is wrong\n",
        "   2  something is: each mistake with its file, line and column",
    ))]
    Check(CheckArguments),
    /// Print every step and every destructive act, as it would happen.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix plan\n",
        "  phoenix plan keys-regenerate --profile target\n",
        "  phoenix plan --format json | jq '.plans[].steps[].destroys[]'\n\n",
        "Exit codes:\n",
        "   0  printed\n",
        "   2  a mistake in a file or an argument",
    ))]
    Plan(PlanArguments),
    /// List the scenarios, and the environments with their profiles.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix list\n",
        "  phoenix list --format json | jq -r '.scenarios[].name'\n\n",
        "Exit codes:\n",
        "   0  listed\n",
        "   2  there is no project here, or a file of it is wrong",
    ))]
    List(ListArguments),
    /// Show how the document stands after a run, claim by claim, with the evidence.
    ///
    /// Without options: the gap register of the last run. `--write` puts the measured status into
    /// the document; `--draft-mapping` proposes which check answers which of its claims.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix gaps\n",
        "  phoenix gaps latest --profile target\n",
        "  phoenix gaps --write                         between the phoenix:status comments of PHOENIX.md\n",
        "  phoenix gaps --draft-mapping --document docs/recovery.md\n",
        "  phoenix gaps --format json | jq '.cycles[].register.lines[] | {status, title}'\n\n",
        exit::codes!(""),
    ))]
    Gaps(GapsArguments),
    /// Draw the report of a run again, from its journals.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix report >> \"$GITHUB_STEP_SUMMARY\"\n",
        "  phoenix report latest --format html > report.html\n",
        "  phoenix report 20261124T211525Z-b023ba --format junit > report.xml\n\n",
        "Exit codes:\n",
        "   0  drawn\n",
        "   2  there is no such run, or its journals cannot be read",
    ))]
    Report(ReportArguments),
    /// Remove what killed runs left behind: containers, volumes, networks, folders.
    ///
    /// By the label that each run gives to everything that it makes, and only of runs in the runs
    /// folder whose process is gone. Evidence stays. Safe to repeat, and beside a run that lives.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix reap\n",
        "  phoenix reap 20261124T211525Z-b023ba\n\n",
        "Exit codes:\n",
        "   0  nothing is left\n",
        "   2  there is no such run\n",
        "   3  something could not be removed, or there is no engine to ask",
    ))]
    Reap(ReapArguments),
    /// Build and list the images for where no registry can be reached.
    ///
    /// They stand in for the images of a compose file, made from the package sources of this machine;
    /// the recipes are in `local/images/recipes`.
    #[command(subcommand, after_help = concat!(
        "Examples:\n",
        "  phoenix images build\n",
        "  phoenix images list",
    ))]
    Images(ImagesCommand),
    /// Ask any address what an application promises: whether it keeps its contract.
    ///
    /// The same checks that hold this project's understudies to their contracts. Asked of an upstream
    /// image, they tell where an understudy lies.
    #[command(after_help = concat!(
        "The secret file has one line:\n",
        "  zitadel      a personal access token of an IAM_OWNER\n",
        "  bookstack    an API token of an administrator, ID:SECRET\n",
        "  mattermost   an access token of a system administrator\n",
        "  zulip        E-MAIL:API-KEY of an administrator\n\n",
        "Examples:\n",
        "  phoenix conform zulip --url https://zulip.localhost --ca ca.pem\n",
        "  phoenix conform zitadel --url https://auth.localhost --secret-file pat.txt --writes\n",
        "  phoenix conform mattermost --url https://chat.example.org --format json | jq '.checks[]'\n\n",
        "Exit codes:\n",
        "   0  all that was asked conforms\n",
        "   1  something differs\n",
        "   2  a mistake in a file or an argument\n",
        "   3  nothing differs, and something could not be asked",
    ))]
    Conform(ConformArguments),
    /// Print the JSON schema of scenario or environment files, for editors.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix schema scenario > scenarios/scenario.schema.json\n",
        "  phoenix schema environment > environments/environment.schema.json\n\n",
        "A first line in a YAML file makes editors complete it:\n",
        "  # yaml-language-server: $schema=scenario.schema.json",
    ))]
    Schema {
        /// Which files.
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// Print shell completions.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix completions bash > ~/.local/share/bash-completion/completions/phoenix\n",
        "  phoenix completions zsh > \"${fpath[1]}/_phoenix\"\n",
        "  phoenix completions fish > ~/.config/fish/completions/phoenix.fish",
    ))]
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print a manual page: of phoenix, or of one of its commands.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix man | man -l -\n",
        "  phoenix man > ~/.local/share/man/man1/phoenix.1\n",
        "  phoenix man run > ~/.local/share/man/man1/phoenix-run.1",
    ))]
    Man {
        /// The command.
        #[arg(value_name = "COMMAND")]
        of: Option<String>,
    },
    /// Print the reference of the command line as Markdown.
    #[command(after_help = "Examples:\n  phoenix reference > harness/cli/REFERENCE.md")]
    Reference,
}

/// Which files and which profile.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Chosen {
    /// Scenarios: names, files, or folders of files; `full-phoenix` without any.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) scenarios: Vec<String>,
    /// The environment: a name or a file; the project's only one, or `embedded`, without it.
    #[arg(long, value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub(crate) env: Option<String>,
    /// The profile; without it each of the scenario's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

/// Arguments of `run`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Where runs are kept; `reports/runs` of the project without it.
    #[arg(long, env = "PHOENIX_RUNS_DIR", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) runs_dir: Option<PathBuf>,
    /// Seed of payloads and of every random choice: a number makes a run repeatable.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The document to judge, instead of the environment's own; may be given several times.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) document: Vec<PathBuf>,
    /// What else the exit code follows.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) require: Option<Require>,
    /// Take up a run that was killed, by its id or `latest`: what it left is removed, cycles that
    /// had ended are kept, the one that was broken off and those not begun are run.
    ///
    /// With the arguments and the seed that it was started with. The evidence of the broken attempt
    /// stays, and the report names it.
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = ["scenarios", "env", "profile", "seed", "document", "require"]
    )]
    pub(crate) resume: Option<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArguments {
    /// The Compose files, the later over the earlier; those of this folder without any.
    #[arg(value_name = "COMPOSE-FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// The file of variables; `.env` beside the first Compose file without it, if there is one.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) env_file: Option<PathBuf>,
    /// The environment's name; that of the Compose file's folder without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where the environment file goes; `environments/NAME.yaml` of the project without it.
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// A service that a drill does without; may be given several times.
    #[arg(long, value_name = "SERVICE")]
    pub(crate) without: Vec<String>,
    /// A key of a service that a drill does without; may be given several times.
    #[arg(long, value_name = "SERVICE.KEY")]
    pub(crate) leave_out: Vec<String>,
    /// Write over an environment file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `reap`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReapArguments {
    /// The run; all that are dead without it.
    pub(crate) run: Option<String>,
    /// Where runs are kept; `reports/runs` of the project without it.
    #[arg(long, env = "PHOENIX_RUNS_DIR", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) runs_dir: Option<PathBuf>,
}

/// Arguments of `conform`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConformArguments {
    /// Whose contract.
    #[arg(value_enum)]
    pub(crate) application: Conformer,
    /// The server that is asked, as its users name it.
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) url: String,
    /// Where it is reached, if its name does not say.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) connect: Option<std::net::SocketAddr>,
    /// The authority that its certificate is of, in PEM, instead of those of this machine.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca: Option<PathBuf>,
    /// What lets one in; without it the checks that need it are not asked.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) secret_file: Option<PathBuf>,
    /// Also the checks that write. They clean up, and say what they leave.
    #[arg(long)]
    pub(crate) writes: bool,
    /// How the checks are printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// Whose contract is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conformer {
    /// The identity provider.
    Zitadel,
    /// The wiki.
    Bookstack,
    /// The chat.
    Mattermost,
    /// The other chat.
    Zulip,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// Scenarios: names, files, or folders of files; all without any.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(crate) scenarios: Vec<String>,
    /// The environment: a name or a file. Without it scenarios are held against the project's only
    /// one, or `embedded`, and every environment is checked for itself.
    #[arg(long, value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub(crate) env: Option<String>,
    /// One profile only; every profile of the environment without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The document whose ties are checked, instead of the environment's own.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) document: Vec<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// How the plan is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// How the list is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// What to do with images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImagesCommand {
    /// Build what is missing, and what it stands on.
    ///
    /// An image that is there and of the same recipe is left alone. The engine is the machine's own,
    /// or the one that DOCKER_HOST names.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix images build\n",
        "  phoenix images build postgres redis\n\n",
        "Exit codes:\n",
        "   0  all are there\n",
        "   2  a mistake in a recipe or an argument\n",
        "   3  some could not be built; the others are there",
    ))]
    Build(ImagesBuildArguments),
    /// List the recipes: the tag of their content, whether the image is there, its size, and what it
    /// stands in for.
    #[command(after_help = concat!(
        "Examples:\n",
        "  phoenix images list\n",
        "  phoenix images list --format json | jq -r '.images[] | select(.present | not) | .name'\n\n",
        "Exit codes:\n",
        "   0  listed\n",
        "   2  a mistake in a recipe\n",
        "   3  the engine does not answer: whether they are there is not known",
    ))]
    List(ImagesListArguments),
}

/// Arguments of `images build`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImagesBuildArguments {
    /// Recipes; all without any.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Images built at a time; a few more than there are cores without it.
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZeroU8>,
    /// Take the programs that go into images as they were last built.
    #[arg(long)]
    pub(crate) as_built: bool,
}

/// Arguments of `images list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImagesListArguments {
    /// How the list is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// What else the exit code follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Require {
    /// The stack has to recover.
    Recovery,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: versioned, on standard output and alone there.
    Json,
}

/// Arguments of `gaps`.
#[derive(Debug, clap::Args)]
pub(crate) struct GapsArguments {
    /// The run: an id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Where runs are kept; `reports/runs` of the project without it.
    #[arg(long, env = "PHOENIX_RUNS_DIR", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) runs_dir: Option<PathBuf>,
    /// Only cycles under this profile.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Rewrite the status block of the document, from the run's first cycle (of the profile).
    ///
    /// Only what stands between `<!-- phoenix:status -->` and `<!-- /phoenix:status -->` changes.
    #[arg(long, conflicts_with = "draft_mapping")]
    pub(crate) write: bool,
    /// Propose which check answers which claim of a document, for a person to approve.
    #[arg(long)]
    pub(crate) draft_mapping: bool,
    /// The environment whose names are used for `--draft-mapping`; the project's only one, or
    /// `embedded`, without it.
    #[arg(long, value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub(crate) env: Option<String>,
    /// The document for `--write` or `--draft-mapping`; the judged one, or the environment's,
    /// without it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) document: Option<PathBuf>,
    /// How the register is printed.
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    pub(crate) format: Format,
}

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArguments {
    /// The run: an id, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Where runs are kept; `reports/runs` of the project without it.
    #[arg(long, env = "PHOENIX_RUNS_DIR", hide_env_values = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) runs_dir: Option<PathBuf>,
    /// The form.
    #[arg(long, value_enum, default_value = "markdown", value_name = "FORM")]
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
