//! How far a claim that admits a failure reaches: its subjects, its kinds, its cause, and no more.

use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Subject};

use crate::mapping::Tie;

/// What a claim of loss admits when its mapping names no kinds: acknowledged data that is absent,
/// whole or one half of it. Corrupted, stale, duplicated or resurrected data is another matter.
pub const PLAIN_LOSS: &[&str] = &["lost", "dangling"];

/// Whether a tie admits this kind of failure of this result.
pub(super) fn admits(tie: &Tie, result: &CheckResult, kind: &FailureKind) -> bool {
    if let Some(kinds) = &tie.kinds {
        return kinds.contains(kind);
    }
    match (result.check, &result.subject) {
        (CheckKind::Survival, Subject::Secret(_)) => kind.0 == "undecryptable",
        (CheckKind::Survival, _) => PLAIN_LOSS.contains(&kind.0.as_str()),
        // A whole-store comparison of what is lost shows what is missing, and only that.
        (CheckKind::Fingerprint, _) => kind
            .0
            .split('-')
            .any(|word| matches!(word, "missing" | "lost" | "absent")),
        _ => true,
    }
}

/// Whether a tie admits every failure of this result that has no kind. Data checks always name
/// theirs, so one that does not is not admitted.
fn admits_unnamed(tie: &Tie, check: CheckKind) -> bool {
    tie.kinds.is_none() && !matches!(check, CheckKind::Survival | CheckKind::Fingerprint)
}

/// The failures of a failed result that a tie admits. One without kinds counts as one `unnamed`.
pub(super) fn admitted(tie: &Tie, result: &CheckResult) -> Vec<(FailureKind, u64)> {
    let mut failures = failures(result);
    failures.retain(|(kind, _)| {
        if result.failures.is_empty() {
            admits_unnamed(tie, result.check)
        } else {
            admits(tie, result, kind)
        }
    });
    failures
}

/// The failures of a result, never empty.
pub(super) fn failures(result: &CheckResult) -> Vec<(FailureKind, u64)> {
    if result.failures.is_empty() {
        vec![(FailureKind("unnamed".to_owned()), 1)]
    } else {
        result.failures.clone()
    }
}
