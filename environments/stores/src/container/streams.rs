//! The streams of a command in a container: what it reads, what takes its output, and its complaints.

use std::path::Path;

use bollard::container::LogOutput;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// How much of a command's complaints is kept, in bytes: its end, where the reason stands.
const WORDS_KEPT: usize = 4096;
/// How much of a command's output is kept where it is asked for as a whole, in bytes.
const OUTPUT_KEPT: usize = 64 << 20;

/// What a command reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    Nothing,
    /// A whole file; a command that does not read it to its end has failed.
    File(&'a Path),
    /// The same of a file that is packed by gzip, unpacked here.
    Packed(&'a Path),
    /// The first bytes of a file; the command stops reading when it has seen enough.
    Head(&'a Path, u64),
}

/// What takes the output of a command.
pub(crate) trait Sink: Send {
    /// Takes the next bytes.
    fn take(&mut self, bytes: &[u8]) -> std::io::Result<()>;

    /// Hears the next complaint; the last ones are kept anyway.
    fn hear(&mut self, _complaint: &[u8]) {}
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

/// The last complaints of a command.
#[derive(Debug, Default)]
pub(crate) struct Words(Vec<u8>);

impl Words {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let over = self.0.len().saturating_sub(WORDS_KEPT);
        self.0.drain(..over);
    }

    /// On one line, for an error.
    pub(crate) fn told(&self) -> String {
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

/// Feeds a command and drains it, until it closes its output.
pub(crate) async fn converse(
    mut output: Output,
    entry: Entry,
    input: Input<'_>,
    sink: &mut dyn Sink,
) -> (std::io::Result<()>, Words) {
    let mut words = Words::default();
    let drain = async {
        while let Some(part) = output.next().await {
            match part.map_err(std::io::Error::other)? {
                LogOutput::StdErr { message } => {
                    words.take(&message);
                    sink.hear(&message);
                }
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

/// Unpacks on a thread of its own. What cannot be unpacked to its end is an error, whatever the command
/// makes of it.
async fn unpack(path: &Path, to: &mut Entry) -> std::io::Result<()> {
    let (give, mut take) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(8);
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let read = crate::foreign::pass(&path, true, &mut |bytes| {
            // Nobody takes it any more where the command has ended.
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
