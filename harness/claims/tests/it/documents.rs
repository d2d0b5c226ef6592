//! Whole documents: the shipped one, and those of teams that write otherwise.

use phoenix_claims::{ClaimKind, Document, Says, Severity};

use crate::support::{brief, parse, shipped};

#[test]
fn the_shipped_document_is_read_whole() {
    let document = shipped();
    assert_eq!(document.warnings, [], "the shipped document is not odd");
    insta::assert_snapshot!(brief(&document));
}

#[test]
fn a_team_without_emoji_and_with_nested_lists() {
    insta::assert_snapshot!(brief(&parse(include_str!("fixtures/lists.md"))));
}

#[test]
fn a_team_with_tables_for_everything() {
    insta::assert_snapshot!(brief(&parse(include_str!("fixtures/tables.md"))));
}

#[test]
fn a_team_that_is_careless() {
    insta::assert_snapshot!(brief(&parse(include_str!("fixtures/careless.md"))));
}

/// Everything but places and digests.
fn without_places(document: &Document) -> Vec<String> {
    let mut lines: Vec<String> = brief(document).lines().map(str::to_owned).collect();
    lines.retain(|line| !line.is_empty());
    lines
}

#[test]
fn line_endings_and_a_byte_order_mark_change_nothing() {
    for text in [
        include_str!("fixtures/lists.md"),
        include_str!("fixtures/tables.md"),
        include_str!("fixtures/careless.md"),
        include_str!("../../../../PHOENIX.md"),
    ] {
        let plain = parse(text);
        let other = parse(&format!("\u{feff}{}", text.replace('\n', "\r\n")));
        assert_eq!(without_places(&plain), without_places(&other));
        for (left, right) in plain.claims.iter().zip(&other.claims) {
            assert_eq!(left.digest, right.digest, "{}", left.title);
        }
    }
}

#[test]
fn every_span_holds_the_claim_that_it_is_of() {
    let text = format!(
        "\u{feff}{}",
        include_str!("fixtures/careless.md").replace('\n', "\r\n")
    );
    let document = parse(&text);
    assert!(document.claims.len() > 5);
    for claim in &document.claims {
        let own = &text[claim.span.start..claim.span.end];
        let word = claim.title.split_whitespace().last().unwrap();
        assert!(own.contains(word), "{} is not in {own:?}", claim.title);
        let line = text[..claim.span.start].matches('\n').count() + 1;
        assert_eq!(claim.span.line as usize, line);
    }
}

#[test]
fn a_heading_inside_a_fence_is_no_heading() {
    let document =
        parse("## Critical: loss\n\n#### Files\n\n```\nProblem: a\n#### Not a gap\n```\n");
    assert_eq!(document.claims.len(), 1);
    assert!(
        document.claims[0]
            .field("Problem")
            .unwrap()
            .contains("#### Not a gap")
    );
}

#[test]
fn severity_words_count_only_where_they_are_severities() {
    let of = |heading: &str| {
        let text = format!("## {heading}\n\n### Thing\n\nprose\n");
        parse(&text).claims.first().and_then(|claim| claim.severity)
    };
    assert_eq!(of("High availability"), None);
    assert_eq!(of("Low latency storage"), None);
    assert_eq!(of("High: data loss"), Some(Severity::High));
    assert_eq!(of("Critical blockers"), Some(Severity::Critical));
    assert_eq!(of("P2 - annoying"), Some(Severity::Medium));
    assert_eq!(of("Loss of files (critical)"), Some(Severity::Critical));
    assert_eq!(of("\u{1f7e1} Manual steps"), Some(Severity::Medium));
    assert_eq!(of("Severity: low"), Some(Severity::Low));
}

#[test]
fn a_status_is_a_sign_with_or_without_selector_or_a_word() {
    let of = |cell: &str| {
        let text = format!("| What | Status |\n| --- | --- |\n| A thing | {cell} |\n");
        parse(&text).claims.first().map(|claim| claim.says)
    };
    assert_eq!(of("\u{26a0}\u{fe0f}"), Some(Says::Partial));
    assert_eq!(of("\u{26a0}"), Some(Says::Partial));
    assert_eq!(of("**No**"), Some(Says::Broken));
    assert_eq!(of("not working"), Some(Says::Broken));
    assert_eq!(of("`yes`, mostly"), Some(Says::Works));
    assert_eq!(of("\u{2705} yes"), Some(Says::Works));
}

#[test]
fn a_comment_above_a_heading_names_the_gap_below_it() {
    let document = parse(
        "## Critical: loss\n\n### One\n\n```\nProblem: a\nFix: b\n```\n\n<!-- phoenix: second -->\n\
         ### Two\n\n```\nProblem: c\nFix: d\n```\n",
    );
    let ids: Vec<_> = document
        .claims
        .iter()
        .map(|claim| claim.id.as_str())
        .collect();
    assert_eq!(ids, ["one", "second"]);
}

#[test]
fn an_id_that_a_person_wrote_is_never_taken_by_a_slug() {
    let document = parse(
        "| What | Works |\n| --- | --- |\n| Backups | yes |\n\
         | Files <!-- phoenix: backups --> | no |\n",
    );
    assert_eq!(document.claim("backups").unwrap().title, "Files");
    assert_eq!(document.claim("backups-2").unwrap().title, "Backups");
}

#[test]
fn a_plan_makes_no_claims() {
    let document =
        parse("## Roadmap\n\n### Critical: first\n\n#### 1.1 Do it\n\n```\nFix: a\n```\n");
    assert_eq!(document.claims_of(ClaimKind::Gap).count(), 0);
    assert_eq!(document.plan.len(), 3);
}
