//! Every status, and the cases that a harness must not get wrong.

use phoenix_claims::register::PLAIN_LOSS;
use phoenix_claims::{
    Agreement, Document, Entry, Line, Mapping, NotRun, Recovery, Register, RunFacts, Selector,
    Settled, Status, Tie, TiedCheck, judge, recovery_answer,
};
use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Level, Subject};

use crate::support::{fail, parse, pass, shipped, store, unknown};

const NOW: &str = "2026-11-24T08:00:00Z";

fn facts(level: Level) -> RunFacts {
    RunFacts::new("r-1", "embedded", "today", level, NOW)
}

fn tie(claim: &str, ties: &[Tie]) -> Entry {
    Entry {
        claim: claim.to_owned(),
        document: None,
        line: None,
        ties: ties.to_vec(),
    }
}

fn on(checks: &[(CheckKind, Subject)]) -> Tie {
    let checks = checks
        .iter()
        .map(|(check, subject)| TiedCheck {
            check: *check,
            on: Selector::Subject(subject.clone()),
        })
        .collect();
    Tie {
        checks,
        ..Tie::default()
    }
}

fn mapping(entries: Vec<Entry>) -> Mapping {
    Mapping {
        source: None,
        entries,
    }
}

/// A document of one claim, `it`, with this status.
fn says(status: &str) -> Document {
    parse(&format!(
        "| Thing | Status |\n| --- | --- |\n| Files <!-- phoenix: it --> | {status} |\n"
    ))
}

/// One claim tied to the survival of these stores, against these results, at a level.
fn one(status: &str, stores: &[&str], results: &[CheckResult], level: Level) -> Register {
    let checks: Vec<_> = stores
        .iter()
        .map(|name| (CheckKind::Survival, store(name)))
        .collect();
    judge(
        &[says(status)],
        &mapping(vec![tie("it", &[on(&checks)])]),
        results,
        &facts(level),
    )
}

fn told(register: &Register) -> (Status, &str, bool, u8) {
    let line = register.line_of("it").unwrap();
    (
        line.status,
        line.wording.as_str(),
        line.settled,
        register.exit_code(),
    )
}

fn findings(register: &Register) -> Vec<(Status, String)> {
    register
        .lines
        .iter()
        .filter(|line| line.claim.is_none())
        .map(|line| (line.status, line.title.clone()))
        .collect()
}

const REAL: Level = Level::RealAccount;
const LOW: Level = Level::Embedded;
const S: CheckKind = CheckKind::Survival;

