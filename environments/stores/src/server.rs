//! A database server in a container: its address, and its own tools run beside it.
//!
//! Tools for dump and restore run inside the server's container, so that their version is always
//! the server's. What they read and write is streamed; secrets go by the environment of the tool,
//! never by its arguments.

mod helper;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

/// How much of a tool's complaints is kept, in bytes: its end, where the reason stands.
const WORDS_KEPT: usize = 4096;
/// How long a tool may take to end after it has closed its output.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const AGAIN: Duration = Duration::from_millis(10);
/// How often the container of a running tool is looked at.
const LOOKED_AFTER: Duration = Duration::from_secs(2);
/// How much of a tool's output is kept where it is asked for as a whole, in bytes.
const OUTPUT_KEPT: usize = 64 << 20;

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

/// What a tool reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    Nothing,
    Text(&'a str),
    /// A whole file; a tool that does not read it to its end has failed.
    File(&'a Path),
    /// The same of a file that is packed by gzip, unpacked here.
    Packed(&'a Path),
    /// The first bytes of a file; the tool stops reading when it has seen enough.
    Head(&'a Path, u64),
}

/// What takes the output of a tool.
pub(crate) trait Sink: Send {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()>;
}

impl Sink for Vec<u8> {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.len() + bytes.len() > OUTPUT_KEPT {
            return Err(std::io::Error::other("more output than any list has"));
        }
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// The last complaints of a tool.
#[derive(Debug, Default)]
struct Words(Vec<u8>);

impl Words {
    fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let over = self.0.len().saturating_sub(WORDS_KEPT);
        self.0.drain(..over);
    }

    /// On one line, for an error.
    fn told(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        lines[lines.len().saturating_sub(8)..].join(" | ")
    }
}

type Output = std::pin::Pin<
    Box<dyn futures::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>,
>;
type Entry = std::pin::Pin<Box<dyn AsyncWrite + Send>>;

/// Feeds a tool and drains it, until it closes its output.
async fn converse(
    mut output: Output,
    entry: Entry,
    input: Input<'_>,
    sink: &mut dyn Sink,
) -> (std::io::Result<()>, Words) {
    let mut words = Words::default();
    let drain = async {
        while let Some(part) = output.next().await {
            match part.map_err(std::io::Error::other)? {
                LogOutput::StdErr { message } => words.take(&message),
                LogOutput::StdOut { message } | LogOutput::Console { message } => {
                    sink.take(&message)?;
                }
                LogOutput::StdIn { .. } => {}
            }
        }
        Ok(())
    };
    let (fed, drained) = tokio::join!(feed(entry, input), drain);
    (drained.and(fed), words)
}

async fn feed(mut entry: Entry, input: Input<'_>) -> std::io::Result<()> {
    let written = match input {
        Input::Nothing => Ok(()),
        Input::Text(text) => entry.write_all(text.as_bytes()).await,
        Input::File(path) => pour(tokio::fs::File::open(path).await?, &mut entry).await,
        Input::Packed(path) => unpack(path, &mut entry).await,
        Input::Head(path, bytes) => {
            let file = tokio::fs::File::open(path).await?.take(bytes);
            match pour(file, &mut entry).await {
                Err(error) if closed_by_reader(&error) => Ok(()),
                other => other,
            }
        }
    };
    let closed = entry.shutdown().await;
    written.and(match closed {
        Err(error) if closed_by_reader(&error) => Ok(()),
        other => other,
    })
}

fn closed_by_reader(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected)
}

/// Unpacks on a thread of its own. What cannot be unpacked to its end is an error, whatever the tool
/// makes of it.
async fn unpack(path: &Path, to: &mut Entry) -> std::io::Result<()> {
    let (give, mut take) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(8);
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let read = crate::foreign::pass(&path, true, &mut |bytes| {
            // Nobody takes it any more where the tool has ended.
            let _gone = give.blocking_send(Ok(bytes.to_vec()));
        });
        if let Err(why) = read {
            let _gone = give.blocking_send(Err(why));
        }
    });
    while let Some(piece) = take.recv().await {
        to.write_all(&piece?).await?;
    }
    to.flush().await
}

async fn pour(mut from: impl AsyncRead + Unpin, to: &mut Entry) -> std::io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.flush().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
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
        let failed = |why: &dyn std::fmt::Display| DriverError::new(script.doing, why);
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(variables.iter().map(|(k, v)| format!("{k}={v}")).collect()),
            cmd: Some(["sh", "-euc", script.text].map(str::to_owned).to_vec()),
            user: (!script.user.is_empty()).then(|| script.user.to_owned()),
            ..CreateExecOptions::default()
        };
        let exec = self
            .docker
            .create_exec(&self.container, options)
            .await
            .map_err(|error| failed(&error))?
            .id;
        let start = StartExecOptions {
            output_capacity: Some(256 << 10),
            ..StartExecOptions::default()
        };
        let started = self
            .docker
            .start_exec(&exec, Some(start))
            .await
            .map_err(|error| failed(&error))?;
        let StartExecResults::Attached {
            output,
            input: entry,
        } = started
        else {
            return Err(failed(&"the engine did not attach to the tool"));
        };
        // The engine does not always close the stream of a tool whose container was killed.
        let (streamed, words) = tokio::select! {
            ended = converse(output, entry, input, sink) => ended,
            () = self.gone() => {
                let why = "the container of the server stopped";
                (Err(std::io::Error::other(why)), Words::default())
            }
        };
        let code = self.exit_code(script.doing, &exec).await?;
        ended(script.doing, code, &words, streamed)
    }

    /// Returns when the server's container no longer runs, and what its tools had printed has had
    /// time to come through.
    async fn gone(&self) {
        loop {
            tokio::time::sleep(LOOKED_AFTER).await;
            if !matches!(self.runs("looking after a tool").await, Ok(true)) {
                tokio::time::sleep(LOOKED_AFTER).await;
                return;
            }
        }
    }

    /// The exit code of a tool that has closed its output. The engine may learn of its end a moment
    /// later than of the end of its output.
    async fn exit_code(&self, doing: &str, exec: &str) -> Result<Option<i64>, DriverError> {
        let until = Instant::now() + ENDS_WITHIN;
        loop {
            let found = self
                .docker
                .inspect_exec(exec)
                .await
                .map_err(|error| DriverError::new(doing, error))?;
            if found.running != Some(true) || Instant::now() >= until {
                return Ok(found.exit_code);
            }
            tokio::time::sleep(AGAIN).await;
        }
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
fn ended(
    doing: &str,
    code: Option<i64>,
    words: &Words,
    streamed: std::io::Result<()>,
) -> Result<(), DriverError> {
    let told = words.told();
    match code {
        Some(0) => streamed.map_err(|error| DriverError::new(doing, error)),
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
