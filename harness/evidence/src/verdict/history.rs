//! The ledger, arranged by canary, and where each operation lies against a recovery point.

use crate::canary::{CanaryId, Version};
use crate::ledger::{Op, OpLine, Phase};

/// The moment that a recovery point stands for: an interval of ledger sequence numbers, from the
/// last one given out when its backup began to the last one when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cut {
    /// Given out when the backup began.
    pub begin: u64,
    /// Given out when it ended.
    pub end: u64,
}

/// Where an operation lies against a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    Overlap,
    After,
}

/// One operation, its phases put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What was asked for.
    pub op: Op,
    /// Version that is written, or deleted.
    pub version: Version,
    /// Sequence number of its invocation.
    pub invoked: u64,
    /// Sequence number of its end, and how it ended; `None` when it never did.
    pub ended: Option<(u64, Phase)>,
    /// Unix time of its end in microseconds (of its invocation when it never ended).
    pub at_us: i64,
}

impl Operation {
    /// Whether the stack said yes.
    #[must_use]
    pub fn acknowledged(&self) -> bool {
        matches!(self.ended, Some((_, Phase::Acknowledged)))
    }

    /// Whether the stack said no.
    #[must_use]
    pub fn refused(&self) -> bool {
        matches!(self.ended, Some((_, Phase::Refused)))
    }

    pub(super) fn side(&self, cut: Cut) -> Side {
        if self.invoked > cut.end {
            return Side::After;
        }
        match self.ended {
            Some((ended, _)) if ended <= cut.begin => Side::Before,
            _ => Side::Overlap,
        }
    }
}

/// All operations, arranged by canary without a heap object for each.
#[derive(Clone, Debug, Default)]
pub struct Histories {
    operations: Vec<Operation>,
    /// Where each canary's operations begin; one more entry than there are canaries.
    starts: Vec<usize>,
}

impl Histories {
    /// Arranges ledger lines of canaries numbered below `canaries`. Lines of higher numbers are
    /// left out; a phase without an invocation counts as one that was invoked at that moment.
    #[must_use]
    pub fn new(lines: &[OpLine], canaries: usize) -> Self {
        let mut counts = vec![0_usize; canaries + 1];
        let begins = |line: &OpLine| line.phase == Phase::Invoked;
        for line in lines.iter().filter(|line| begins(line)) {
            if let Some(count) = index(line.canary).and_then(|at| counts.get_mut(at + 1)) {
                *count += 1;
            }
        }
        for at in 0..canaries {
            counts[at + 1] += counts[at];
        }
        let starts = counts;
        let blank = Operation {
            op: Op::Create,
            version: 0,
            invoked: 0,
            ended: None,
            at_us: 0,
        };
        let mut operations = vec![blank; starts.last().copied().unwrap_or(0)];
        let mut next = starts.clone();
        for line in lines {
            let Some(at) = index(line.canary).filter(|at| *at < canaries) else {
                continue;
            };
            if begins(line) {
                operations[next[at]] = Operation {
                    op: line.op,
                    version: line.version,
                    invoked: line.seq,
                    ended: None,
                    at_us: line.at_us,
                };
                next[at] += 1;
            } else {
                let mine = &mut operations[starts[at]..next[at]];
                let open = mine.iter_mut().rev().find(|operation| {
                    operation.ended.is_none()
                        && operation.op == line.op
                        && operation.version == line.version
                });
                if let Some(operation) = open {
                    operation.ended = Some((line.seq, line.phase));
                    operation.at_us = line.at_us;
                }
            }
        }
        Self { operations, starts }
    }

    /// The operations of a canary, in the order of their invocation.
    #[must_use]
    pub fn of(&self, canary: CanaryId) -> &[Operation] {
        let bounds =
            index(canary).and_then(|at| Some((*self.starts.get(at)?, *self.starts.get(at + 1)?)));
        bounds.map_or(&[], |(from, to)| &self.operations[from..to])
    }

    /// How many canaries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn index(canary: CanaryId) -> Option<usize> {
    usize::try_from(canary.0).ok()
}
