//! From a failure to what it follows from.

use phoenix_evidence::finding::{CheckResult, Outcome, Subject};

use super::recovery::effective_outcome;

/// The failing results that `at` follows from, nearest first, without `at` itself. A link that
/// leads out of the list, to something that did not fail, or round in a circle ends the chain: the
/// result then stands for itself.
pub(super) fn ancestors(results: &[CheckResult], at: usize) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut here = at;
    while let Some(next) = results[here].consequence_of {
        let failed = results
            .get(next)
            .is_some_and(|result| effective_outcome(result) == Outcome::Fail);
        if !failed {
            break;
        }
        if chain.contains(&next) {
            // A circle has no root, so nothing in it can be told as a consequence.
            return Vec::new();
        }
        chain.push(next);
        here = next;
    }
    chain
}

/// Whether one of `causes` is the subject of the result or of what it follows from.
pub(super) fn caused_by(results: &[CheckResult], at: usize, causes: &[Subject]) -> bool {
    causes.contains(&results[at].subject)
        || ancestors(results, at)
            .iter()
            .any(|&root| causes.contains(&results[root].subject))
}
