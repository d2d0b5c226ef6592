//! A journal that was cut anywhere reads back to the last whole line.

use phoenix_evidence::journal::event::Event;
use phoenix_evidence::journal::{JournalError, JournalWriter, read};

fn note(text: &str) -> Event {
    Event::Note {
        text: text.to_owned(),
    }
}

fn sample(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("journal.jsonl");
    let mut journal = JournalWriter::create(&path).expect("a journal");
    for text in ["one", "two with \"quotes\" and 🔥", "three"] {
        journal.append(&note(text)).expect("a line");
    }
    journal.sync().expect("durable");
    path
}

#[test]
fn a_journal_cut_at_any_byte_keeps_its_whole_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = sample(folder.path());
    let whole = std::fs::read(&path).expect("bytes");
    for cut in 0..=whole.len() {
        let torn = folder.path().join("torn.jsonl");
        std::fs::write(&torn, &whole[..cut]).expect("written");
        let read = read::<Event>(&torn).expect("a cut is no damage");
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(read.lines.len(), lines, "cut at {cut}");
        assert_eq!(
            read.torn_bytes > 0,
            cut > 0 && whole[cut - 1] != b'\n',
            "cut at {cut}"
        );
    }
}

#[test]
fn damage_before_the_end_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = sample(folder.path());
    let text = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, text.replacen("two", "t\0o\"", 1)).expect("written");
    match read::<Event>(&path) {
        Err(JournalError::Corrupt { line, .. }) => assert_eq!(line, 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_that_was_taken_out_is_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = sample(folder.path());
    let text = std::fs::read_to_string(&path).expect("text");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("two")).collect();
    std::fs::write(&path, without.join("\n") + "\n").expect("written");
    assert!(matches!(
        read::<Event>(&path),
        Err(JournalError::Corrupt { line: 2, .. })
    ));
}

#[test]
fn a_newer_journal_is_refused_as_that() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = sample(folder.path());
    let text = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, text.replacen("\"schema\":1", "\"schema\":99", 1)).expect("written");
    match read::<Event>(&path) {
        Err(error @ JournalError::Newer { .. }) => {
            assert!(error.to_string().contains("use a newer phoenix"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_journal_is_written_by_one_only_and_never_over_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = sample(folder.path());
    let error = JournalWriter::create(&path).expect_err("it exists");
    assert!(error.to_string().contains("--runs-dir"), "{error}");
}

#[test]
fn an_event_that_nobody_writes_any_more_is_still_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = sample(folder.path());
    let text = std::fs::read_to_string(&path).expect("a text");
    let old = r#"{"service-log":{"service":"wiki","lines":["no such host"]}}"#;
    let note = r#"{"note":{"text":"three"}}"#;
    assert!(text.contains(note), "{text}");
    std::fs::write(&path, text.replace(note, old)).expect("written");
    let read = read::<Event>(&path).expect("a journal of an earlier version");
    let last = read.lines.last().map(|line| &line.event);
    assert!(matches!(last, Some(Event::ServiceLog { service, .. }) if service == "wiki"));
}
