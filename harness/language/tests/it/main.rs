//! Files that are wrong, and what people are told.

mod http;
mod schema;

use phoenix_language::vocabulary::{parse_environment, parse_scenario, scenario_schema};
use proptest::prelude::*;

fn told(text: &str) -> String {
    match parse_scenario("s.yaml", text) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(found) => found.render(false),
    }
}

#[test]
fn several_errors_at_once_each_with_its_place_and_a_hint() {
    insta::assert_snapshot!(told(
        "scenario: wrong\ntitel: no\nsteps:\n  - sed: { canaries: 3 }\n  - write: { for: 15 }\n  \
         - check: [helth]\n  - seed: { canaries: many }\n"
    ));
}

#[test]
fn what_is_missing_is_named() {
    insta::assert_snapshot!(told("title: nothing else\n"));
}

#[test]
fn a_key_written_twice() {
    insta::assert_snapshot!(told("scenario: a\nscenario: b\nsteps: [check]\n"));
}

#[test]
fn no_yaml_at_all() {
    insta::assert_snapshot!(told("scenario: [a\nsteps: }\n"));
}

#[test]
fn an_empty_file() {
    insta::assert_snapshot!(told("\n# nothing\n"));
}

#[test]
fn two_steps_in_one() {
    insta::assert_snapshot!(told(
        "scenario: a\nsteps:\n  - backup: all\n    destroy: all\n  - check: health\n"
    ));
}

#[test]
fn a_newer_version() {
    insta::assert_snapshot!(told("version: 9\nscenario: a\nsteps: [check]\n"));
}

#[test]
fn an_environment_without_stores() {
    let found = parse_environment("e.yaml", "environment: e\ndriver: embedded\nservices: {}\n")
        .expect_err("wrong");
    insta::assert_snapshot!(found.render(false));
}

#[test]
fn windows_files_and_byte_order_marks_are_read() {
    let text = "\u{feff}scenario: a\r\nsteps:\r\n  - check: [health]\r\n";
    assert!(parse_scenario("s.yaml", text).is_ok());
}

#[test]
fn the_schema_knows_every_step() {
    let text = scenario_schema().to_string();
    for step in [
        "seed",
        "write",
        "backup",
        "destroy",
        "rebuild",
        "restore",
        "check",
        "inject",
        "manual",
        "run",
        "http",
        "sql",
        "wait-until",
    ] {
        assert!(text.contains(&format!("\"{step}\"")), "{step}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        at in 0_usize..400, with in "[a-z\\[\\]{}:,'\"#&*!|>%@` \n-]{0,6}",
    ) {
        let text = include_str!("../../../../scenarios/full-phoenix.yaml");
        let at = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(text.len());
        let changed = format!("{}{with}{}", &text[..at], &text[at..]);
        let _whatever = parse_scenario("s.yaml", &changed);
    }
}
