//! Group commit: any number of writers put lines into one buffer; one thread writes the buffer and
//! makes it durable with one `fdatasync`, then releases everybody whose line was in it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::oneshot;

use super::{Header, LedgerError, Line, Op, OpLine, Phase};
use crate::canary::{CanaryId, CanarySpec, Version};

/// What the committing thread writes to: a file, or in a test a disk that fills up.
pub trait Sink: Write + Send {
    /// Makes everything written durable.
    ///
    /// # Errors
    /// When the system cannot promise it.
    fn sync(&mut self) -> std::io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> std::io::Result<()> {
        self.sync_data()
    }
}

type Waiter = oneshot::Sender<Result<(), String>>;

#[derive(Default)]
struct Pending {
    buffer: Vec<u8>,
    waiters: Vec<Waiter>,
    next_seq: u64,
    /// Set once a write failed: from then on nothing is acknowledged.
    broken: Option<String>,
    closing: bool,
}

struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
}

/// A ledger open for writing. Clones share it.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    path: Arc<str>,
    _committer: Arc<Committer>,
}

/// Ends the thread when the last clone goes.
struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Drop for Committer {
    fn drop(&mut self) {
        if let Ok(mut pending) = self.shared.pending.lock() {
            pending.closing = true;
        }
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().ok().and_then(|mut thread| thread.take()) {
            let _ended = thread.join();
        }
    }
}

impl Ledger {
    /// Creates the file, which must not exist yet, and writes its header.
    ///
    /// # Errors
    /// When the file exists, or cannot be created and made durable.
    pub fn create(path: &Path, header: &Header) -> Result<Self, LedgerError> {
        let error = |why: std::io::Error| LedgerError::Write {
            path: path.display().to_string(),
            why: why.to_string(),
        };
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(error)?;
        Self::over(Box::new(file), &path.display().to_string(), header)
    }

