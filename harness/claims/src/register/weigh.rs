//! One claim against the results of the checks that are tied to it.

use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Level, Outcome, Subject};

use super::coverage::admitted;
use super::criterion::{Standing, standing};
use super::recovery::effective_outcome;
use super::roots::{ancestors, caused_by};
use super::wording::{level_label, subject_label};
use super::{RunFacts, Status, settles};
use crate::document::{Claim, ClaimKind, Says, Tense};
use crate::mapping::{Selector, Tie};

/// What one result says of one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Pass,
    Unknown,
    /// Unknown, as a consequence of something that failed.
    UnknownAfterFailure,
    /// Failed in a way that the claim admits.
    Admitted,
    /// Failed, and some of what was examined was still good.
    AdmittedInPart,
    /// Failed, and only in ways that the claim does not admit.
    Other,
    /// Failed worse than the claim says of today.
    Worse,
}

/// A result that bears on a claim.
pub(super) struct Used {
    /// Index among the results.
    pub(super) at: usize,
    /// The failures that the claim admits.
    pub(super) admitted: Vec<(FailureKind, u64)>,
}

/// How a claim stands.
pub(super) struct Weighed {
    pub(super) status: Status,
    pub(super) why: String,
    pub(super) settled: bool,
    pub(super) other_cause: bool,
    pub(super) not_testable: Option<String>,
    pub(super) used: Vec<Used>,
}

/// Weighs a claim.
pub(super) fn weigh(
    claim: &Claim,
    ties: &[&Tie],
    results: &[CheckResult],
    facts: &RunFacts,
) -> Weighed {
    let mut weighed = Weighed {
        status: Status::Unproven,
        why: String::new(),
        settled: false,
        other_cause: false,
        not_testable: ties.iter().find_map(|tie| tie.not_testable.clone()),
        used: Vec::new(),
    };
    if ties.iter().all(|tie| tie.checks.is_empty()) {
        weighed.why = match &weighed.not_testable {
            Some(reason) => format!("not testable here: {reason}"),
            None => "no check is tied to it".to_owned(),
        };
        return weighed;
    }
    let mut seen = Vec::new();
    let mut missing = Vec::new();
    let mut foreign = true;
    // A transcript and a criterion tell how it goes when everything goes.
    let of_everything = matches!(claim.kind, ClaimKind::TranscriptLine | ClaimKind::Criterion);
    for tie in ties {
        for tied in &tie.checks {
            if facts.partial && (of_everything || sums_up(tied.check)) {
                missing.push(
                    "it speaks of a rebuild of everything, and this run destroyed a part"
                        .to_owned(),
                );
                continue;
            }
            let matched: Vec<usize> = (0..results.len())
                .filter(|&at| {
                    results[at].check == tied.check && tied.on.matches(&results[at].subject)
                })
                .collect();
            // All is more than those that were there to be asked.
            if tied.on == Selector::All && !matched.is_empty() {
                missing.extend(unasked(facts, tied.check));
            }
            if matched.is_empty() {
                match absent(facts, tied.check, &tied.on) {
                    Absent::BrokeOff(why) => seen.push((Seen::Unknown, why)),
                    Absent::NotSet(why) => missing.push(why),
                }
            }
            for at in matched {
                let result = &results[at];
                if durations(tied.check) && facts.level != Level::RealAccount {
                    missing.push(unheld(result, facts.level));
                    weighed.used.push(Used {
                        at,
                        admitted: Vec::new(),
                    });
                    continue;
                }
                let (says, admitted) = one(claim, tie, results, at);
                if matches!(says, Seen::Admitted | Seen::AdmittedInPart) {
                    let named = tie.causes.as_ref();
                    foreign &= named.is_some_and(|causes| !caused_by(results, at, causes));
                }
                seen.push((says, result.summary.clone()));
                weighed.used.push(Used { at, admitted });
            }
        }
    }
    let (status, why) = conclude(claim, &seen, &missing);
    weighed.status = status;
    weighed.why = why;
    weighed.other_cause = status == Status::Confirmed && foreign;
    weighed.settled = !facts.dirty
        && matches!(
            status,
            Status::Confirmed | Status::Closed | Status::Holds | Status::Broken
        )
        && ties
            .iter()
            .filter(|tie| !tie.checks.is_empty())
            .all(|tie| settles(facts.level, tie.level.unwrap_or(Level::RealAccount)));
    if weighed.other_cause {
        weighed
            .why
            .push_str("; the cause is not the one that the document names");
    }
    weighed
}

