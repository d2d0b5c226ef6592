//! A process that serves until a signal: what PID 1 of a container has to do.

use std::collections::BTreeMap;
use std::io::Write as _;

use phoenix_understudies::platform::{BootError, Log, Running};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The environment variables. A name or value that is no text is nothing that an application reads.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The signals that end a container.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|why| format!("signals: {why}"));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Starts, and serves until a signal; the application's own words where it does not start.
pub(crate) async fn serve_until_signalled(
    name: &str,
    start: impl Future<Output = Result<Running, BootError>>,
) -> Result<(), String> {
    let mut signals = Signals::listen()?;
    let started = tokio::select! {
        started = start => started,
        () = signals.next() => return Ok(()),
    };
    let running = match started {
        Ok(running) => running,
        // The container goes on, and nothing listens.
        Err(BootError::Halted(words)) => {
            print(&[words]);
            signals.next().await;
            return Ok(());
        }
        Err(error) => return Err(error.to_string()),
    };
    print(&[format!("{} listens on {}", name, running.address)]);
    let log = running.log.clone();
    let seen = follow(&log, &mut signals).await;
    running.stop().await;
    print(&log.since(seen).1);
    Ok(())
}

/// Prints what is logged until a signal; how many lines that were.
async fn follow(log: &Log, signals: &mut Signals) -> usize {
    let mut seen = 0;
    loop {
        tokio::select! {
            (all, lines) = log.after(seen) => {
                print(&lines);
                seen = all;
            }
            () = signals.next() => return seen,
        }
    }
}

/// Lines to standard output; whoever does not read them any more does not end the server.
pub(crate) fn print(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _read = writeln!(out, "{line}");
    }
    let _read = out.flush();
}
