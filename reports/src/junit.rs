//! JUnit: one suite a cycle, one case a check result.

use phoenix_evidence::finding::Outcome;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::view::{CycleView, NEVER_BEGUN, View, subject};

/// The report as JUnit XML. A check that could not tell is an *error*, never a success; a failure
/// that the document admits is told in its message and does not fail the case.
///
/// # Errors
/// When a text cannot be written as XML.
pub fn junit(view: &View) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("phoenix");
    for cycle in &view.cycles {
        let name = format!("{}/{}", cycle.started.scenario.name, cycle.started.profile);
        let mut suite = TestSuite::new(name);
        suite.add_test_case(verdict(cycle));
        for (at, result) in cycle.results.iter().enumerate() {
            let check = serde_json::to_value(result.check)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default();
            let status = match result.outcome {
                Outcome::Pass => TestCaseStatus::success(),
                Outcome::Unknown => said(NonSuccessKind::Error, &result.summary),
                Outcome::Fail if admitted(cycle, at) => TestCaseStatus::success(),
                Outcome::Fail => said(NonSuccessKind::Failure, &result.summary),
            };
            let mut case = TestCase::new(format!("{check} {}", subject(&result.subject)), status);
            if result.outcome == Outcome::Fail && admitted(cycle, at) {
                case.set_system_out(format!("as the document says: {}", result.summary));
            } else {
                case.set_system_out(&result.summary);
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    for cycle in &view.missing {
        let mut suite = TestSuite::new(format!("{}/{}", cycle.scenario, cycle.profile));
        let status = said(NonSuccessKind::Error, NEVER_BEGUN);
        suite.add_test_case(TestCase::new("verdict", status));
        report.add_test_suite(suite);
    }
    report.to_string()
}

/// The cycle as a whole, so that one that broke off before its first check is no empty success.
fn verdict(cycle: &CycleView) -> TestCase {
    let sentence = cycle.sentence();
    let status = match cycle.finished.as_ref().map(|finished| finished.exit) {
        Some(0) => TestCaseStatus::success(),
        Some(1) => said(NonSuccessKind::Failure, &sentence),
        Some(_) | None => said(NonSuccessKind::Error, &sentence),
    };
    let mut case = TestCase::new("verdict", status);
    case.set_system_out(sentence);
    case
}

fn said(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message);
    status
}

/// Whether the document agrees with this failure: it is not among what is broken or undocumented.
fn admitted(cycle: &CycleView, at: usize) -> bool {
    use phoenix_claims::Status;
    let (Some(register), Some(result)) = (&cycle.register, cycle.results.get(at)) else {
        return false;
    };
    !register.lines.iter().any(|line| {
        matches!(
            line.status,
            Status::Broken | Status::Undocumented | Status::Undecided
        ) && line
            .evidence
            .iter()
            .any(|evidence| evidence.check == result.check && evidence.subject == result.subject)
    })
}
