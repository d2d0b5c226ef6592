//! Documents of teams that nobody here knows: what is proposed for them, and that it can be used.

use std::path::Path;

use crate::support::{Project, settings};

const TEAMS: [&str; 3] = ["tables", "plain", "nested"];

fn with_document(team: &str) -> Project {
    let project = Project::shipped();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/fixtures/{team}.md"));
    project.write(
        "theirs.md",
        std::fs::read(fixture).expect("the team's document"),
    );
    project
}

#[test]
fn most_claims_of_a_strange_document_get_a_fitting_proposal() {
    for team in TEAMS {
        let project = with_document(team);
        let said = project.phoenix(&["gaps", "--draft-mapping", "--document", "theirs.md"]);
        assert_eq!(said.code, 0, "{team}: {}", said.err);
        settings().bind(|| insta::assert_snapshot!(format!("draft_{team}"), said.whole()));
    }
}

#[test]
fn what_is_proposed_can_be_pasted_into_the_environment() {
    for team in TEAMS {
        let project = with_document(team);
        let draft = project.phoenix(&["gaps", "--draft-mapping", "--document", "theirs.md"]);
        let text = project.read("environments/embedded.yaml");
        let (before, _) = text.split_once("\ngaps:").expect("ties");
        let pasted = before.replace("../PHOENIX.md", "../theirs.md") + "\n" + &draft.out;
        project.write("environments/embedded.yaml", pasted);
        let said = project.phoenix(&["check"]);
        assert_eq!(said.code, 0, "{team}: {}", said.err);
    }
}

#[test]
fn a_document_without_claims_is_told_so() {
    let project = Project::shipped();
    project.write(
        "theirs.md",
        "# Notes\n\nWe should write this down one day.\n",
    );
    let said = project.phoenix(&["gaps", "--draft-mapping", "--document", "theirs.md"]);
    settings().bind(|| insta::assert_snapshot!(said.whole()));
}
