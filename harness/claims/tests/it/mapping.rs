//! Ties: unknown titles, ambiguous ones, and proposals.

use phoenix_claims::{Entry, Mapping, Names, Tie, draft_mapping, draft_yaml};
use phoenix_evidence::finding::{CheckKind, Subject};

use crate::support::{parse, shipped, store};

fn entry(claim: &str, line: u32) -> Entry {
    let ties = vec![Tie::to(CheckKind::Survival, store("efs"))];
    Entry {
        claim: claim.to_owned(),
        document: None,
        line: Some(line),
        ties,
    }
}

fn mapping(claims: &[&str]) -> Mapping {
    let entries = claims
        .iter()
        .zip(40..)
        .map(|(claim, line)| entry(claim, line))
        .collect();
    Mapping {
        source: Some("environments/mine.yaml".to_owned()),
        entries,
    }
}

#[test]
fn a_claim_is_meant_by_its_id_or_its_exact_title() {
    let documents = [shipped()];
    let good = mapping(&["gap-efs", "S3 Uploads (BookStack, Zulip)", "Manual  steps"]);
    assert_eq!(good.check(&documents), Ok(()));
}

#[test]
fn a_title_that_no_claim_has_is_an_error_with_its_place_and_the_nearest_one() {
    let double = parse("| A | Works |\n| --- | --- |\n| Backups | yes |\n| Backups | no |\n");
    let documents = [shipped(), double];
    let errors = mapping(&[
        "EFS (Zulip Data + Sidecar Postgres)",
        "gap-efss",
        "Backups",
        "xyzzy",
    ])
    .check(&documents)
    .unwrap_err();
    let shown: Vec<_> = errors
        .iter()
        .map(|error| format!("{error}\n  help: {}", error.help_text()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn proposals_are_for_a_person_to_approve() {
    let subject = |subject: Subject, words: &[&str]| {
        (
            subject,
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let names = Names {
        subjects: vec![
            subject(store("zulip-efs"), &["sidecar"]),
            subject(store("bookstack-uploads"), &["s3"]),
            subject(store("mattermost-files"), &[]),
            subject(store("zitadel-db"), &[]),
            subject(
                Subject::Secret("zitadel/masterkey".to_owned()),
                &["master key"],
            ),
            subject(
                Subject::Secret("bookstack/app-key".to_owned()),
                &["application key"],
            ),
            subject(
                Subject::ManualStep("zitadel-pat".to_owned()),
                &["bootstrap", "oidc"],
            ),
            subject(Subject::ManualStep("ses-verification".to_owned()), &[]),
            subject(Subject::Service("zulip".to_owned()), &[]),
        ],
    };
    let suggestions = draft_mapping(&shipped(), &names);
    insta::assert_snapshot!(draft_yaml(&suggestions));
}

/// The checks that are proposed for the claims of a document, with what they are on.
fn proposed(document: &str) -> Vec<String> {
    let names = Names {
        subjects: vec![
            (store("ledger"), vec!["database".to_owned()]),
            (store("uploads"), vec!["bucket".to_owned()]),
        ],
    };
    draft_mapping(&parse(document), &names)
        .iter()
        .map(|one| {
            let subject = match &one.subject {
                Some(Subject::Store(name)) => name.as_str(),
                _ => "all",
            };
            format!("{}: {:?} {subject}", one.line, one.check)
        })
        .collect()
}

#[test]
fn what_is_said_of_a_backup_itself_is_answered_by_looking_at_one() {
    let rows = [
        ("The nightly dump loads", "Loads all"),
        ("Backups of the ledger are restorable", "Loads ledger"),
        (
            "The dump of the ledger is no older than a day",
            "Freshness ledger",
        ),
        (
            "Every archive of the uploads is complete",
            "Content uploads",
        ),
        // These words stand in others, or are said of something else.
        ("Backups of uploads", "RecoveryPoints uploads"),
        ("Backups in cold storage", "RecoveryPoints all"),
        (
            "Databases can be restored from backups",
            "RecoveryPoints ledger",
        ),
        ("Backups survive", "Survival all"),
    ];
    let mut document = "## What works\n\n| Capability | Status |\n| --- | --- |\n".to_owned();
    let mut wanted = Vec::new();
    for (line, (title, check)) in (5..).zip(rows) {
        document.push_str(&format!("| {title} | ✅ |\n"));
        wanted.push(format!("{line}: {check}"));
    }
    assert_eq!(proposed(&document), wanted);
}

#[test]
fn gaps_and_criteria_of_backups_are_proposed_so_too() {
    let gaps = "## Blockers\n\n### Critical\n\n#### The ledger's dump was never restored\n\n```\n\
                Problem: nobody tried\n```\n\n#### Backups are stale\n\n```\nProblem: cron\n```\n";
    assert_eq!(proposed(gaps), ["5: Loads ledger", "11: Freshness all"]);
    let criteria = "## Success Criteria\n\n| Metric | Current | Target |\n| --- | --- | --- |\n\
                    | Age of the newest backup | 3 days | < 26 h |\n| Time to restore | 1 h | 15 min |\n";
    assert_eq!(proposed(criteria), ["5: Freshness all", "6: Rto all"]);
}
