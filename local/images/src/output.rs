//! Other programs: their output as a stream, and the end of what they say.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Lines that are kept of what a step puts out.
const LINES: usize = 15;

/// Bytes of a block of streamed output.
const BLOCK: usize = 256 * 1024;

/// The last lines of an output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(VecDeque<String>);

impl Tail {
    pub(crate) fn push(&mut self, text: &str) {
        for line in text.lines().map(str::trim_end) {
            if line.is_empty() {
                continue;
            }
            if self.0.len() == LINES {
                self.0.pop_front();
            }
            self.0.push_back(line.to_owned());
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether one of `words` is in it.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        let mut lines = self.0.iter();
        lines.any(|line| words.iter().any(|word| line.contains(word)))
    }

    /// The lines, indented.
    pub(crate) fn text(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(|line| format!("    {line}")).collect();
        lines.join("\n")
    }
}

/// Runs a program to its end and keeps the last lines of what it says on either stream.
pub(crate) async fn run(command: &mut Command) -> io::Result<(ExitStatus, Tail)> {
    let done = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let mut tail = Tail::default();
    tail.push(&String::from_utf8_lossy(&done.stdout));
    tail.push(&String::from_utf8_lossy(&done.stderr));
    Ok((done.status, tail))
}

/// Starts a program and gives its standard output block by block. Where the program fails the
/// stream ends in an error: whoever reads it must not take a part for the whole.
pub(crate) fn streamed(
    command: &mut Command,
    tail: std::sync::Arc<std::sync::Mutex<Tail>>,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(mut tail) = tail.lock() {
                    tail.push(&line);
                }
            }
        });
    }
    Ok(stream::unfold(Some(child), |child| async move {
        let mut child = child?;
        match block(&mut child).await {
            Ok(bytes) if bytes.is_empty() => match child.wait().await {
                Ok(status) if status.success() => None,
                Ok(status) => Some((Err(io::Error::other(status.to_string())), None)),
                Err(why) => Some((Err(why), None)),
            },
            Ok(bytes) => Some((Ok(bytes), Some(child))),
            Err(why) => Some((Err(why), None)),
        }
    }))
}

async fn block(child: &mut Child) -> io::Result<Bytes> {
    let Some(stdout) = child.stdout.as_mut() else {
        return Ok(Bytes::new());
    };
    let mut bytes = Vec::with_capacity(BLOCK);
    stdout.read_buf(&mut bytes).await?;
    Ok(bytes.into())
}
