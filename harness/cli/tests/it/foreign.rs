//! Backups that phoenix did not make, restored into an embedded stack.

use std::fs;

use crate::support::Project;

/// A scenario over a folder that somebody has copied, which must have this in it.
fn scenario(expected: &str) -> String {
    format!(
        "scenario: theirs\nsteps:\n  - destroy: [mattermost-files, zulip-uploads]\n  - rebuild: \
         [mattermost-files, zulip-uploads]\n  - restore: {{ from: {{ mattermost-files: tree, \
         zulip-uploads: {{ path: tree, prefix: kept/ }} }} }}\n  - prove:\n      mattermost-files: {{ \
         files: {{ sub/a.txt: {{ text: \"hello\\n\" }} }} }}\n      zulip-uploads: {{ files: {{ \
         {expected} }} }}\n  - check: [health, login]\n"
    )
}

fn project() -> Project {
    let project = Project::shipped();
    fs::create_dir_all(project.path("tree/sub")).expect("a folder");
    project.write("tree/sub/a.txt", "hello\n");
    project
}

#[test]
fn it_loads_and_nothing_is_said_of_what_was_lost() {
    let project = project();
    project.write(
        "theirs.yaml",
        scenario("kept/sub/a.txt: { text: \"hello\\n\" }"),
    );
    let said = project.phoenix(&["run", "theirs.yaml"]);
    // What the document says of the destroy is all that it answers for here.
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("which never shows that nothing was lost"),
        "{}",
        said.out
    );
    let told = project.phoenix(&["gaps"]);
    assert!(told.out.contains("was restored from tree"), "{}", told.out);
    let report = project.phoenix(&["report", "--format", "markdown"]).out;
    for part in [
        "- zulip-uploads from tree: a folder, 6 bytes, BLAKE3 ",
        "It cannot carry that nothing was lost",
    ] {
        assert!(report.contains(part), "{report}");
    }
    let html = project.phoenix(&["report", "--format", "html"]).out;
    assert!(html.contains("Backups that phoenix did not make"));
}

#[test]
fn what_is_not_in_it_is_red() {
    let project = project();
    project.write("theirs.yaml", scenario("sub/a.txt: { text: \"hello\\n\" }"));
    let said = project.phoenix(&["run", "theirs.yaml"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("zulip-uploads (not-there)"),
        "{}",
        said.out
    );
}
