//! Files and arguments that are wrong: file, line, column, the line itself, and what to do.

use crate::support::Project;

/// What `check` says of a scenario.
fn said_of(scenario: impl AsRef<[u8]>) -> String {
    let project = Project::shipped();
    project.write("mine.yaml", scenario);
    let said = project.phoenix(&["check", "mine.yaml"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    said.err
}

#[test]
fn text_that_is_no_yaml() {
    insta::assert_snapshot!(said_of(
        "scenario: mine\nsteps:\n  - seed: { canaries: 3\n  - backup: all\n"
    ));
}

#[test]
fn several_mistakes_are_told_at_once() {
    insta::assert_snapshot!(said_of(
        "scenario: mine\nsteps:\n  - sed: { canaries: 3 }\n  - check: [health, logn]\n  - backup: \
         all\n    retries: 3\n"
    ));
}

#[test]
fn names_that_nobody_declared() {
    insta::assert_snapshot!(said_of(
        "scenario: mine\nsteps:\n  - seed: { canaries: 3 }\n  - backup: all\n  - destroy: \
         [zitadel-bd]\n  - inject: { wipe: bookstack-dbs }\n  - restore: all\n"
    ));
}

#[test]
fn numbers_that_no_drill_could_bear() {
    insta::assert_snapshot!(said_of(
        "scenario: mine\nsteps:\n  - seed: { canaries: 3000000, writers: 0 }\n  - write: { for: \
         200000000d, writers: 999999999 }\n  - backup: all\n"
    ));
}

#[test]
fn numbers_out_of_range_are_called_numbers() {
    let environment = |line: &str| {
        let project = Project::shipped();
        let text = project.read("environments/embedded.yaml");
        let changed = text.replacen("bytes: 32", line, 1);
        assert_ne!(text, changed, "the shipped file has a secret of 32 bytes");
        project.write("environments/mine.yaml", changed);
        let said = project.phoenix(&["check", "--env", "mine"]);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        said.err
    };
    for line in ["bytes: 99999999999", "bytes: -3"] {
        let said = environment(line);
        assert!(
            said.contains("`bytes` is a number out of range"),
            "{line}: {said}"
        );
        assert!(said.contains("from 0 to 4294967295"), "{line}: {said}");
        assert!(!said.contains("this is text"), "{line}: {said}");
    }
}

#[test]
fn a_command_without_a_program() {
    for command in ["[]", "", "[\"\"]"] {
        let said = said_of(format!(
            "scenario: mine\nsteps:\n  - seed: {{ canaries: 3 }}\n  - run: {{ command: {command} }}\n  \
             - check: [health]\n"
        ));
        assert!(said.contains("error[empty-command]"), "{command}: {said}");
        assert!(said.contains("mine.yaml:4:"), "{command}: {said}");
    }
}

#[test]
fn a_scenario_without_an_end_is_read_within_bounds() {
    let project = Project::shipped();
    for arguments in [["check", "/dev/zero"], ["check", "--env=/dev/zero"]] {
        let said = project.phoenix(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains("error[too-large]"), "{}", said.err);
    }
}

#[test]
fn a_key_that_is_written_twice() {
    insta::assert_snapshot!(said_of(
        "scenario: mine\nscenario: yours\nsteps:\n  - backup: all\n"
    ));
}

#[test]
fn a_file_that_is_empty() {
    insta::assert_snapshot!(said_of(""));
}

#[test]
fn a_file_that_is_no_text() {
    insta::assert_snapshot!(said_of(b"scenario: \xff\xfe\n"));
}

#[test]
fn services_that_need_each_other() {
    let project = Project::shipped();
    let text = project.read("environments/embedded.yaml");
    let changed = text
        .replacen("needs: [zitadel-db", "needs: [wiki, zitadel-db", 1)
        .replacen("needs: [bookstack-db", "needs: [zitadel, bookstack-db", 1);
    assert_ne!(text, changed, "the shipped file has both lines");
    project.write("environments/circle.yaml", changed);
    let said = project.phoenix(&["check", "--env", "circle"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("error[cyclic-needs]"), "{}", said.err);
    assert!(
        said.err.contains("zitadel → wiki → zitadel"),
        "{}",
        said.err
    );
    assert!(said.err.contains("circle.yaml:"), "{}", said.err);
}

#[test]
fn a_scenario_and_an_environment_that_are_not_there() {
    let project = Project::shipped();
    for (arguments, words) in [
        (
            ["check", "full-phoenx"],
            "no scenario is called `full-phoenx`",
        ),
        (
            ["check", "--env=embeded"],
            "no environment is called `embeded`",
        ),
        (["report", "yesterday"], "there are no runs in"),
    ] {
        let said = project.phoenix(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(words), "{}", said.err);
    }
}

#[test]
fn a_profile_that_is_not_there_is_told_with_those_that_are() {
    let project = Project::shipped();
    let said = project.phoenix(&["check", "--profile", "tody"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("did you mean `today`"), "{}", said.err);
}