#[test]
fn what_each_claim_becomes() {
    let good = || pass(S, store("a"));
    let bad = || fail(S, store("a"), &[("lost", 20)]);
    let mixed = || fail(S, store("a"), &[("lost", 7)]);
    let dim = || unknown(S, store("a"));
    let none: fn() -> Vec<CheckResult> = Vec::new;
    use Status::{Broken, Closed, Confirmed, Holds, Undecided, Unproven};
    type Case = (
        &'static str,
        Vec<CheckResult>,
        Level,
        (Status, &'static str, bool, u8),
    );
    let cases: Vec<Case> = vec![
        ("✅", vec![good()], REAL, (Holds, "holds", true, 0)),
        ("✅", vec![good()], LOW, (Holds, "would hold", false, 0)),
        ("✅", vec![bad()], REAL, (Broken, "broken", true, 1)),
        ("✅", vec![bad()], LOW, (Broken, "broken", false, 1)),
        ("✅", vec![dim()], LOW, (Undecided, "undecided", false, 3)),
        ("❌", vec![bad()], LOW, (Confirmed, "confirmed", false, 0)),
        ("❌", vec![bad()], REAL, (Confirmed, "confirmed", true, 0)),
        ("❌", vec![good()], LOW, (Closed, "would close", false, 0)),
        ("❌", vec![good()], REAL, (Closed, "closed", true, 0)),
        ("❌", vec![dim()], LOW, (Undecided, "undecided", false, 3)),
        ("⚠️", vec![mixed()], LOW, (Confirmed, "confirmed", false, 0)),
        ("⚠️", vec![bad()], LOW, (Broken, "broken", false, 1)),
        ("⚠️", vec![good()], LOW, (Closed, "would close", false, 0)),
        ("⚠️", vec![dim()], LOW, (Undecided, "undecided", false, 3)),
        // Nothing was judged, so the document does not agree either.
        ("✅", none(), LOW, (Unproven, "unproven", false, 3)),
        (
            "who knows",
            vec![good()],
            LOW,
            (Unproven, "unproven", false, 3),
        ),
    ];
    for (status, results, level, expected) in cases {
        let register = one(status, &["a"], &results, level);
        assert_eq!(told(&register), expected, "{status} {level:?} {results:?}");
    }
}

#[test]
fn of_several_checks_the_worst_counts_and_one_that_was_not_made_proves_nothing() {
    let results = [
        pass(S, store("a")),
        unknown(S, store("b")),
        fail(S, store("c"), &[("lost", 1)]),
    ];
    let status = |word: &str, stores: &[&str]| {
        one(word, stores, &results, LOW)
            .line_of("it")
            .unwrap()
            .status
    };
    assert_eq!(status("✅", &["a", "b", "c"]), Status::Broken);
    assert_eq!(status("✅", &["a", "b"]), Status::Undecided);
    assert_eq!(status("✅", &["a", "missing"]), Status::Unproven);
    assert_eq!(status("❌", &["a", "b", "c"]), Status::Confirmed);
    assert_eq!(status("❌", &["a", "b"]), Status::Undecided);
    assert_eq!(status("❌", &["a", "missing"]), Status::Unproven);
    assert_eq!(status("⚠️", &["a", "c"]), Status::Confirmed);
}

#[test]
fn a_pass_over_nothing_is_unknown() {
    let empty = CheckResult {
        examined: 0,
        ..pass(S, store("a"))
    };
    assert_eq!(told(&one("✅", &["a"], &[empty], LOW)).0, Status::Undecided);
}

#[test]
fn a_check_that_was_set_out_and_has_no_result_is_undecided() {
    let mut facts = facts(LOW);
    facts.planned = vec![(S, store("a"))];
    let entries = mapping(vec![tie("it", &[on(&[(S, store("a"))])])]);
    let register = judge(&[says("✅")], &entries, &[], &facts);
    assert_eq!(told(&register), (Status::Undecided, "undecided", false, 3));
}

#[test]
fn a_dirty_tree_settles_nothing() {
    let mut facts = facts(REAL);
    facts.dirty = true;
    let entries = mapping(vec![tie("it", &[on(&[(S, store("a"))])])]);
    let register = judge(&[says("✅")], &entries, &[pass(S, store("a"))], &facts);
    assert_eq!(told(&register), (Status::Holds, "would hold", false, 0));
}

/// The shipped document as it is judged on the profile `today`.
fn efs_mapping() -> Mapping {
    mapping(vec![
        tie("gap-efs", &[on(&[(S, store("zulip-efs"))])]),
        tie(
            "cap-db-backups",
            &[on(&[(CheckKind::RecoveryPoints, store("zitadel-db"))])],
        ),
    ])
}

fn today() -> Vec<CheckResult> {
    vec![
        fail(S, store("zulip-efs"), &[("lost", 20)]),
        pass(CheckKind::RecoveryPoints, store("zitadel-db")),
    ]
}

#[test]
fn a_loss_that_is_written_down_is_confirmed() {
    let register = judge(&[shipped()], &efs_mapping(), &today(), &facts(LOW));
    assert_eq!(register.line_of("gap-efs").unwrap().wording, "confirmed");
    assert_eq!(
        register.line_of("cap-db-backups").unwrap().wording,
        "would hold"
    );
    assert_eq!(findings(&register), []);
    assert_eq!(register.exit_code(), 0);
    assert_eq!(register.recovery, Recovery::NotRecovered);
    assert_eq!(register.exit_code_requiring_recovery(), 1);
}

#[test]
fn a_document_that_claims_a_backup_of_what_is_lost_is_broken() {
    let text = include_str!("../../../../PHOENIX.md").replace(
        "| Secrets auto-generate",
        "| EFS is backed up <!-- phoenix: cap-efs --> | ✅ | by AWS Backup |\n| Secrets auto-generate",
    );
    let mut entries = efs_mapping();
    entries
        .entries
        .push(tie("cap-efs", &[on(&[(S, store("zulip-efs"))])]));
    let register = judge(&[parse(&text)], &entries, &today(), &facts(LOW));
    assert_eq!(register.line_of("cap-efs").unwrap().status, Status::Broken);
    assert_eq!(findings(&register), [], "told once, as broken");
    assert_eq!(
        (register.agreement, register.exit_code()),
        (Agreement::Disagrees, 1)
    );
}

#[test]
fn a_loss_whose_section_was_deleted_is_undocumented() {
    let text = include_str!("../../../../PHOENIX.md");
    let from = text.find("#### EFS (Zulip").unwrap();
    let to = text.find("#### S3 Uploads").unwrap();
    let document = parse(&format!("{}{}", &text[..from], &text[to..]));
    let entries = mapping(efs_mapping().entries.split_off(1));
    let register = judge(&[document], &entries, &today(), &facts(LOW));
    let expected = (
        Status::Undocumented,
        "survival of store zulip-efs".to_owned(),
    );
    assert_eq!(findings(&register), [expected]);
    assert_eq!(register.exit_code(), 1);
}

#[test]
fn a_second_fault_on_a_store_whose_loss_is_written_down_is_undocumented() {
    let mut results = today();
    results[0] = fail(S, store("zulip-efs"), &[("lost", 18), ("corrupted", 2)]);
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(
        register.line_of("gap-efs").unwrap().status,
        Status::Confirmed
    );
    let finding = register
        .lines
        .iter()
        .find(|line| line.claim.is_none())
        .unwrap();
    assert_eq!(finding.status, Status::Undocumented);
    let corrupted = (FailureKind("corrupted".to_owned()), 2);
    assert_eq!(
        finding.evidence[0].failures,
        [corrupted],
        "only what is news"
    );
    assert_eq!(register.exit_code(), 1);
}

#[test]
fn another_fault_alone_does_not_confirm_a_loss() {
    let mut results = today();
    results[0] = fail(S, store("zulip-efs"), &[("stale", 20)]);
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(
        register.line_of("gap-efs").unwrap().status,
        Status::Undecided
    );
    assert_eq!(findings(&register).len(), 1);
    assert_eq!(register.exit_code(), 1);
    assert!(!PLAIN_LOSS.contains(&"stale"));
}

#[test]
fn another_check_on_the_same_store_and_another_store_are_undocumented() {
    let mut results = today();
    results.push(fail(
        CheckKind::Fingerprint,
        store("zulip-efs"),
        &[("mode-differs", 1)],
    ));
    results.push(fail(S, store("zitadel-db"), &[("lost", 1)]));
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(findings(&register).len(), 2);
}

#[test]
fn a_failure_without_a_kind_is_not_covered_by_a_claim_of_loss() {
    let mut results = today();
    results[0].failures.clear();
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(register.exit_code(), 1);
}

#[test]
fn what_follows_from_a_written_root_is_told_beneath_it() {
    let mut results = today();
    results.push(CheckResult {
        consequence_of: Some(0),
        ..fail(
            CheckKind::Login,
            Subject::Service("zulip".to_owned()),
            &[("no-account", 1)],
        )
    });
    results.push(CheckResult {
        consequence_of: Some(2),
        ..unknown(CheckKind::Write, store("x"))
    });
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(findings(&register), []);
    assert_eq!(register.line_of("gap-efs").unwrap().consequences.len(), 2);
    assert_eq!(register.exit_code(), 0);
    // The same without the link is news.
    results[2].consequence_of = None;
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(register.exit_code(), 1);
    assert_eq!(
        findings(&register).len(),
        1,
        "the write still follows from the login"
    );
}

#[test]
fn links_in_a_circle_or_out_of_the_list_hide_nothing() {
    let mut results = today();
    for link in [2, 99, 1] {
        results.truncate(2);
        results.push(CheckResult {
            consequence_of: Some(link),
            ..fail(
                CheckKind::Login,
                Subject::Service("wiki".to_owned()),
                &[("refused", 1)],
            )
        });
        let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
        assert_eq!(findings(&register).len(), 1, "link to {link}");
    }
}

#[test]
fn a_circle_further_up_ends_and_hides_nothing() {
    let login = |name: &str, link| CheckResult {
        consequence_of: Some(link),
        ..fail(
            CheckKind::Login,
            Subject::Service(name.to_owned()),
            &[("refused", 1)],
        )
    };
    let results = [login("a", 1), login("b", 2), login("c", 1)];
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(findings(&register).len(), 3);
}

#[test]
fn what_a_broken_claim_tells_is_told_once() {
    let results = [fail(S, store("a"), &[("lost", 20)])];
    let register = one("✅", &["a"], &results, LOW);
    assert_eq!(register.lines.len(), 1);
    assert_eq!(register.lines[0].evidence[0].failures.len(), 1);
}

#[test]
fn a_claimed_failure_from_elsewhere_is_confirmed_with_another_cause() {
    let login = |root: Option<usize>| CheckResult {
        consequence_of: root,
        ..fail(
            CheckKind::Login,
            Subject::Service("wiki".to_owned()),
            &[("refused", 1)],
        )
    };
    let key = Subject::Secret("zitadel/masterkey".to_owned());
    let mut named = on(&[(CheckKind::Login, Subject::Service("wiki".to_owned()))]);
    named.causes = Some(vec![key.clone()]);
    let entries = mapping(vec![tie("it", &[named])]);
    let results = [fail(S, key, &[("undecryptable", 3)]), login(Some(0))];
    let register = judge(&[says("❌")], &entries, &results, &facts(LOW));
    assert_eq!(told(&register).1, "confirmed");
    let results = [fail(S, store("wiki-db"), &[("lost", 3)]), login(Some(0))];
    let register = judge(&[says("❌")], &entries, &results, &facts(LOW));
    assert_eq!(told(&register).1, "confirmed, other cause");
    assert_eq!(
        findings(&register).len(),
        1,
        "the other cause itself is not written down"
    );
}

fn criterion(check: CheckKind, current: &str, target: &str, measured: f64, level: Level) -> Line {
    let document = parse(&format!(
        "| Metric | Current | Target |\n| --- | --- | --- |\n\
         | M <!-- phoenix: it --> | {current} | {target} |\n"
    ));
    let result = CheckResult {
        measured: Some(measured),
        ..pass(check, Subject::Stack)
    };
    let entries = mapping(vec![tie("it", &[on(&[(check, Subject::Stack)])])]);
    judge(&[document], &entries, &[result], &facts(level))
        .line_of("it")
        .unwrap()
        .clone()
}

#[test]
fn a_criterion_is_judged_by_its_own_target() {
    let manual = |current: &str, measured| {
        criterion(CheckKind::ManualSteps, current, "0", measured, LOW).status
    };
    assert_eq!(manual("2", 2.0), Status::Confirmed);
    assert_eq!(manual("2", 1.0), Status::Confirmed);
    assert_eq!(manual("2", 0.0), Status::Closed);
    assert_eq!(
        manual("2", 3.0),
        Status::Broken,
        "worse than the document says"
    );
    assert_eq!(manual("0", 0.0), Status::Holds);
    assert_eq!(manual("0", 1.0), Status::Broken);
    let loss = |measured| criterion(CheckKind::DataLoss, "40%", "0%", measured, LOW).status;
    assert_eq!(loss(0.3), Status::Confirmed);
    assert_eq!(loss(0.5), Status::Broken);
    assert_eq!(loss(0.0), Status::Closed);
}

#[test]
fn a_duration_is_held_against_a_document_by_a_real_account_alone() {
    let rto = |measured, level| criterion(CheckKind::Rto, "45+ min", "< 15 min", measured, level);
    let line = rto(3.0, LOW);
    assert_eq!(line.status, Status::Unproven);
    assert!(
        line.why.contains("3.0 s measured (embedded)"),
        "{}",
        line.why
    );
    assert_eq!(line.evidence[0].measured, Some(3.0));
    assert_eq!(rto(3.0, REAL).status, Status::Closed);
    assert_eq!(rto(3600.0, REAL).status, Status::Confirmed);
}

#[test]
fn a_target_is_not_broken_by_not_being_reached_yet() {
    let text = "## Target experience\n\n```bash\nmake\n# ✅ Files are back\n```\n";
    let entries = mapping(vec![tie("files-are-back", &[on(&[(S, store("a"))])])]);
    let judged = |results: &[CheckResult]| {
        let register = judge(&[parse(text)], &entries, results, &facts(LOW));
        let line = register.line_of("files-are-back").unwrap();
        (line.status, findings(&register).len())
    };
    assert_eq!(judged(&[pass(S, store("a"))]), (Status::Holds, 0));
    assert_eq!(
        judged(&[fail(S, store("a"), &[("lost", 1)])]),
        (Status::Unproven, 1)
    );
    assert_eq!(judged(&[unknown(S, store("a"))]), (Status::Undecided, 0));
}

fn settled(status: Status, at: &str) -> Settled {
    Settled {
        document: "PHOENIX.md".to_owned(),
        claim: "it".to_owned(),
        claim_digest: says("✅").claims[0].digest.clone(),
        status,
        level: REAL,
        run: "r-0".to_owned(),
        at: at.to_owned(),
    }
}

#[test]
fn what_was_settled_stays_until_it_is_old_reworded_or_beaten() {
    let entries = mapping(vec![tie("it", &[on(&[(S, store("a"))])])]);
    let judged = |last: Settled, results: &[CheckResult]| {
        let facts = RunFacts {
            history: vec![last],
            ..facts(LOW)
        };
        let register = judge(&[says("✅")], &entries, results, &facts);
        let line = register.line_of("it").unwrap();
        (line.wording.clone(), line.level)
    };
    let (recent, old) = ("2026-11-20T08:00:00Z", "2026-09-01T08:00:00Z");
    let told = |wording: &str, level| (wording.to_owned(), level);
    let good = [pass(S, store("a"))];
    let bad = [fail(S, store("a"), &[("lost", 1)])];
    assert_eq!(
        judged(settled(Status::Holds, recent), &[]),
        told("holds", REAL)
    );
    assert_eq!(
        judged(settled(Status::Holds, recent), &good),
        told("holds", REAL)
    );
    assert_eq!(
        judged(settled(Status::Broken, recent), &good),
        told("broken", REAL)
    );
    assert_eq!(
        judged(settled(Status::Holds, recent), &bad),
        told("broken", LOW)
    );
    assert_eq!(judged(settled(Status::Holds, old), &[]), told("stale", LOW));
    assert_eq!(
        judged(settled(Status::Holds, "yesterday"), &[]),
        told("stale", LOW)
    );
    assert_eq!(
        judged(settled(Status::Holds, old), &good),
        told("would hold", LOW)
    );
    let reworded = Settled {
        claim_digest: String::new(),
        ..settled(Status::Holds, recent)
    };
    assert_eq!(judged(reworded, &[]), told("stale", LOW));
}

#[test]
fn a_fault_that_did_not_bite_leaves_the_run_without_an_answer() {
    let mut results = today();
    results.push(fail(
        CheckKind::Bitten,
        Subject::Stack,
        &[("nothing-happened", 1)],
    ));
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(register.exit_code(), 3);
    let results = [
        pass(S, store("a")),
        fail(CheckKind::Bitten, Subject::Stack, &[]),
    ];
    assert_eq!(recovery_answer(&results), Recovery::Unknown);
}

#[test]
fn an_unknown_that_no_claim_is_tied_to_is_not_passed_over() {
    let mut results = today();
    results.push(unknown(S, store("mattermost-db")));
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(register.agreement, Agreement::CannotTell);
    assert_eq!(register.exit_code(), 3);
    results.push(fail(S, store("other"), &[("lost", 1)]));
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    assert_eq!(register.exit_code(), 1, "a finding outranks not knowing");
}

#[test]
fn did_it_recover() {
    let good = || pass(S, store("a"));
    let nothing = CheckResult {
        examined: 0,
        ..good()
    };
    let manual = Subject::ManualStep("pat".to_owned());
    let of = |results: &[CheckResult]| recovery_answer(results);
    assert_eq!(of(&[]), Recovery::Unknown);
    assert_eq!(of(&[good()]), Recovery::Recovered);
    assert_eq!(of(&[good(), nothing]), Recovery::Unknown);
    assert_eq!(
        of(&[pass(CheckKind::Health, store("a"))]),
        Recovery::Unknown,
        "no data examined"
    );
    assert_eq!(
        of(&[good(), unknown(CheckKind::Write, store("a"))]),
        Recovery::Unknown
    );
    let deciding = [
        CheckKind::Survival,
        CheckKind::Fingerprint,
        CheckKind::Login,
        CheckKind::Health,
        CheckKind::Write,
        CheckKind::Rebuild,
        CheckKind::Inventory,
        CheckKind::Destruction,
    ];
    for check in deciding {
        let results = [
            good(),
            unknown(CheckKind::Write, store("a")),
            fail(check, store("b"), &[]),
        ];
        assert_eq!(of(&results), Recovery::NotRecovered, "{check:?}");
    }
    let manual = [
        good(),
        fail(CheckKind::ManualStep, manual, &[]),
        fail(CheckKind::Rto, Subject::Stack, &[]),
    ];
    assert_eq!(
        of(&manual),
        Recovery::Recovered,
        "objectives are told apart"
    );
}

#[test]
fn a_claim_that_no_drill_can_judge_is_listed_as_such() {
    let register = judge(&[shipped()], &efs_mapping(), &today(), &facts(LOW));
    let line = register.line_of("gap-arm64").unwrap();
    assert_eq!(
        (line.status, line.wording.as_str()),
        (Status::Unproven, "not testable here")
    );
    let claims = shipped().claims.len();
    assert_eq!(register.lines.len(), claims, "no claim is left out");
}

#[test]
fn the_text_has_the_two_answers_first_and_fits_its_width() {
    let mut results = today();
    results[0] = fail(S, store("zulip-efs"), &[("lost", 18), ("corrupted", 2)]);
    results.push(CheckResult {
        consequence_of: Some(0),
        ..fail(
            CheckKind::Login,
            Subject::Service("zulip".to_owned()),
            &[("no-account", 1)],
        )
    });
    results.push(CheckResult {
        measured: Some(0.4),
        ..fail(CheckKind::DataLoss, Subject::Stack, &[("data-loss", 20)])
    });
    let register = judge(&[shipped()], &efs_mapping(), &results, &facts(LOW));
    let text = register.render_text(100, false);
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
    let coloured = register.render_text(60, true);
    assert!(coloured.contains("\u{1b}[31m"));
    let json = serde_json::to_string(&register).unwrap();
    assert_eq!(serde_json::from_str::<Register>(&json).unwrap(), register);
}

#[test]
fn all_is_not_proven_by_those_that_were_there_to_be_asked() {
    let all = Tie {
        checks: vec![TiedCheck {
            check: CheckKind::Login,
            on: Selector::All,
        }],
        ..Tie::default()
    };
    let asked = Subject::Service("chat".to_owned());
    let entries = mapping(vec![tie("it", &[all])]);
    let mut facts = facts(REAL);
    let both = |facts: &RunFacts, result: CheckResult| {
        let register = judge(&[says("✅")], &entries, &[result], facts);
        let line = register.line_of("it").unwrap();
        (line.status, line.why.clone(), register.exit_code())
    };
    let (status, _, code) = both(&facts, pass(CheckKind::Login, asked.clone()));
    assert_eq!((status, code), (Status::Holds, 0));
    facts.not_run = vec![NotRun {
        check: CheckKind::Login,
        subject: Some(Subject::Service("zulip".to_owned())),
        reason: "zulip: no image for this architecture".to_owned(),
    }];
    let (status, why, code) = both(&facts, pass(CheckKind::Login, asked.clone()));
    // The only claim: nothing was judged, which is not knowing.
    assert_eq!((status, code), (Status::Unproven, 3));
    assert!(why.contains("no image for this architecture"), "{why}");
    // What was asked and failed is a failure all the same.
    let failed = fail(CheckKind::Login, asked, &[("login-failed", 1)]);
    let (status, _, code) = both(&facts, failed);
    assert_eq!((status, code), (Status::Broken, 1));
}
