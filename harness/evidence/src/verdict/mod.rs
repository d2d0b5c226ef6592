//! What became of each canary: a pure function of the ledger, of what was observed after the
//! restore, and of the proof that the old stack was destroyed. It is total: every combination has
//! a verdict, and none of them panics.

mod classify;
mod history;
mod pair;
mod tally;

use serde::{Deserialize, Serialize};

pub use classify::{Facts, StoreFacts, classify_one};
pub use history::{Cut, Histories, Operation};
pub use tally::{Places, Rpa, StoreTally, Tally, tally};

use crate::canary::Version;
use crate::finding::Outcome;

/// The verdict on one canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There once, byte for byte.
    Survived,
    /// Acknowledged after the chosen recovery point, and gone with the window.
    LostInWindow,
    /// Acknowledged before the recovery point and absent: a hole.
    Lost,
    /// There in an older acknowledged version, though a newer one was before the recovery point.
    Stale,
    /// There, equal to no acknowledged version.
    Corrupted,
    /// There in the store, unreadable through the application because its key changed.
    Undecryptable,
    /// Acknowledged in two stores, there in one of them only, or no longer linked.
    Dangling,
    /// There more than once.
    Duplicated,
    /// Deleted before the recovery point, and there again.
    Resurrected,
    /// Never invoked by this run, and there.
    Unexpected,
    /// Indeterminate, and there.
    Recovered,
    /// Could not be read.
    Unreachable,
    /// Would pass, but nothing proves that what was read is not the old stack, or that it could be
    /// there at all.
    Unverifiable,
    /// Refused by the application, and there.
    Phantom,
    /// In a store that was kept out of the destroy.
    Retained,
    /// Absent from a store that may be lost.
    Expendable,
    /// Nothing was promised, nothing was broken.
    Note,
}

impl Verdict {
    /// All verdicts, in the order in which reports show them.
    pub const ALL: [Self; 17] = [
        Self::Survived,
        Self::LostInWindow,
        Self::Lost,
        Self::Stale,
        Self::Corrupted,
        Self::Undecryptable,
        Self::Dangling,
        Self::Duplicated,
        Self::Resurrected,
        Self::Unexpected,
        Self::Phantom,
        Self::Unverifiable,
        Self::Unreachable,
        Self::Recovered,
        Self::Retained,
        Self::Expendable,
        Self::Note,
    ];

    /// What it counts as: `None` for a note, which neither passes nor fails.
    #[must_use]
    pub fn counts_as(self) -> Option<Outcome> {
        match self {
            Self::Survived | Self::LostInWindow => Some(Outcome::Pass),
            Self::Unreachable | Self::Unverifiable => Some(Outcome::Unknown),
            Self::Lost
            | Self::Stale
            | Self::Corrupted
            | Self::Undecryptable
            | Self::Dangling
            | Self::Duplicated
            | Self::Resurrected
            | Self::Unexpected
            | Self::Phantom => Some(Outcome::Fail),
            Self::Recovered | Self::Retained | Self::Expendable | Self::Note => None,
        }
    }

    /// Its name as it is written everywhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Survived => "survived",
            Self::LostInWindow => "lost-in-window",
            Self::Lost => "lost",
            Self::Stale => "stale",
            Self::Corrupted => "corrupted",
            Self::Undecryptable => "undecryptable",
            Self::Dangling => "dangling",
            Self::Duplicated => "duplicated",
            Self::Resurrected => "resurrected",
            Self::Unexpected => "unexpected",
            Self::Recovered => "recovered",
            Self::Unreachable => "unreachable",
            Self::Unverifiable => "unverifiable",
            Self::Phantom => "phantom",
            Self::Retained => "retained",
            Self::Expendable => "expendable",
            Self::Note => "note",
        }
    }
}

/// What was observed of one part of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observed {
    /// Not there.
    Absent,
    /// There.
    Present {
        /// The version whose bytes it has, or `None` for bytes of no version.
        version: Option<Version>,
        /// How many copies.
        copies: u32,
        /// Whether all copies have the same bytes.
        same: bool,
    },
    /// The application answers the error that it gives when its key is wrong.
    Undecryptable {
        /// A direct read found it in its store.
        found_directly: bool,
        /// A canary of the same store that needs no key reads well.
        keyless_reads: bool,
    },
    /// Could not be read.
    Unreachable,
}

