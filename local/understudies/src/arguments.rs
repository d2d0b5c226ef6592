//! What can be typed to the binary.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Plays Zitadel, BookStack, Mattermost or Zulip: the application's own environment variables, its
/// ports, its answers, over a SQLite file.
#[derive(Debug, Parser)]
#[command(
    name = "understudy",
    version,
    after_help = "The application is configured by the environment variables of its upstream \
        image.\nExit codes: 0 stopped by a signal · 1 the application did not start, or refused · \
        2 a mistake in an argument\n\n\
        Examples:\n  \
        ZITADEL_MASTERKEY=... ZITADEL_EXTERNALDOMAIN=id.localhost understudy zitadel\n  \
        APP_KEY=base64:... APP_URL=http://wiki.localhost understudy bookstack --files /config\n  \
        understudy mattermost --listen 0.0.0.0:8065 --database /data/mattermost.sqlite\n  \
        understudy zulip --trust ca.pem --resolve id.localhost=127.0.0.1:8443\n  \
        understudy zulip create-realm Drills root@chat.localhost 'Root' --password-file secret"
)]
pub(crate) struct Arguments {
    /// What to play.
    #[command(subcommand)]
    pub(crate) application: Application,
}

/// What to play.
#[derive(Debug, Subcommand)]
pub(crate) enum Application {
    /// Zitadel v4, with Login V1. Listens on 127.0.0.1:8080.
    Zitadel(Serve),
    /// BookStack v25 of the linuxserver image. Listens on 127.0.0.1:8081.
    ///
    /// Without APP_KEY it says so and halts: the process goes on, and nothing listens.
    Bookstack(Serve),
    /// Mattermost 10.11, Team Edition. Listens on 127.0.0.1:8065.
    Mattermost(Serve),
    /// Zulip 12.1 of the docker-zulip image. Listens on 127.0.0.1:8082.
    ///
    /// Its memcached, Redis and RabbitMQ are in the memory of this process: they are always there,
    /// and forget everything when it ends. Variables that name others are not followed.
    #[command(args_conflicts_with_subcommands = true)]
    Zulip {
        /// How to serve.
        #[command(flatten)]
        serve: Serve,
        /// What to do in the place of serving.
        #[command(subcommand)]
        command: Option<Manage>,
    },
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    /// The file that is the database; made where it is not there. APPLICATION.sqlite without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    /// The folder mounted where the application keeps files; made where it is not there.
    #[arg(long, value_name = "DIR", default_value = "files")]
    pub(crate) files: PathBuf,
    /// The folder of its configuration, where that is another; the one of --files without it.
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// The address to listen on; port 0 is any free one, which the first line names.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Certificate authorities that its own outgoing calls trust; without any, none. Repeatable.
    #[arg(long, value_name = "PEM-FILE")]
    pub(crate) trust: Vec<PathBuf>,
    /// What a name is for its own outgoing calls; other names are the system's. Repeatable.
    #[arg(long, value_name = "NAME=ADDR", value_parser = resolved)]
    pub(crate) resolve: Vec<(String, SocketAddr)>,
    /// Never answer 429.
    #[arg(long)]
    pub(crate) no_rate_limits: bool,
}

/// What manage.py does.
#[derive(Debug, Subcommand)]
pub(crate) enum Manage {
    /// Make the first organisation and its owner, in the database of a server that has started.
    CreateRealm(CreateRealm),
}

/// Arguments of `create-realm`.
#[derive(Debug, Args)]
pub(crate) struct CreateRealm {
    /// Name of the organisation.
    pub(crate) name: String,
    /// E-mail of its owner.
    pub(crate) email: String,
    /// Name of its owner.
    pub(crate) full_name: String,
    /// A file with the owner's password: an argument would be seen by every user of the machine.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: PathBuf,
    /// The database that the server was started with.
    #[arg(long, value_name = "FILE", default_value = "zulip.sqlite")]
    pub(crate) database: PathBuf,
}

fn resolved(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("it is no NAME=ADDR")?;
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    let address = address
        .parse()
        .map_err(|_| format!("`{address}` is no address with a port"))?;
    Ok((name.to_owned(), address))
}
