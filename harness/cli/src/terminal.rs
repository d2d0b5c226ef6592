//! What the streams are: data goes to standard output, talk to standard error.

use std::io::{ErrorKind, IsTerminal, Write as _};

use crate::error::Error;

/// Columns when nobody says how many there are.
const WIDTH: usize = 100;

/// Whether what is written to `stream` may have colours: a terminal that `NO_COLOR` does not
/// forbid and that knows them.
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    !is_set("NO_COLOR") && stream.is_terminal() && !is_dumb()
}

/// Whether a line on standard error can be drawn again in its place.
pub(crate) fn live() -> bool {
    std::io::stderr().is_terminal() && !is_dumb() && !is_set("CI")
}

/// Columns of the terminal; [`WIDTH`] without one.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr())
        .or_else(|| terminal_size::terminal_size_of(std::io::stdout()))
        .map_or(WIDTH, |(width, _)| usize::from(width.0))
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Writes data. A reader that has seen enough (`phoenix gaps | head`) is no error.
pub(crate) fn data(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => Err(Error::Internal {
            why: format!("standard output cannot be written: {why}"),
            journal: None,
        }),
        _ => Ok(()),
    }
}

/// Writes a value as JSON data.
pub(crate) fn json(value: &serde_json::Value) -> Result<(), Error> {
    data(&format!("{value:#}\n"))
}

/// Talks. Nobody listening is no error.
pub(crate) fn talk(text: &str) {
    let _heard = std::io::stderr().lock().write_all(text.as_bytes());
}