/// What one result says of the claim, and the failures that the claim admits.
fn one(
    claim: &Claim,
    tie: &Tie,
    results: &[CheckResult],
    at: usize,
) -> (Seen, Vec<(FailureKind, u64)>) {
    let result = &results[at];
    let outcome = effective_outcome(result);
    if outcome == Outcome::Unknown {
        let after = !ancestors(results, at).is_empty();
        let says = if after {
            Seen::UnknownAfterFailure
        } else {
            Seen::Unknown
        };
        return (says, Vec::new());
    }
    // A criterion has its own target: the scenario's objective may be another.
    let standing = match claim.kind {
        ClaimKind::Criterion => standing(claim, result),
        _ => None,
    };
    match standing {
        Some(Standing::Met) => return (Seen::Pass, Vec::new()),
        Some(Standing::Worse) => return (Seen::Worse, super::coverage::failures(result)),
        Some(Standing::NotMet) if outcome == Outcome::Pass => return (Seen::Admitted, Vec::new()),
        Some(Standing::NotMet) | None => {}
    }
    if outcome == Outcome::Pass {
        return (Seen::Pass, Vec::new());
    }
    let admitted = admitted(tie, result);
    if admitted.is_empty() {
        return (Seen::Other, Vec::new());
    }
    let failed: u64 = result.failures.iter().map(|(_, n)| n).sum();
    // A step that waits for a person is what a warning sign warns of: it gets done, with a hand.
    let part = (!result.failures.is_empty() && failed < result.examined)
        || result.check == CheckKind::ManualStep;
    let says = if part {
        Seen::AdmittedInPart
    } else {
        Seen::Admitted
    };
    (says, admitted)
}

/// The status that follows, and why. The worst counts.
fn conclude(claim: &Claim, seen: &[(Seen, String)], missing: &[String]) -> (Status, String) {
    let first = |wanted: &[Seen]| {
        seen.iter()
            .find(|(says, _)| wanted.contains(says))
            .map(|(_, why)| why.clone())
    };
    let failed = [
        Seen::Admitted,
        Seen::AdmittedInPart,
        Seen::Other,
        Seen::Worse,
    ];
    let unknown = first(&[Seen::Unknown, Seen::UnknownAfterFailure]);
    let passes = seen.iter().filter(|(says, _)| *says == Seen::Pass).count();
    let all = match passes {
        1 => first(&[Seen::Pass]).unwrap_or_default(),
        n => format!("all {n} checks passed"),
    };
    if claim.says == Says::Unknown || (claim.tense == Tense::Aim && claim.says != Says::Works) {
        return (
            Status::Unproven,
            "the document does not say whether it works".to_owned(),
        );
    }
    if claim.tense == Tense::Aim {
        return if let Some(why) = first(&failed) {
            (
                Status::Unproven,
                format!("a target, and not reached yet: {why}"),
            )
        } else if let Some(why) = first(&[Seen::Unknown]) {
            (Status::Undecided, why)
        } else if let Some(why) = first(&[Seen::UnknownAfterFailure]) {
            (
                Status::Unproven,
                format!("a target, and not reached yet: {why}"),
            )
        } else if let Some(why) = missing.first() {
            (Status::Unproven, why.clone())
        } else {
            (Status::Holds, all)
        };
    }
    if claim.says == Says::Works {
        return if let Some(why) = first(&failed) {
            (Status::Broken, why)
        } else {
            rest(Status::Holds, unknown, missing, all)
        };
    }
    if let Some(why) = first(&[Seen::Worse]) {
        return (
            Status::Broken,
            format!("worse than the document says of today: {why}"),
        );
    }
    if let Some(why) = first(&[Seen::Admitted, Seen::AdmittedInPart]) {
        let told = if passes > 0 {
            format!("{why} ({passes} of {} checks passed)", seen.len())
        } else {
            why
        };
        if claim.says != Says::Partial {
            return (Status::Confirmed, told);
        }
        let mixed = passes > 0 || first(&[Seen::AdmittedInPart]).is_some();
        return if mixed {
            (Status::Confirmed, told)
        } else {
            let why = format!("said to work in part, and none of it did: {told}");
            rest(Status::Broken, unknown, missing, why)
        };
    }
    if let Some(why) = unknown {
        return (Status::Undecided, why);
    }
    if let Some(why) = first(&[Seen::Other]) {
        let why = format!("it failed in a way that the document does not name: {why}");
        return (Status::Undecided, why);
    }
    rest(Status::Closed, None, missing, all)
}

