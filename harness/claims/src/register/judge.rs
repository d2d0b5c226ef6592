//! The comparison itself.

use std::collections::BTreeSet;

use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Level, Outcome};

use super::coverage::failures;
use super::recovery::effective_outcome;
use super::roots::ancestors;
use super::weigh::{Weighed, durations, weigh};
use super::wording::{subject_label, wording};
use super::{
    Agreement, Carried, ClaimRef, DocumentRef, Evidence, Line, Register, RunFacts, SCHEMA, Settled,
    Status, recovery_answer,
};
use crate::document::{Claim, ClaimKind, Document};
use crate::mapping::{Mapping, MappingError, ties_of};

/// A line under construction: which results it tells of.
struct Draft {
    line: Line,
    /// Indices of the results that it is about, for what follows from them.
    about: Vec<usize>,
}

/// Holds the documents against what a run saw. A pure function: the same input gives the same
/// register.
///
/// An entry of the mapping that means no claim ties nothing: a section that was deleted from a
/// document takes its ties with it, and what they admitted is then undocumented. The register names
/// each such entry ([`Register::loose_ties`]), for it may be a typing mistake. An entry that means
/// several claims ties all of them: refuse it first ([`Mapping::check`]).
#[must_use]
pub fn judge(
    documents: &[Document],
    mapping: &Mapping,
    results: &[CheckResult],
    facts: &RunFacts,
) -> Register {
    let mut told = Told {
        kinds: vec![BTreeSet::new(); results.len()],
        whole: BTreeSet::new(),
    };
    let mut drafts = Vec::new();
    for document in documents {
        for claim in &document.claims {
            let ties = ties_of(mapping, documents, document, claim);
            let weighed = weigh(claim, &ties, results, facts);
            told.by(claim, &weighed, results);
            drafts.push(claim_line(document, claim, weighed, results, facts));
        }
    }
    findings(&mut drafts, &told, results, facts);
    let mut lines: Vec<Line> = drafts.into_iter().map(|draft| draft.line).collect();
    let position = |path: &str| documents.iter().position(|document| document.path == path);
    lines.sort_by_key(|line| {
        let place = line
            .claim
            .as_ref()
            .map(|claim| (position(&claim.document), claim.line));
        (line.status, place.is_none(), place)
    });
    Register {
        schema: SCHEMA,
        run: facts.run.clone(),
        environment: facts.environment.clone(),
        profile: facts.profile.clone(),
        level: facts.level,
        dirty: facts.dirty,
        at: facts.at.clone(),
        documents: documents.iter().map(document_ref).collect(),
        loose_ties: loose_ties(mapping, documents),
        recovery: recovery_answer(results),
        agreement: agreement(&lines),
        measured_percent: measured_percent(&lines),
        lines,
        objectives: results
            .iter()
            .filter(|result| is_objective(result.check))
            .map(|result| evidence(result, result.failures.clone()))
            .collect(),
    }
}

fn loose_ties(mapping: &Mapping, documents: &[Document]) -> Vec<String> {
    let problems = mapping.check(documents).err().unwrap_or_default();
    problems
        .iter()
        .filter(|problem| matches!(problem, MappingError::UnknownClaim { .. }))
        .map(|problem| format!("{problem}; {}", problem.help_text()))
        .collect()
}

/// What some claim has already told.
struct Told {
    /// For each result, the kinds of failure that a document admits.
    kinds: Vec<BTreeSet<FailureKind>>,
    /// Results that a line tells of whole: a broken claim, or one that stays open over them.
    whole: BTreeSet<usize>,
}

impl Told {
    fn by(&mut self, claim: &Claim, weighed: &Weighed, results: &[CheckResult]) {
        // A transcript and a matrix of risks sum up what stands elsewhere: a loss is documented by
        // the entry that names its cause, or not at all.
        let sums_up = matches!(claim.kind, ClaimKind::TranscriptLine | ClaimKind::Risk);
        if sums_up && weighed.status == Status::Confirmed {
            return;
        }
        for used in &weighed.used {
            match weighed.status {
                Status::Confirmed => {
                    self.kinds[used.at].extend(used.admitted.iter().map(|(kind, _)| kind.clone()));
                    if effective_outcome(&results[used.at]) == Outcome::Unknown {
                        self.whole.insert(used.at);
                    }
                }
                Status::Broken => {
                    self.whole.insert(used.at);
                }
                Status::Undecided => {
                    if effective_outcome(&results[used.at]) == Outcome::Unknown {
                        self.whole.insert(used.at);
                    }
                    self.kinds[used.at].extend(used.admitted.iter().map(|(kind, _)| kind.clone()));
                }
                Status::Undocumented
                | Status::Closed
                | Status::Holds
                | Status::Stale
                | Status::Unproven => {}
            }
        }
    }

