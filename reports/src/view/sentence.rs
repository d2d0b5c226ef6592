//! The two answers of a cycle, and the sentence that has both.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome};

use super::{CycleView, subject};

/// Failures that the sentence of a verdict names.
const REASONS_MAX: usize = 5;

impl CycleView {
    /// Did the stack recover? In one word.
    #[must_use]
    pub fn recovery(&self) -> &str {
        self.finished
            .as_ref()
            .map_or("unknown", |finished| &finished.recovery)
    }

    /// Does the document agree? In one word.
    #[must_use]
    pub fn agreement(&self) -> &str {
        self.finished
            .as_ref()
            .map_or("cannot-tell", |finished| &finished.agreement)
    }

    /// The verdict in one sentence, both answers in it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Some(finished) = &self.finished else {
            let at = match self.steps.iter().find(|step| step.ended == "unfinished") {
                Some(step) => format!(" during “{}”", step.step.title),
                None => String::new(),
            };
            return format!("The run broke off{at}: nothing was judged.");
        };
        let recovery = match self.recovery() {
            "recovered" => "The stack recovered".to_owned(),
            "not-recovered" => format!("The stack did not recover: {}", self.reasons()),
            _ if finished.interrupted => {
                "The run was interrupted, so whether the stack recovered is not known".to_owned()
            }
            _ => match self.steps.iter().find(|step| step.ended == "failed") {
                Some(step) => format!(
                    "Whether the stack recovered is not known, because “{}” failed ({})",
                    step.step.title,
                    step.detail.lines().next().unwrap_or_default()
                ),
                None => match self.unknown() {
                    Some(why) => format!("Whether the stack recovered is not known ({why})"),
                    None if self.foreign.is_some() => {
                        "Whether the stack recovered is not known (it came up on a backup that phoenix \
                         did not make, which never shows that nothing was lost)"
                            .to_owned()
                    }
                    None => "Whether the stack recovered is not known".to_owned(),
                },
            },
        };
        let agreement = match self.agreement() {
            "agrees" => "the document agrees",
            "disagrees" => "the document disagrees",
            _ => "whether the document agrees cannot be told",
        };
        format!(
            "{recovery}; {agreement}{}{}.",
            self.objectives(),
            self.unmet()
        )
    }

    /// The objectives that were missed though everything came back.
    fn objectives(&self) -> String {
        if self.recovery() != "recovered" {
            return String::new();
        }
        let mut missed: BTreeSet<String> = BTreeSet::new();
        for result in &self.results {
            let word = match result.check {
                CheckKind::Rto => "RTO",
                CheckKind::Rpo => "RPO",
                CheckKind::ManualSteps => "manual steps",
                _ => continue,
            };
            if result.outcome == Outcome::Fail {
                missed.insert(format!("{word} of {}", subject(&result.subject)));
            }
        }
        let missed: Vec<String> = missed.into_iter().collect();
        match missed.len() {
            0 => String::new(),
            n if n > REASONS_MAX + 1 => format!(
                "; objectives missed: {}, and {} more",
                missed[..REASONS_MAX].join(", "),
                n - REASONS_MAX
            ),
            _ => format!("; objectives missed: {}", missed.join(", ")),
        }
    }

    /// What the scenario promised and the run did not keep.
    fn unmet(&self) -> String {
        let unmet: Vec<String> = self
            .expectations
            .iter()
            .filter(|(_, met, _)| !met)
            .map(|(expected, _, saw)| format!("expected {expected}, saw {saw}"))
            .collect();
        if unmet.is_empty() {
            String::new()
        } else {
            format!("; not as the scenario expects: {}", unmet.join(", "))
        }
    }

    /// The first check that could not tell.
    fn unknown(&self) -> Option<&str> {
        self.results
            .iter()
            .find(|result| result.outcome == Outcome::Unknown)
            .map(|result| result.summary.as_str())
    }

    /// What failed, in a few words: stores, secrets and services with a failure of their own.
    fn reasons(&self) -> String {
        let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for result in &self.results {
            let own = result.outcome == Outcome::Fail && result.consequence_of.is_none();
            if own && decides(result) {
                let own = result.failures.iter().map(|(kind, _)| kind.0.as_str());
                kinds
                    .entry(subject(&result.subject))
                    .or_default()
                    .extend(own);
            }
        }
        let all: Vec<String> = kinds
            .iter()
            .map(|(name, kinds)| {
                let kinds: Vec<&str> = kinds.iter().copied().collect();
                format!("{name} ({})", kinds.join(", "))
            })
            .collect();
        match all.len() {
            0 => "a check failed".to_owned(),
            n if n > REASONS_MAX + 1 => format!(
                "{}, and {} more",
                all[..REASONS_MAX].join(", "),
                n - REASONS_MAX
            ),
            _ => all.join(", "),
        }
    }
}

/// Whether a failure is a reason by itself. What adds others up is none, and a key counts by what it made
/// unreadable; but a password that is refused seals nothing: the store behind it is shut.
fn decides(result: &CheckResult) -> bool {
    match result.check {
        CheckKind::ManualStep
        | CheckKind::ManualSteps
        | CheckKind::Rto
        | CheckKind::Rpo
        | CheckKind::DataLoss
        | CheckKind::Expectation => false,
        CheckKind::SecretPreserved => {
            let mut kinds = result.failures.iter().map(|(kind, _)| kind.0.as_str());
            kinds.any(|kind| kind == "password-refused")
        }
        _ => true,
    }
}
