//! Bad input: nothing panics, every place is one in the file, every refusal says what to do.

use std::path::Path;

use miette::Diagnostic;
use phoenix_claims::document::BYTES_MAX;
use phoenix_claims::{Document, DocumentError};
use proptest::prelude::*;

const SEEDS: [&str; 4] = [
    include_str!("../../../../PHOENIX.md"),
    include_str!("fixtures/lists.md"),
    include_str!("fixtures/tables.md"),
    include_str!("fixtures/careless.md"),
];

/// Pieces that are likely to upset a parser.
const PIECES: [&str; 20] = [
    "|",
    "\n",
    "\r\n",
    "```",
    "#### ",
    "<!--",
    "-->",
    "<!-- phoenix: x -->",
    "🔴",
    "⚠\u{fe0f}",
    "%",
    ":",
    "(",
    "> ",
    "- ",
    "\u{feff}",
    "\t",
    "\\",
    "é",
    "\n| --- | --- |\n",
];

fn check(text: &str) {
    let Ok(document) = Document::from_bytes("x.md", text.as_bytes()) else {
        return;
    };
    let lines = text.matches('\n').count() + 1;
    let mut ids = std::collections::BTreeSet::new();
    for claim in &document.claims {
        assert!(claim.span.start <= claim.span.end && claim.span.end <= text.len());
        assert!(
            text.get(claim.span.start..claim.span.end).is_some(),
            "on character bounds"
        );
        assert!(claim.span.line >= 1 && claim.span.line as usize <= lines);
        assert!(ids.insert(&claim.id), "{} is not unique", claim.id);
        for field in &claim.fields {
            assert!(text.get(field.span.start..field.span.end).is_some());
        }
    }
    for warning in &document.warnings {
        assert!(warning.line >= 1 && warning.line as usize <= lines);
    }
    for span in document.tasks.iter().map(|task| task.span) {
        assert!(text.get(span.start..span.end).is_some());
    }
    for transcript in &document.transcripts {
        assert!(
            text.get(transcript.span.start..transcript.span.end)
                .is_some()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_documents_never_panic_and_keep_their_places(
        seed in 0..SEEDS.len(),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_usize..40, 0..PIECES.len()), 0..12,
        ),
        crlf in any::<bool>(),
    ) {
        let mut text = SEEDS[seed].to_owned();
        for (at, cut, piece) in edits {
            let mut from = at.index(text.len() + 1);
            while !text.is_char_boundary(from) { from -= 1; }
            let mut to = (from + cut).min(text.len());
            while !text.is_char_boundary(to) { to += 1; }
            text.replace_range(from..to, PIECES[piece]);
        }
        if crlf { text = text.replace('\n', "\r\n"); }
        check(&text);
    }

    #[test]
    fn pieces_alone_never_panic(pieces in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let text: String = pieces.into_iter().map(|at| PIECES[at]).collect();
        check(&text);
    }
}

fn told(error: &DocumentError) -> String {
    format!("{error}\n  help: {}", error.help().unwrap())
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let empty = Document::from_bytes("PHOENIX.md", b"\xef\xbb\xbf \r\n\n").unwrap_err();
    let huge = Document::from_bytes("PHOENIX.md", &vec![b'a'; BYTES_MAX + 1]).unwrap_err();
    let latin = Document::from_bytes("PHOENIX.md", b"# Fine\n\nca\xf1ary\n").unwrap_err();
    let directory = Document::read(folder.path()).unwrap_err();
    let missing = Document::read(&at("absent.md")).unwrap_err();
    let told: Vec<_> = [&empty, &huge, &latin, &directory, &missing]
        .map(told)
        .to_vec();
    let shown = told
        .join("\n")
        .replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_huge_file_is_refused_without_being_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.md");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(matches!(
        Document::read(&path),
        Err(DocumentError::TooLarge { .. })
    ));
}

#[test]
fn a_device_is_not_waited_for() {
    let device = Path::new("/dev/null");
    if device.exists() {
        assert!(matches!(
            Document::read(device),
            Err(DocumentError::NotAFile { .. })
        ));
    }
}

#[test]
fn the_largest_document_is_read_in_seconds() {
    let row = "| a | ✅ | b |\n";
    let mut text = String::from("| Capability | Status | Notes |\n| --- | --- | --- |\n");
    while text.len() + row.len() <= BYTES_MAX / 4 {
        text.push_str(row);
    }
    let document = Document::from_bytes("x.md", text.as_bytes()).unwrap();
    assert!(document.claims.len() > 60_000);
}
