//! A document that changes under the run, and documents that cannot be judged.

use crate::support::Project;

/// The document without one section: from a heading to the next of its level or above.
fn without(text: &str, heading: &str) -> String {
    let start = text.find(heading).expect("the section");
    let rest = &text[start + heading.len()..];
    let end = rest
        .find("\n#### ")
        .or_else(|| rest.find("\n### "))
        .expect("a next section");
    format!("{}{}", &text[..start], &rest[end + 1..])
}

#[test]
fn a_gap_whose_section_is_deleted_is_undocumented_and_the_run_is_red() {
    let project = Project::shipped();
    let text = without(&project.read("PHOENIX.md"), "#### S3 Uploads");
    project.write("PHOENIX.md", text);
    let said = project.phoenix(&["run", "--profile", "today"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("no claim is called \"gap-s3-uploads\""),
        "{}",
        said.err
    );
    let gaps = project.phoenix(&["gaps"]);
    assert_eq!(gaps.code, 1, "{}", gaps.out);
    assert!(
        gaps.out.to_lowercase().contains("undocumented"),
        "{}",
        gaps.out
    );
    assert!(
        gaps.out.contains("Ties to claims that no document makes"),
        "{}",
        gaps.out
    );
}

#[test]
fn check_refuses_a_tie_to_a_claim_that_is_not_there() {
    let project = Project::shipped();
    let text = project.read("environments/embedded.yaml");
    project.write(
        "environments/embedded.yaml",
        text.replace("gap-s3-uploads:", "gap-s3-upload:"),
    );
    let said = project.phoenix(&["check"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("did you mean \"gap-s3-uploads\""),
        "{}",
        said.err
    );
}

#[test]
fn a_document_that_is_empty_or_not_text_is_refused_before_anything_burns() {
    let project = Project::shipped();
    for (bytes, words) in [
        (Vec::new(), "empty"),
        (b"# Readiness\n\xff\xfe broken\n".to_vec(), "UTF-8"),
    ] {
        project.write("PHOENIX.md", &bytes);
        let said = project.phoenix(&["run", "--profile", "today"]);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        assert!(said.err.contains(words), "{}", said.err);
        assert!(
            !project.path("runs").exists(),
            "a run that cannot start leaves no folder"
        );
    }
}

#[test]
fn a_document_that_is_no_file_is_called_what_it_is() {
    let project = Project::shipped();
    std::fs::create_dir(project.path("docs")).expect("a folder");
    project.write("latin.md", b"# Readiness\n\nThe caf\xe9 is down\n");
    for (document, words, todo) in [
        (
            "/dev/zero",
            "this is a pipe or a device, not a file",
            "a file of text",
        ),
        ("docs", "this is a folder, not a file", "docs/PHOENIX.md"),
        ("latin.md", "not UTF-8", "save the file as UTF-8"),
        ("none.md", "cannot be read", "check the path"),
    ] {
        for command in [&["check"][..], &["run"], &["gaps", "--draft-mapping"]] {
            let arguments = [command, &["--document", document]].concat();
            let said = project.phoenix(&arguments);
            assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
            assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
            assert!(said.err.contains(todo), "{arguments:?}: {}", said.err);
        }
    }
}
