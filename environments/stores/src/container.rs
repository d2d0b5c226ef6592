//! A container from outside: commands run in it, files read out of it. The drivers that stand on these
//! stores do it the same way.
//!
//! What a command reads and writes is streamed; secrets go by its environment, never by its arguments.

mod streams;

use std::time::Duration;

use bollard::Docker;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures::StreamExt as _;
use phoenix_engine::environment::DriverError;
use tokio::time::Instant;

use crate::archive::{Kind, Member, Reader, Visitor};

pub(crate) use streams::{Input, Sink, Words, converse};

/// How long a command may take to end after it has closed its output.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const AGAIN: Duration = Duration::from_millis(10);
/// How often the container of a running command is looked at.
const LOOKED_AFTER: Duration = Duration::from_secs(2);
/// How much of both streams is kept where a person is to read them, in bytes.
const SAID_KEPT: usize = 64 << 10;

/// A command to run in a container.
#[derive(Clone, Copy)]
pub(crate) struct Command<'a> {
    pub(crate) docker: &'a Docker,
    pub(crate) container: &'a str,
    pub(crate) words: &'a [&'a str],
    /// The user of the container that it runs as; the image's own where there is none.
    pub(crate) user: Option<&'a str>,
    /// What is added to its environment.
    pub(crate) variables: &'a [(&'a str, &'a str)],
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` where it was cut off.
    pub(crate) code: Option<i64>,
    /// Whether all that it read and wrote came through.
    pub(crate) streamed: std::io::Result<()>,
    /// Its last complaints.
    pub(crate) words: Words,
}

impl Command<'_> {
    /// Runs it.
    pub(crate) async fn run(
        &self,
        input: Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Ended, bollard::errors::Error> {
        let words = |(name, value): &(&str, &str)| format!("{name}={value}");
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(self.variables.iter().map(words).collect()),
            cmd: Some(self.words.iter().map(|&word| word.to_owned()).collect()),
            user: self.user.map(str::to_owned),
            ..CreateExecOptions::default()
        };
        let exec = self.docker.create_exec(self.container, options).await?.id;
        let start = StartExecOptions {
            output_capacity: Some(256 << 10),
            ..StartExecOptions::default()
        };
        let started = self.docker.start_exec(&exec, Some(start)).await?;
        let failed = |why: &str| (Err(std::io::Error::other(why)), Words::default());
        let (streamed, words) = match started {
            // The engine does not always close the stream of a command whose container was killed.
            StartExecResults::Attached {
                output,
                input: entry,
            } => tokio::select! {
                ended = converse(output, entry, input, sink) => ended,
                () = self.gone() => failed("the container stopped"),
            },
            StartExecResults::Detached => failed("the engine did not attach to the command"),
        };
        Ok(Ended {
            code: self.exit_code(&exec).await?,
            streamed,
            words,
        })
    }

    /// Returns when the container no longer runs, and what its commands had printed has had time to
    /// come through.
    async fn gone(&self) {
        loop {
            tokio::time::sleep(LOOKED_AFTER).await;
            if !matches!(runs(self.docker, self.container).await, Ok(true)) {
                tokio::time::sleep(LOOKED_AFTER).await;
                return;
            }
        }
    }

    /// The exit code of a command that has closed its output. The engine may learn of its end a moment
    /// later than of the end of its output.
    async fn exit_code(&self, exec: &str) -> Result<Option<i64>, bollard::errors::Error> {
        let until = Instant::now() + ENDS_WITHIN;
        loop {
            let found = self.docker.inspect_exec(exec).await?;
            if found.running != Some(true) || Instant::now() >= until {
                return Ok(found.exit_code);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Whether a container runs.
pub(crate) async fn runs(docker: &Docker, container: &str) -> Result<bool, bollard::errors::Error> {
    let found = docker.inspect_container(container, None).await?;
    Ok(found.state.and_then(|state| state.running) == Some(true))
}

/// The beginning of what was printed, both streams as they came.
#[derive(Default)]
struct Both(Vec<u8>);

impl Sink for Both {
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hear(bytes);
        Ok(())
    }

    fn hear(&mut self, complaint: &[u8]) {
        let room = SAID_KEPT.saturating_sub(self.0.len());
        self.0
            .extend_from_slice(&complaint[..complaint.len().min(room)]);
    }
}

/// What a command in a container answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: i64,
    /// What it printed, both streams, at most 64 KiB.
    pub output: String,
}

/// Runs a command in a container. Variables reach it by its environment, so that no value stands in an
/// argument list.
///
/// # Errors
/// When the engine cannot run it, or the container stops meanwhile; a command that fails is an answer.
pub async fn say(
    docker: &Docker,
    container: &str,
    user: Option<&str>,
    words: &[&str],
    variables: &[(&str, &str)],
) -> Result<Said, DriverError> {
    let failed = |why: &dyn std::fmt::Display| {
        let program = words.first().copied().unwrap_or_default();
        DriverError::new(format!("run {program} in the container {container}"), why)
    };
    let command = Command {
        docker,
        container,
        words,
        user,
        variables,
    };
    let mut both = Both::default();
    let ended = command.run(Input::Nothing, &mut both).await;
    let ended = ended.map_err(|why| failed(&why))?;
    ended.streamed.map_err(|why| failed(&why))?;
    Ok(Said {
        code: ended.code.unwrap_or(-1),
        output: String::from_utf8_lossy(&both.0).into_owned(),
    })
}

/// The bytes of one file of a container, running or not; `None` where the file or the container is not
/// there.
///
/// # Errors
/// When the engine does not answer, or what is there is no file or has more bytes than `most`.
pub async fn file(
    docker: &Docker,
    container: &str,
    path: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, DriverError> {
    let failed = |why: &dyn std::fmt::Display| {
        DriverError::new(format!("read {path} out of the container {container}"), why)
    };
    let options = DownloadFromContainerOptionsBuilder::default()
        .path(path)
        .build();
    let mut pieces = Box::pin(docker.download_from_container(container, Some(options)));
    let mut reader = Reader::new(OneFile::default());
    let mut came = 0;
    while let Some(piece) = pieces.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(why) if is_gone(&why) => return Ok(None),
            Err(why) => return Err(failed(&why)),
        };
        came += piece.len() as u64;
        if came > most {
            return Err(failed(&format!("it has more than {most} bytes")));
        }
        reader.feed(&piece).map_err(|why| failed(&why))?;
    }
    let read = reader.finish().map_err(|why| failed(&why))?;
    match read.content {
        Some(content) if read.members == 1 => Ok(Some(content)),
        _ => Err(failed(&"it is no file")),
    }
}

fn is_gone(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}

/// The engine answers with an archive of exactly what was asked for.
#[derive(Default)]
struct OneFile {
    members: usize,
    content: Option<Vec<u8>>,
}

impl Visitor for OneFile {
    fn begin(&mut self, member: &Member) {
        self.members += 1;
        self.content = (member.kind == Kind::File).then(Vec::new);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(content) = &mut self.content {
            content.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {}
}
