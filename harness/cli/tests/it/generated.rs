//! Files that are made from code and kept in the repository: stale ones fail, with the command that
//! renews them.

use std::path::Path;

use crate::support::Project;

fn fresh(file: &str, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file);
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let said = Project::empty().phoenix(arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        kept == said.out,
        "{file} is stale; renew it with\n\n    cargo run -- {} > {file}\n",
        arguments.join(" ")
    );
}

#[test]
fn the_schema_of_scenarios() {
    fresh("scenarios/scenario.schema.json", &["schema", "scenario"]);
}

#[test]
fn the_schema_of_environments() {
    fresh(
        "environments/environment.schema.json",
        &["schema", "environment"],
    );
}

#[test]
fn the_reference_of_the_command_line() {
    fresh("harness/cli/REFERENCE.md", &["reference"]);
}

#[test]
fn every_shipped_file_names_its_schema_in_its_first_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (folder, schema) in [
        ("scenarios", "scenario.schema.json"),
        ("environments", "environment.schema.json"),
    ] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|ext| ext != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            let wanted = format!("# yaml-language-server: $schema={schema}");
            assert_eq!(
                text.lines().next(),
                Some(wanted.as_str()),
                "{}",
                path.display()
            );
        }
        assert!(root.join(folder).join(schema).is_file());
    }
}

#[test]
fn completions_and_manual_pages_are_made_for_what_there_is() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = project.phoenix(&["completions", shell]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("draft-mapping"), "{shell}");
    }
    for (arguments, words) in [
        (vec!["man"], "phoenix\\-run"),
        (vec!["man", "run"], "reports/runs"),
    ] {
        let said = project.phoenix(&arguments);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.starts_with(".ie"), "roff");
        assert!(said.out.contains(words), "{arguments:?}: {}", said.out);
    }
}