/// `good`, unless a check could not tell or was not made.
fn rest(
    good: Status,
    unknown: Option<String>,
    missing: &[String],
    why: String,
) -> (Status, String) {
    match (unknown, missing.first()) {
        (Some(unknown), _) => (Status::Undecided, unknown),
        (None, Some(missing)) => (Status::Unproven, missing.clone()),
        (None, None) => (good, why),
    }
}

/// Why a tied check has no result.
enum Absent {
    /// It was set out to be made.
    BrokeOff(String),
    /// This run never meant to make it.
    NotSet(String),
}

/// Services of which a check was not made, with the reason.
fn unasked(facts: &RunFacts, check: CheckKind) -> impl Iterator<Item = String> {
    facts
        .not_run
        .iter()
        .filter(move |one| one.check == check)
        .filter(|one| matches!(one.subject, Some(Subject::Service(_))))
        .map(|one| one.reason.clone())
}

fn absent(facts: &RunFacts, check: CheckKind, on: &Selector) -> Absent {
    let planned = facts
        .planned
        .iter()
        .find(|(kind, subject)| *kind == check && on.matches(subject));
    if let Some((_, subject)) = planned {
        let what = subject_label(check, subject);
        return Absent::BrokeOff(format!("{what}: the run ended before it was checked"));
    }
    let reason = facts.not_run.iter().find(|not_run| {
        not_run.check == check
            && not_run
                .subject
                .as_ref()
                .is_none_or(|subject| on.matches(subject))
    });
    Absent::NotSet(match (reason, on) {
        (Some(not_run), _) => not_run.reason.clone(),
        (None, Selector::Subject(subject)) => {
            format!(
                "this run made no check of {}",
                subject_label(check, subject)
            )
        }
        (None, Selector::Named(name)) => {
            format!(
                "this run made no check {} on {name}",
                crate::mapping::check_name(check)
            )
        }
        (None, Selector::All) => {
            format!(
                "this run made no check {}",
                crate::mapping::check_name(check)
            )
        }
    })
}

/// Checks that sum up a rebuild of the whole stack.
fn sums_up(check: CheckKind) -> bool {
    matches!(
        check,
        CheckKind::Rto | CheckKind::DataLoss | CheckKind::ManualSteps | CheckKind::Rebuild
    )
}

/// Checks whose answer is a duration.
pub(super) fn durations(check: CheckKind) -> bool {
    matches!(check, CheckKind::Rto | CheckKind::Rpo)
}

fn unheld(result: &CheckResult, level: Level) -> String {
    let label = level_label(level);
    let measured = result.measured.map_or_else(
        || "nothing measured".to_owned(),
        |seconds| format!("{seconds:.1} s measured"),
    );
    format!("{measured} ({label}); durations are settled by a real account alone")
}
