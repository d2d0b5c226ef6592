//! The objectives that need the whole of a cycle: how long it took, and how many hands.

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::Phase;

use super::Cycle;
use super::results::{kind, result};

impl Cycle<'_> {
    pub(super) fn conclude_objectives(&self) {
        let mut state = self.state();
        if state.disaster.is_none() {
            return;
        }
        let checked_writes = state
            .results
            .iter()
            .any(|result| result.check == CheckKind::Write);
        if checked_writes {
            let last = self
                .stack
                .services
                .iter()
                .map(|service| {
                    state
                        .phases
                        .get(&(service.name.clone(), Phase::FirstWrite))
                        .copied()
                })
                .try_fold(0.0_f64, |worst, at| at.map(|at| worst.max(at)));
            state.rta_s = last;
            let objective = self.stack.objectives.rto.map(|rto| rto.as_secs_f64());
            // A service that nobody knows how to write to may well take writes.
            let untried = state.results.iter().find(|result| {
                result.check == CheckKind::Write && result.outcome == Outcome::Unknown
            });
            let refused = state
                .results
                .iter()
                .any(|result| result.check == CheckKind::Write && result.outcome == Outcome::Fail);
            let untried = untried.filter(|_| !refused);
            let (outcome, failure, summary) = match (last, objective) {
                (None, _) if untried.is_some() => (
                    Outcome::Unknown,
                    None,
                    "not known: not every service is known how to be written to".to_owned(),
                ),
                (None, _) => (
                    Outcome::Fail,
                    Some("rto-not-reached"),
                    "not every service took a durable write again".to_owned(),
                ),
                (Some(took), Some(objective)) if took > objective => (
                    Outcome::Fail,
                    Some("rto-over-objective"),
                    format!(
                        "{took:.1}s from the disaster to the last first write, objective {objective:.0}s"
                    ),
                ),
                (Some(took), _) => (
                    Outcome::Pass,
                    None,
                    format!("{took:.1}s from the disaster to the last first write"),
                ),
            };
            let mut found = result(CheckKind::Rto, Subject::Stack, outcome, 1, summary);
            found.measured = last;
            if let Some(failure) = failure {
                found.failures = vec![(kind(failure), 1)];
            }
            state.results.push(found);
        }
        let manual = state.manual_by_nobody;
        let allowed = self.stack.objectives.manual_steps.unwrap_or(0);
        let over = manual > allowed;
        let asked = state
            .results
            .iter()
            .any(|result| result.check == CheckKind::ManualStep);
        // A step that nobody looked at may have waited for a person: the count is not known then,
        // unless it is too high without it.
        if asked && (state.manual_declared.is_empty() || over) {
            let mut found = result(
                CheckKind::ManualSteps,
                Subject::Stack,
                if over { Outcome::Fail } else { Outcome::Pass },
                self.stack.manual_steps.len() as u64,
                format!(
                    "{} that nobody automated, {allowed} allowed",
                    crate::words::count(u64::from(manual), "manual step", "manual steps"),
                ),
            );
            found.measured = Some(f64::from(manual));
            if over {
                found.failures = vec![(kind("manual-steps-over-objective"), u64::from(manual))];
                found.consequence_of = state.results.iter().position(|result| {
                    result.check == CheckKind::ManualStep && result.outcome == Outcome::Fail
                });
            }
            state.results.push(found);
        }
    }
}