    /// The failures of a result that nobody has told.
    fn untold(&self, results: &[CheckResult], at: usize) -> Vec<(FailureKind, u64)> {
        if self.whole.contains(&at) {
            return Vec::new();
        }
        let mut left = failures(&results[at]);
        left.retain(|(kind, _)| !self.kinds[at].contains(kind));
        left
    }
}

/// Adds a line for everything that the run saw and no document tells, and hangs under each line
/// what follows from it.
fn findings(drafts: &mut Vec<Draft>, told: &Told, results: &[CheckResult], facts: &RunFacts) {
    let mut consequences = Vec::new();
    for at in 0..results.len() {
        let result = &results[at];
        let outcome = effective_outcome(result);
        let untold = match outcome {
            Outcome::Pass => continue,
            Outcome::Fail => told.untold(results, at),
            Outcome::Unknown if told.whole.contains(&at) => continue,
            Outcome::Unknown => Vec::new(),
        };
        if outcome == Outcome::Fail && untold.is_empty() {
            continue;
        }
        if is_objective(result.check) && !objective_is_news(result, results, facts, outcome) {
            continue;
        }
        match ancestors(results, at).last() {
            Some(root) => consequences.push((*root, at, untold)),
            None => drafts.push(finding_line(result, at, untold, facts)),
        }
    }
    for (root, at, untold) in consequences {
        let tells = |draft: &&mut Draft| {
            draft.about.contains(&root)
                && matches!(
                    draft.line.status,
                    Status::Confirmed | Status::Broken | Status::Undocumented
                )
        };
        match drafts.iter_mut().find(tells) {
            Some(draft) => draft.line.consequences.push(evidence(&results[at], untold)),
            // Nobody tells of the root, so this one cannot be hidden under it.
            None => drafts.push(finding_line(&results[at], at, untold, facts)),
        }
    }
}

/// The scenario's own objectives: reported apart.
fn is_objective(check: CheckKind) -> bool {
    matches!(
        check,
        CheckKind::Rto | CheckKind::Rpo | CheckKind::ManualSteps | CheckKind::DataLoss
    )
}

/// Whether an objective that was missed, and that no claim admits, is news of its own. A sum is
/// not while its parts are told, and a duration is not below the real level.
fn objective_is_news(
    result: &CheckResult,
    results: &[CheckResult],
    facts: &RunFacts,
    outcome: Outcome,
) -> bool {
    let has_failed = |check: CheckKind| {
        results
            .iter()
            .any(|part| part.check == check && part.outcome == Outcome::Fail)
    };
    outcome == Outcome::Fail
        && match result.check {
            CheckKind::ManualSteps => !has_failed(CheckKind::ManualStep),
            CheckKind::DataLoss => !has_failed(CheckKind::Survival),
            check if durations(check) => facts.level == Level::RealAccount,
            _ => true,
        }
}

fn finding_line(
    result: &CheckResult,
    at: usize,
    untold: Vec<(FailureKind, u64)>,
    facts: &RunFacts,
) -> Draft {
    // A fault that did not bite is a failure of the harness, not of the stack.
    let failed = effective_outcome(result) == Outcome::Fail && result.check != CheckKind::Bitten;
    let status = if failed {
        Status::Undocumented
    } else {
        Status::Undecided
    };
    let kinds: Vec<_> = untold
        .iter()
        .map(|(kind, n)| format!("{n} {}", kind.0))
        .collect();
    let why = if failed && !result.failures.is_empty() && untold.len() < result.failures.len() {
        format!(
            "no document says so: {} ({})",
            kinds.join(", "),
            result.summary
        )
    } else if failed {
        format!("no document says so: {}", result.summary)
    } else {
        result.summary.clone()
    };
    let settled = failed && !facts.dirty && facts.level == Level::RealAccount;
    let line = Line {
        status,
        wording: wording(status, settled, false).to_owned(),
        settled,
        level: facts.level,
        claim: None,
        title: subject_label(result.check, &result.subject),
        why,
        other_cause: false,
        not_testable: None,
        evidence: vec![evidence(result, untold)],
        consequences: Vec::new(),
        carried: None,
    };
    Draft {
        line,
        about: vec![at],
    }
}

fn claim_line(
    document: &Document,
    claim: &Claim,
    weighed: Weighed,
    results: &[CheckResult],
    facts: &RunFacts,
) -> Draft {
    let about = weighed.used.iter().map(|used| used.at).collect();
    let evidence = weighed
        .used
        .into_iter()
        .map(|used| {
            let result = &results[used.at];
            let failures = if weighed.status == Status::Broken {
                failures_of(result)
            } else {
                used.admitted
            };
            evidence(result, failures)
        })
        .collect();
    let mut line = Line {
        status: weighed.status,
        wording: String::new(),
        settled: weighed.settled,
        level: facts.level,
        claim: Some(claim_ref(document, claim)),
        title: claim.title.clone(),
        why: weighed.why,
        other_cause: weighed.other_cause,
        not_testable: weighed.not_testable,
        evidence,
        consequences: Vec::new(),
        carried: None,
    };
    carry(&mut line, document, claim, facts);
    let never = line.status == Status::Unproven && line.not_testable.is_some();
    line.wording = if never {
        "not testable here".to_owned()
    } else {
        wording(line.status, line.settled, line.other_cause).to_owned()
    };
    Draft { line, about }
}

