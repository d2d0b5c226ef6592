//! The words for statuses, levels and subjects.

use phoenix_evidence::finding::{CheckKind, Level, Subject};

use super::{Agreement, Recovery, Status};
use crate::mapping::check_name;

/// The status as it must be read.
pub(super) fn wording(status: Status, settled: bool, other_cause: bool) -> &'static str {
    match (status, settled) {
        (Status::Holds, true) => "holds",
        (Status::Holds, false) => "would hold",
        (Status::Closed, true) => "closed",
        (Status::Closed, false) => "would close",
        (Status::Confirmed, _) if other_cause => "confirmed, other cause",
        (Status::Confirmed, _) => "confirmed",
        (Status::Broken, _) => "broken",
        (Status::Undocumented, _) => "undocumented",
        (Status::Undecided, _) => "undecided",
        (Status::Stale, _) => "stale",
        (Status::Unproven, _) => "unproven",
    }
}

/// A level, for people.
#[must_use]
pub fn level_label(level: Level) -> &'static str {
    match level {
        Level::Embedded => "embedded",
        Level::MirrorUnderstudies => "mirror with understudies",
        Level::MirrorAirgapped => "mirror with air-gapped images",
        Level::MirrorUpstream => "mirror with upstream images",
        Level::EmulatedCloud => "emulated cloud",
        Level::Rehearsal => "rehearsal",
        Level::RealAccount => "real account",
    }
}

/// A check on a subject, for people: `survival of store zulip-efs`.
#[must_use]
pub fn subject_label(check: CheckKind, subject: &Subject) -> String {
    let check = check_name(check).replace('_', " ");
    match subject {
        Subject::Store(name) => format!("{check} of store {name}"),
        Subject::Secret(name) => format!("{check} of secret {name}"),
        Subject::Service(name) => format!("{check} of service {name}"),
        Subject::ManualStep(name) => format!("{check} {name}"),
        Subject::Stack => format!("{check} of the stack"),
    }
}

pub(super) fn recovery_words(recovery: Recovery) -> &'static str {
    match recovery {
        Recovery::Recovered => "recovered",
        Recovery::NotRecovered => "not recovered",
        Recovery::Unknown => "unknown",
    }
}

pub(super) fn agreement_words(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Agrees => "agrees",
        Agreement::Disagrees => "disagrees",
        Agreement::CannotTell => "cannot tell",
    }
}