    /// A ledger over any sink.
    ///
    /// # Errors
    /// When the header cannot be made durable.
    pub fn over(mut sink: Box<dyn Sink>, name: &str, header: &Header) -> Result<Self, LedgerError> {
        let error = |why: String| LedgerError::Write {
            path: name.to_owned(),
            why,
        };
        let mut line = serde_json::to_vec(header).map_err(|e| error(e.to_string()))?;
        line.push(b'\n');
        sink.write_all(&line)
            .and_then(|()| sink.sync())
            .map_err(|e| error(e.to_string()))?;

        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending {
                next_seq: 1,
                ..Pending::default()
            }),
            wake: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || commit(&shared, sink.as_mut())
            })
            .map_err(|e| error(e.to_string()))?;
        let committer = Committer {
            shared: Arc::clone(&shared),
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self {
            shared,
            path: name.into(),
            _committer: Arc::new(committer),
        })
    }

    /// Declares a canary. Durable when it returns.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn declare(&self, spec: &CanarySpec) -> Result<(), LedgerError> {
        let mut line = serde_json::to_vec(&Line::Declared(spec.clone()))
            .map_err(|e| self.error(e.to_string()))?;
        line.push(b'\n');
        let (durable, _) = self.enqueue(|_, buffer| buffer.extend_from_slice(&line))?;
        self.wait(durable.await)
    }

    /// Writes one phase of an operation; its sequence number, once it is durable.
    ///
    /// # Errors
    /// When the disk refuses: then the operation must not be sent, or not be believed.
    pub async fn record(
        &self,
        canary: CanaryId,
        op: Op,
        version: Version,
        phase: Phase,
    ) -> Result<u64, LedgerError> {
        let (durable, seq) = self.enqueue_op(canary, op, version, phase)?;
        self.wait(durable.await)?;
        Ok(seq)
    }

    /// As [`Ledger::record`], for a thread outside the runtime.
    ///
    /// # Errors
    /// As there.
    pub fn record_blocking(
        &self,
        canary: CanaryId,
        op: Op,
        version: Version,
        phase: Phase,
    ) -> Result<u64, LedgerError> {
        let (durable, seq) = self.enqueue_op(canary, op, version, phase)?;
        self.wait(durable.blocking_recv())?;
        Ok(seq)
    }

    /// The newest sequence number given out: everything at or below it was invoked before now.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared
            .pending
            .lock()
            .map_or(0, |pending| pending.next_seq - 1)
    }

    fn enqueue_op(
        &self,
        canary: CanaryId,
        op: Op,
        version: Version,
        phase: Phase,
    ) -> Result<(oneshot::Receiver<Result<(), String>>, u64), LedgerError> {
        self.enqueue(|seq, buffer| {
            let at_us = jiff::Timestamp::now().as_microsecond();
            let line = OpLine {
                seq,
                at_us,
                canary,
                op,
                version,
                phase,
            };
            // Written by hand: the shape is fixed, and this is the hot path of every write.
            let _infallible = writeln!(
                buffer,
                "{{\"op\":{{\"seq\":{},\"at_us\":{},\"canary\":{},\"op\":\"{}\",\"version\":{},\
                 \"phase\":\"{}\"}}}}",
                line.seq,
                line.at_us,
                line.canary.0,
                op_word(line.op),
                line.version,
                phase_word(line.phase)
            );
        })
    }

    fn enqueue(
        &self,
        write: impl FnOnce(u64, &mut Vec<u8>),
    ) -> Result<(oneshot::Receiver<Result<(), String>>, u64), LedgerError> {
        let (waiter, durable) = oneshot::channel();
        let mut pending = self
            .shared
            .pending
            .lock()
            .map_err(|_| self.error("its committing thread panicked".to_owned()))?;
        if let Some(why) = &pending.broken {
            return Err(self.error(why.clone()));
        }
        let seq = pending.next_seq;
        let before = pending.buffer.len();
        write(seq, &mut pending.buffer);
        // Declarations take no number: the cut of a recovery point is one of operations.
        if pending.buffer[before..].starts_with(b"{\"op\"") {
            pending.next_seq += 1;
        }
        pending.waiters.push(waiter);
        let first = pending.waiters.len() == 1;
        drop(pending);
        if first {
            self.shared.wake.notify_one();
        }
        Ok((durable, seq))
    }

    fn wait(
        &self,
        durable: Result<Result<(), String>, oneshot::error::RecvError>,
    ) -> Result<(), LedgerError> {
        match durable {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(self.error(why)),
            Err(_) => Err(self.error("its committing thread ended".to_owned())),
        }
    }

    fn error(&self, why: String) -> LedgerError {
        LedgerError::Write {
            path: self.path.to_string(),
            why,
        }
    }
}

fn commit(shared: &Shared, sink: &mut dyn Sink) {
    let mut batch = Vec::new();
    let mut waiters: Vec<Waiter> = Vec::new();
    loop {
        {
            let Ok(mut pending) = shared.pending.lock() else {
                return;
            };
            while pending.waiters.is_empty() {
                if pending.closing {
                    return;
                }
                pending = match shared.wake.wait(pending) {
                    Ok(pending) => pending,
                    Err(_) => return,
                };
            }
            std::mem::swap(&mut batch, &mut pending.buffer);
            std::mem::swap(&mut waiters, &mut pending.waiters);
        }
        let written = sink.write_all(&batch).and_then(|()| sink.sync());
        batch.clear();
        match written {
            Ok(()) => {
                for waiter in waiters.drain(..) {
                    let _gone = waiter.send(Ok(()));
                }
            }
            Err(why) => {
                let why = why.to_string();
                let mut failed = std::mem::take(&mut waiters);
                if let Ok(mut pending) = shared.pending.lock() {
                    pending.broken = Some(why.clone());
                    failed.append(&mut pending.waiters);
                }
                for waiter in failed {
                    let _gone = waiter.send(Err(why.clone()));
                }
            }
        }
    }
}

fn op_word(op: Op) -> &'static str {
    match op {
        Op::Create => "create",
        Op::Overwrite => "overwrite",
        Op::Delete => "delete",
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Invoked => "invoked",
        Phase::Acknowledged => "acknowledged",
        Phase::Refused => "refused",
        Phase::Indeterminate => "indeterminate",
    }
}