fn failures_of(result: &CheckResult) -> Vec<(FailureKind, u64)> {
    result.failures.clone()
}

/// Sets what an earlier run settled against what this one saw: evidence of a lower level never
/// moves what is settled, but a newer failure beats an older success of any level.
fn carry(line: &mut Line, document: &Document, claim: &Claim, facts: &RunFacts) {
    if line.settled {
        return;
    }
    let mine = |settled: &&Settled| settled.document == document.path && settled.claim == claim.id;
    let Some(last) = facts
        .history
        .iter()
        .filter(mine)
        .max_by(|a, b| a.at.cmp(&b.at))
    else {
        return;
    };
    let reworded = last.claim_digest != claim.digest;
    let moved = claim
        .locations
        .iter()
        .find(|location| facts.changed_files.contains(&location.path));
    let fresh = facts.is_fresh(&last.at) && !reworded && moved.is_none();
    line.carried = Some(Carried {
        run: last.run.clone(),
        at: last.at.clone(),
        level: last.level,
        status: last.status,
    });
    let takes_over = match line.status {
        Status::Unproven | Status::Holds | Status::Closed => true,
        // Both saw it fail: the older one at the level that settles it.
        Status::Confirmed => last.status == Status::Confirmed,
        Status::Broken | Status::Undocumented | Status::Undecided | Status::Stale => false,
    };
    if fresh && takes_over {
        line.status = last.status;
        line.settled = true;
        line.level = last.level;
        line.why = format!(
            "settled by run {} on {}; this run: {}",
            last.run, last.at, line.why
        );
    } else if !fresh && line.status == Status::Unproven {
        line.status = Status::Stale;
        let reason = if reworded {
            "the claim was reworded since".to_owned()
        } else if let Some(location) = moved {
            format!("{} changed since", location.path)
        } else {
            format!("that is more than {} days ago", facts.evidence_days_max)
        };
        line.why = format!("settled by run {} on {}, but {reason}", last.run, last.at);
    }
}

fn evidence(result: &CheckResult, failures: Vec<(FailureKind, u64)>) -> Evidence {
    Evidence {
        check: result.check,
        subject: result.subject.clone(),
        outcome: effective_outcome(result),
        failures,
        examined: result.examined,
        summary: result.summary.clone(),
        measured: result.measured,
        proofs: result.proofs.clone(),
    }
}

fn claim_ref(document: &Document, claim: &Claim) -> ClaimRef {
    ClaimRef {
        document: document.path.clone(),
        line: claim.span.line,
        id: claim.id.clone(),
        kind: claim.kind,
        title: claim.title.clone(),
        says: claim.says,
        severity: claim.severity,
        theme: claim.theme.clone(),
        digest: claim.digest.clone(),
    }
}

fn document_ref(document: &Document) -> DocumentRef {
    DocumentRef {
        path: document.path.clone(),
        digest: document.digest.clone(),
        title: document.title.clone(),
        claimed_percent: document.status_percent.map(|status| status.percent),
        claims: document.claims.len(),
        warnings: document
            .warnings
            .iter()
            .map(|warning| format!("{}: {} ({})", warning.line, warning.message, warning.help))
            .collect(),
    }
}

/// The second answer. A finding outranks not knowing; and a document of which nothing was judged
/// is not one that agrees.
fn agreement(lines: &[Line]) -> Agreement {
    let has = |wanted: &[Status]| lines.iter().any(|line| wanted.contains(&line.status));
    if has(&[Status::Broken, Status::Undocumented]) {
        Agreement::Disagrees
    } else if has(&[Status::Undecided]) || !has(&[Status::Confirmed, Status::Closed, Status::Holds])
    {
        Agreement::CannotTell
    } else {
        Agreement::Agrees
    }
}

fn measured_percent(lines: &[Line]) -> Option<f64> {
    let counts = |line: &&Line| {
        line.claim
            .as_ref()
            .is_some_and(|claim| matches!(claim.kind, ClaimKind::Capability | ClaimKind::Gap))
    };
    let (mut working, mut judged) = (0_u32, 0_u32);
    for line in lines.iter().filter(counts) {
        match line.status {
            Status::Holds | Status::Closed => (working, judged) = (working + 1, judged + 1),
            Status::Confirmed | Status::Broken => judged += 1,
            Status::Undocumented | Status::Undecided | Status::Stale | Status::Unproven => {}
        }
    }
    (judged > 0).then(|| f64::from(working) * 100.0 / f64::from(judged))
}
