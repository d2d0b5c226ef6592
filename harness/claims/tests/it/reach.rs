//! How far a claim reaches: a summary admits nothing, a part of a stack says nothing of the whole.

use phoenix_claims::{
    Document, Entry, Mapping, Register, RunFacts, Selector, Status, Tie, TiedCheck, judge,
};
use phoenix_evidence::finding::{CheckKind, CheckResult, Level, Subject};

use crate::support::{fail, parse, pass, store};

fn mapping(claim: &str, check: CheckKind, subject: Subject) -> Mapping {
    Mapping {
        source: None,
        entries: vec![Entry {
            claim: claim.to_owned(),
            document: None,
            line: None,
            ties: vec![Tie {
                checks: vec![TiedCheck {
                    check,
                    on: Selector::Subject(subject),
                }],
                ..Tie::default()
            }],
        }],
    }
}

fn judged(
    document: &Document,
    mapping: &Mapping,
    results: &[CheckResult],
    partial: bool,
) -> Register {
    let at = "2026-11-24T08:00:00Z";
    let mut facts = RunFacts::new("r-1", "embedded", "today", Level::Embedded, at);
    facts.partial = partial;
    judge(std::slice::from_ref(document), mapping, results, &facts)
}

const TRANSCRIPT: &str = "## Recovery Today\n\n```bash\nterraform destroy\n# ❌ Files are gone\n# ⚠️ Make \
                          the token by hand\n# ✅ Everybody logs in\n```\n";

#[test]
fn a_line_of_a_transcript_is_confirmed_and_documents_nothing() {
    let document = parse(TRANSCRIPT);
    let tied = mapping("Files are gone", CheckKind::Survival, store("efs"));
    let lost = [fail(CheckKind::Survival, store("efs"), &[("lost", 5)])];
    let register = judged(&document, &tied, &lost, false);
    let line = register.lines_of(Status::Confirmed).next();
    assert_eq!(line.map(|line| line.title.as_str()), Some("Files are gone"));
    assert_eq!(register.lines_of(Status::Undocumented).count(), 1);
    assert_eq!(register.exit_code(), 1);
}

#[test]
fn a_step_that_waits_for_a_person_is_what_a_warning_sign_says() {
    let document = parse(TRANSCRIPT);
    let step = || Subject::ManualStep("token".to_owned());
    let tied = mapping("Make the token by hand", CheckKind::ManualStep, step());
    let by_hand = [fail(CheckKind::ManualStep, step(), &[("manual", 1)])];
    let register = judged(&document, &tied, &by_hand, false);
    assert_eq!(register.lines_of(Status::Confirmed).count(), 1);
    assert_eq!(register.lines_of(Status::Broken).count(), 0);
    let alone = [pass(CheckKind::ManualStep, step())];
    let register = judged(&document, &tied, &alone, false);
    assert_eq!(register.lines_of(Status::Closed).count(), 1);
}

#[test]
fn a_run_that_destroyed_a_part_says_nothing_of_a_rebuild_of_everything() {
    let document = parse(TRANSCRIPT);
    let wiki = || Subject::Service("wiki".to_owned());
    let tied = mapping("Everybody logs in", CheckKind::Login, wiki());
    for (result, whole) in [
        (pass(CheckKind::Login, wiki()), Status::Holds),
        (
            fail(CheckKind::Login, wiki(), &[("login-failed", 1)]),
            Status::Broken,
        ),
    ] {
        let status = |partial| {
            let register = judged(&document, &tied, std::slice::from_ref(&result), partial);
            let mut lines = register.lines.iter();
            lines
                .find(|line| line.title == "Everybody logs in")
                .map(|line| line.status)
        };
        assert_eq!(status(false), Some(whole));
        assert_eq!(status(true), Some(Status::Unproven));
    }
    // A failure that the claim would have told is news of its own instead.
    let failed = [fail(CheckKind::Login, wiki(), &[("login-failed", 1)])];
    assert_eq!(judged(&document, &tied, &failed, true).exit_code(), 1);
}
