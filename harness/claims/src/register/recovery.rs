//! Did the stack recover? Answered from the results alone, whatever any document says.

use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Outcome};
use serde::{Deserialize, Serialize};

/// The first of the two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// Every check that decides it passed, and data was among what was examined.
    Recovered,
    /// A check that decides it failed.
    NotRecovered,
    /// A check that decides it could not tell, or none was made.
    Unknown,
}

/// The outcome of a result, with a pass over nothing examined counted as unknown.
#[must_use]
pub fn effective_outcome(result: &CheckResult) -> Outcome {
    if result.outcome == Outcome::Pass && result.examined == 0 {
        Outcome::Unknown
    } else {
        result.outcome
    }
}

/// Whether a check decides about recovery. Objectives and manual steps are told apart; a secret
/// that changed counts by what it made unreadable; what happened to another environment, and
/// whether the recovery points are still there, does not change what came back.
fn decides(check: CheckKind) -> bool {
    match check {
        CheckKind::Survival
        | CheckKind::Fingerprint
        | CheckKind::Health
        | CheckKind::Login
        | CheckKind::Write
        | CheckKind::Restart
        | CheckKind::Loads
        | CheckKind::Freshness
        | CheckKind::Content
        | CheckKind::Destruction
        | CheckKind::Rebuild
        | CheckKind::Certificate
        | CheckKind::Inventory => true,
        CheckKind::RecoveryPoints
        | CheckKind::Isolation
        | CheckKind::SecretPreserved
        | CheckKind::SecretRegenerated
        | CheckKind::ManualStep
        | CheckKind::Rto
        | CheckKind::Rpo
        | CheckKind::ManualSteps
        | CheckKind::DataLoss
        | CheckKind::Bitten
        | CheckKind::Expectation => false,
    }
}

/// Did the stack recover?
///
/// The worst result decides. Without any check on data nothing is known, and a fault that was not
/// seen to bite leaves the run without its question.
#[must_use]
pub fn recovery_answer(results: &[CheckResult]) -> Recovery {
    // More was lost than the objective allows: measured in this run, whatever the schedule says.
    let too_old = |result: &CheckResult| {
        let measured = |(kind, _): &(FailureKind, u64)| kind.0 == "rpa-over-objective";
        result.check == CheckKind::Rpo && result.failures.iter().any(measured)
    };
    let deciding = || {
        results
            .iter()
            .filter(|result| decides(result.check) || too_old(result))
    };
    let worst = deciding().map(effective_outcome).max();
    let data = deciding()
        .any(|result| matches!(result.check, CheckKind::Survival | CheckKind::Fingerprint));
    let bitten = results
        .iter()
        .filter(|result| result.check == CheckKind::Bitten)
        .all(|result| effective_outcome(result) == Outcome::Pass);
    match worst {
        Some(Outcome::Fail) => Recovery::NotRecovered,
        Some(Outcome::Pass) if data && bitten => Recovery::Recovered,
        Some(Outcome::Pass | Outcome::Unknown) | None => Recovery::Unknown,
    }
}
