//! A database server in a container: its address, and its own tools run beside it.
//!
//! Tools for dump and restore run inside the server's container, so that their version is always
//! the server's.

mod helper;

use std::net::SocketAddr;
use std::time::Duration;

use bollard::Docker;
use phoenix_engine::environment::DriverError;
use tokio::time::Instant;

use crate::container::{Command, Ended};
pub(crate) use crate::container::{Input, Sink};

/// How long a server goes on refusing until it is taken at its word: while it is set up, users and
/// databases may not be there yet.
const REFUSES: Duration = Duration::from_secs(30);
/// Between two attempts at a server that is not up yet.
const AGAIN: Duration = Duration::from_millis(100);

/// Why nobody was let in.
pub(crate) struct NotLetIn {
    pub(crate) error: DriverError,
    /// Whether the server is up, and says that this user has nothing to look for here.
    pub(crate) refused: bool,
}

/// Tries until somebody is let in, or until the time is over; a server that goes on refusing means it.
pub(crate) async fn let_in<F>(within: Duration, attempt: impl Fn() -> F) -> Result<(), DriverError>
where
    F: Future<Output = Result<(), NotLetIn>>,
{
    let until = Instant::now() + within;
    let mut refused_since = None;
    loop {
        let Err(NotLetIn { error, refused }) = attempt().await else {
            return Ok(());
        };
        refused_since = refused.then(|| refused_since.unwrap_or_else(Instant::now));
        if Instant::now() >= until || refused_since.is_some_and(|at| at.elapsed() >= REFUSES) {
            return Err(error);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A database server that runs in a container.
#[derive(Clone)]
pub struct Server {
    /// The engine that the container runs on.
    pub docker: Docker,
    /// Name or id of the container.
    pub container: String,
    /// Where the server is reached from here: loopback, through the run's gate.
    pub address: SocketAddr,
    /// The role or account that may read and write everything.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database of the application.
    pub database: String,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("container", &self.container)
            .field("address", &self.address)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// A shell script to run in a container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script<'a> {
    /// What it does, with names: the start of every error.
    pub(crate) doing: &'a str,
    /// The text, for `sh -eu`.
    pub(crate) text: &'a str,
    /// The user of the container that it runs as; the image's own where empty.
    pub(crate) user: &'a str,
}

impl Server {
    /// Runs a script in the server's container, with the given variables.
    pub(crate) async fn run(
        &self,
        script: &Script<'_>,
        variables: &[(&str, &str)],
        input: Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), DriverError> {
        let command = Command {
            docker: &self.docker,
            container: &self.container,
            words: &["sh", "-euc", script.text],
            user: (!script.user.is_empty()).then_some(script.user),
            variables,
        };
        let done = command.run(input, sink).await;
        ended(
            script.doing,
            done.map_err(|error| DriverError::new(script.doing, error))?,
        )
    }

    /// The output of a script that prints a little text.
    pub(crate) async fn answer(
        &self,
        script: &Script<'_>,
        variables: &[(&str, &str)],
        input: Input<'_>,
    ) -> Result<String, DriverError> {
        let mut bytes = Vec::new();
        self.run(script, variables, input, &mut bytes).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A tool has done its work only where it says so by its exit code and the streams were whole.
fn ended(doing: &str, ended: Ended) -> Result<(), DriverError> {
    let told = ended.words.told();
    match ended.code {
        Some(0) => ended
            .streamed
            .map_err(|error| DriverError::new(doing, error)),
        Some(code) => Err(DriverError::new(
            doing,
            format!("the tool ended with code {code}: {told}"),
        )),
        None => Err(DriverError::new(
            doing,
            format!("the tool was cut off, its container may have been stopped: {told}"),
        )),
    }
}
