//! Replication: every write of a bucket is carried to a replica, in order, a fixed time after it
//! was made. One thread per bucket reads the bucket's own log behind its writers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Bucket;
use super::log::{Line, Reader};

/// A stream that flows.
#[derive(Debug)]
pub struct Stream {
    /// Unix time in microseconds at which it ends; `i64::MAX` while nobody ends it.
    until_us: Arc<AtomicI64>,
    task: JoinHandle<io::Result<Cut>>,
}

/// Where a stream was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Folder of the replica.
    pub replica: PathBuf,
    /// Unix time in microseconds: every write that was acknowledged before it has been carried.
    pub carried_until_us: i64,
    /// Changes carried.
    pub changes: u64,
}

impl Bucket {
    /// Begins to carry every change, those that are in the log already first, into a replica in an
    /// empty folder, each `lag` after it was made.
    ///
    /// # Errors
    /// When the replica cannot be made.
    pub fn replicate(self: &Arc<Self>, to: &Path, lag: Duration) -> io::Result<()> {
        Self::lay_out(to)?;
        let replica = Self::open(to)?;
        let reader = Reader::open(&self.log_path())?;
        let until_us = Arc::new(AtomicI64::new(i64::MAX));
        let flow = Flow {
            lag_us: i64::try_from(lag.as_micros()).unwrap_or(i64::MAX),
            source: Arc::clone(self),
            replica,
            reader,
            until_us: Arc::clone(&until_us),
            changes: 0,
        };
        // What is removed stays readable until the stream has come past it.
        self.keep_removed();
        let task = std::thread::Builder::new()
            .name("replication".to_owned())
            .spawn(move || flow.run())
            .inspect_err(|_| self.release())?;
        *self.stream() = Some(Stream { until_us, task });
        Ok(())
    }

    /// Ends the stream: what is due by now is carried, nothing after it. `None` when none flows.
    ///
    /// # Errors
    /// What the stream met; then the replica ends there.
    pub fn cut(&self) -> io::Result<Option<Cut>> {
        let Some(stream) = self.stream().take() else {
            return Ok(None);
        };
        {
            let _grown = self.grown();
            let now = jiff::Timestamp::now().as_microsecond();
            stream.until_us.store(now, Ordering::SeqCst);
        }
        self.more().notify_all();
        let cut = stream
            .task
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the replication broke off")));
        self.release();
        cut.map(Some)
    }
}

struct Flow {
    lag_us: i64,
    source: Arc<Bucket>,
    replica: Bucket,
    reader: Reader,
    until_us: Arc<AtomicI64>,
    changes: u64,
}

impl Flow {
    fn run(mut self) -> io::Result<Cut> {
        while self.wait_for_more() {
            self.reader.look_again()?;
            let Some(line) = self.reader.next()? else {
                return Err(io::Error::other("the log is shorter than it was"));
            };
            if !self.wait_until_due(&line) {
                return self.end(Some(line));
            }
            self.replica
                .take_over(line.change, self.source.folder())
                .map_err(io::Error::from)?;
            self.changes += 1;
        }
        self.end(None)
    }

    /// `false` once the stream ends and the log is read to its end.
    fn wait_for_more(&self) -> bool {
        let mut grown = self.source.grown();
        loop {
            if *grown > self.reader.at {
                return true;
            }
            if self.until_us.load(Ordering::SeqCst) != i64::MAX {
                return false;
            }
            grown = wait(&self.source, grown, None);
        }
    }

    /// `false` when the stream ends before the change is due.
    fn wait_until_due(&self, line: &Line) -> bool {
        let due = line.at_us.saturating_add(self.lag_us);
        let mut grown = self.source.grown();
        loop {
            let until = self.until_us.load(Ordering::SeqCst);
            if due > until {
                return false;
            }
            let now = jiff::Timestamp::now().as_microsecond();
            if due <= now {
                return true;
            }
            let left = Duration::from_micros(u64::try_from(due - now).unwrap_or(0));
            grown = wait(&self.source, grown, Some(left));
        }
    }

    /// The oldest change that was left behind decides what is certain. Clocks may step: it is the
    /// earliest of all that were, not that of the first.
    fn end(mut self, left: Option<Line>) -> io::Result<Cut> {
        let (mut carried_until_us, len) = self.source.settled();
        if let Some(line) = left {
            carried_until_us = carried_until_us.min(line.at_us);
        }
        while self.reader.at < len {
            self.reader.look_again()?;
            let Some(line) = self.reader.next()? else {
                break;
            };
            carried_until_us = carried_until_us.min(line.at_us);
        }
        Ok(Cut {
            replica: self.replica.folder().to_owned(),
            carried_until_us,
            changes: self.changes,
        })
    }
}

fn wait<'a>(
    source: &'a Bucket,
    grown: MutexGuard<'a, u64>,
    at_most: Option<Duration>,
) -> MutexGuard<'a, u64> {
    match at_most {
        None => source
            .more()
            .wait(grown)
            .unwrap_or_else(PoisonError::into_inner),
        Some(left) => {
            source
                .more()
                .wait_timeout(grown, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0
        }
    }
}