impl Observed {
    /// There once, in this version.
    #[must_use]
    pub fn once(version: Version) -> Self {
        Self::Present {
            version: Some(version),
            copies: 1,
            same: true,
        }
    }
}

/// What was observed of one canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The first part (of a pair, the row).
    pub first: Observed,
    /// The second part, of a pair.
    pub second: Option<Observed>,
    /// Whether the row points at this very file; `None` when that was not examined.
    pub linked: Option<bool>,
}

/// Why a verdict was given: one for each cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was never asked for.
    NeverInvoked,
    /// It was asked for and refused.
    Refused,
    /// Whether it was written is not known.
    Indeterminate,
    /// It is there as it was acknowledged.
    AsAcknowledged,
    /// It was under way while the recovery point was made.
    OverlapsThePoint,
    /// It was acknowledged after the recovery point.
    AfterThePoint,
    /// A newer version was acknowledged after the recovery point.
    NewerAfterThePoint,
    /// It was acknowledged before the recovery point.
    BeforeThePoint,
    /// Its store has no recovery point at all.
    NoPoint,
    /// A newer version was acknowledged before the recovery point.
    NewerBeforeThePoint,
    /// Its bytes are those of no version.
    ForeignBytes,
    /// It is there more than once.
    Copies,
    /// Copies of it differ.
    CopiesDiffer,
    /// It was deleted before the recovery point.
    DeletedBeforeThePoint,
    /// It was deleted after the recovery point, or while it was made.
    DeletedAfterThePoint,
    /// The destruction of its store was not proven.
    NotProvenDestroyed,
    /// It cannot be there: it was written after every recovery point that could hold it.
    CannotBeThere,
    /// The application cannot read it with its key as it is now; a direct read finds it.
    KeyChanged,
    /// The application answers a decryption error, and one of the two proofs is missing.
    KeyUnproven,
    /// It was deleted, a direct read finds it, and the application cannot be asked whether it is
    /// deleted to it.
    KeyHidesDelete,
    /// It could not be read.
    NoAnswer,
    /// One half of it is there.
    HalfThere,
    /// Both halves are there and the link between them is wrong.
    LinkWrong,
    /// Its store was kept out of the destroy.
    KeptOut,
    /// Its store may be lost.
    MayBeLost,
}

impl Reason {
    /// The reason as a sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NeverInvoked => "this run never wrote it",
            Self::Refused => "the application refused it",
            Self::Indeterminate => "nobody knows whether it was written",
            Self::AsAcknowledged => "there once, byte for byte",
            Self::OverlapsThePoint => "it was under way while the recovery point was made",
            Self::AfterThePoint => "acknowledged after the recovery point",
            Self::NewerAfterThePoint => "its newest version is from after the recovery point",
            Self::BeforeThePoint => "acknowledged before the recovery point, and absent",
            Self::NoPoint => "its store has no recovery point",
            Self::NewerBeforeThePoint => {
                "an older version is back, though a newer one was before the recovery point"
            }
            Self::ForeignBytes => "its bytes are those of no version that was written",
            Self::Copies => "it is there more than once",
            Self::CopiesDiffer => "it is there more than once, with different bytes",
            Self::DeletedBeforeThePoint => "it was deleted before the recovery point",
            Self::DeletedAfterThePoint => "it was deleted after the recovery point",
            Self::NotProvenDestroyed => {
                "it reads well, but the old store was not proven to be destroyed"
            }
            Self::CannotBeThere => "written after the recovery point, so no restore can hold it",
            Self::KeyChanged => {
                "a direct read finds it, and the application cannot decrypt it: its key changed"
            }
            Self::KeyUnproven => {
                "the application answers a decryption error, and not both proofs are there"
            }
            Self::KeyHidesDelete => {
                "it was deleted and its key changed, so the application cannot say whether it is gone"
            }
            Self::NoAnswer => "it could not be read",
            Self::HalfThere => "one half of it is there, the other is not",
            Self::LinkWrong => "both halves are there, and the row points elsewhere",
            Self::KeptOut => "its store was kept out of the destroy",
            Self::MayBeLost => "its store is declared as one that may be lost",
        }
    }
}

/// A verdict with its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// A second name where the cell has two: there twice with different bytes.
    pub also: Option<Verdict>,
    /// Why.
    pub reason: Reason,
    /// Which parts it counts against: bit 0 the first, bit 1 the second.
    pub against: u8,
}
