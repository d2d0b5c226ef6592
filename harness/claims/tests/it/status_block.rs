//! The measured block: rewritten, and nothing else touched.

use phoenix_claims::register::StatusBlockError;
use phoenix_claims::{Mapping, Register, RunFacts, judge, write_status_block};
use phoenix_evidence::finding::Level;
use proptest::prelude::*;

use crate::support::shipped;

const OPENS: &str = "<!-- phoenix:status -->";
const CLOSES: &str = "<!-- /phoenix:status -->";

fn register() -> Register {
    let facts = RunFacts::new(
        "r-1",
        "embedded",
        "today",
        Level::Embedded,
        "2026-11-24T08:00:00Z",
    );
    judge(&[shipped()], &Mapping::default(), &[], &facts)
}

#[test]
fn the_shipped_document_takes_the_block_and_is_else_the_same() {
    let text = include_str!("../../../../PHOENIX.md");
    let once = write_status_block(text, &register()).unwrap();
    assert!(once.contains("Run:       r-1"));
    let cut = |text: &str| {
        let (before, rest) = text.split_once(OPENS).unwrap();
        let (_, after) = rest.split_once(CLOSES).unwrap();
        (before.to_owned(), after.to_owned())
    };
    assert_eq!(cut(text), cut(&once));
    assert_eq!(
        write_status_block(&once, &register()).unwrap(),
        once,
        "twice is once"
    );
}

#[test]
fn a_block_that_cannot_be_told_from_a_persons_text_is_left_alone() {
    let write = |text: &str| write_status_block(text, &register()).unwrap_err();
    assert_eq!(write("# Nothing\n"), StatusBlockError::Missing);
    assert_eq!(
        write(&format!("# A\n\n{OPENS}\n")),
        StatusBlockError::Unclosed { line: 3 }
    );
    let prose = format!("{OPENS}\n\nmine\n\n{CLOSES}\n");
    assert_eq!(write(&prose), StatusBlockError::Foreign { line: 1 });
    let comment = format!("{OPENS}\n\n<!-- mine -->\n\n{CLOSES}\n");
    assert_eq!(write(&comment), StatusBlockError::Foreign { line: 1 });
    let fences = format!("{OPENS}\n\n```\na\n```\n\n```\nb\n```\n\n{CLOSES}\n");
    assert_eq!(write(&fences), StatusBlockError::Foreign { line: 1 });
    let twice = format!("{OPENS}\n{CLOSES}\n\n{OPENS}\n{CLOSES}\n");
    assert!(matches!(write(&twice), StatusBlockError::Several { .. }));
    let example = format!("```\n{OPENS}\n{CLOSES}\n```\n");
    assert_eq!(write(&example), StatusBlockError::Missing);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_outside_stays(
        before in "[a-zA-Z#|é \n]{0,80}",
        after in "[a-zA-Z#|é \n]{0,80}",
        crlf in any::<bool>(),
        mark in any::<bool>(),
        fence in any::<bool>(),
    ) {
        let fence = if fence { "```\nold\n```\n" } else { "" };
        let mut text = format!("{before}\n\n{OPENS}\n{fence}{CLOSES}\n\n{after}");
        if crlf { text = text.replace('\n', "\r\n"); }
        if mark { text.insert(0, '\u{feff}'); }
        let written = write_status_block(&text, &register()).unwrap();
        let (head, _) = text.split_once(OPENS).unwrap();
        let (_, tail) = text.split_once(CLOSES).unwrap();
        prop_assert!(written.starts_with(head));
        prop_assert!(written.ends_with(tail));
        let (_, inside) = written.split_once(OPENS).unwrap();
        let (inside, _) = inside.split_once(CLOSES).unwrap();
        if crlf { prop_assert_eq!(inside.matches('\n').count(), inside.matches("\r\n").count()); }
        prop_assert_eq!(&write_status_block(&written, &register()).unwrap(), &written);
    }
}
