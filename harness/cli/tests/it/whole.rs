//! Whole runs of the command line: exit code, standard output and standard error together.

use crate::support::{Project, Said, settings};

/// A snapshot under its own name.
fn held(name: &str, said: &Said) {
    settings().bind(|| insta::assert_snapshot!(name.to_owned(), said.whole()));
}

#[test]
fn help() {
    let project = Project::empty();
    held("help", &project.phoenix(&["--help"]));
    held("help_run", &project.phoenix(&["run", "-h"]));
    held("help_unknown_command", &project.phoenix(&["rnu"]));
    for command in [
        "run",
        "check",
        "plan",
        "list",
        "gaps",
        "report",
        "schema",
        "completions",
    ] {
        let said = project.phoenix(&[command, "--help"]);
        assert!(said.out.contains("Examples:"), "{command}: {}", said.out);
    }
}

#[test]
fn list_and_check() {
    let project = Project::shipped();
    held("list", &project.phoenix(&["list"]));
    held("check_ok", &project.phoenix(&["check"]));
}

#[test]
fn plans() {
    let project = Project::shipped();
    held(
        "plan_full",
        &project.phoenix(&["plan", "--profile", "target"]),
    );
    held("plan_keys", &project.phoenix(&["plan", "keys-regenerate"]));
}

#[test]
fn a_run_of_both_profiles() {
    held("run", &Project::shipped().phoenix(&["run"]));
}

#[test]
fn gaps_and_reports_of_a_run() {
    let project = Project::with_a_run();
    held("gaps", &project.phoenix(&["gaps"]));
    held("report_markdown", &project.phoenix(&["report"]));
    for (format, begins) in [
        ("html", "<!doctype html>"),
        ("junit", "<?xml"),
        ("json", "{"),
    ] {
        let said = project.phoenix(&["report", "--format", format]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{format}");
        assert!(said.out.to_lowercase().starts_with(begins), "{format}");
    }
}

#[test]
fn recovery_counts_only_where_it_is_required() {
    let project = Project::shipped();
    let today = ["run", "--profile", "today"];
    assert_eq!(project.phoenix(&today).code, 0);
    let required = [&today[..], &["--require", "recovery"]].concat();
    let said = project.phoenix(&required);
    assert_eq!(said.code, 1, "{}", said.err);
    let target = ["run", "--profile", "target", "--require", "recovery"];
    assert_eq!(project.phoenix(&target).code, 0);
}

#[test]
fn several_scenarios_and_a_folder_of_them() {
    let project = Project::shipped();
    std::fs::create_dir(project.path("mine")).expect("a folder");
    for name in ["one", "two"] {
        project.write(
            &format!("mine/{name}.yaml"),
            format!("scenario: {name}\nprofile: target\nsteps:\n  - seed: {{ canaries: 1 }}\n  - check: [survival]\n"),
        );
    }
    let folder = project.phoenix(&["plan", "mine/"]);
    let files = project.phoenix(&["plan", "mine/one.yaml", "mine/two.yaml"]);
    assert_eq!(folder.code, 0, "{}", folder.err);
    assert_eq!(folder.out, files.out);
    assert!(folder.out.contains("one under") && folder.out.contains("two under"));
}

#[test]
fn names_that_nobody_has() {
    let project = Project::with_a_run();
    for (name, arguments) in [
        ("unknown_scenario", vec!["run", "full-phoenx"]),
        ("unknown_file", vec!["run", "scenarios/full-phoenx.yaml"]),
        ("unknown_environment", vec!["run", "--env", "embeded"]),
        ("unknown_profile", vec!["run", "--profile", "tody"]),
        ("unknown_run", vec!["report", "yesterday"]),
        ("unknown_profile_of_a_run", vec!["gaps", "--profile", "dev"]),
        ("unknown_document", vec!["run", "--document", "absent.md"]),
    ] {
        let said = project.phoenix(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}");
        held(name, &said);
    }
    assert!(!project.path("reports").exists(), "no run was begun");
}

#[test]
fn a_scenario_under_a_profile_that_the_environment_lacks() {
    let project = Project::shipped();
    let text = project.read("scenarios/full-phoenix.yaml");
    let text = text.replace("[today, target]", "[today, tarhet]");
    project.write("scenarios/full-phoenix.yaml", text);
    held("profile_of_a_scenario", &project.phoenix(&["run"]));
}

#[test]
fn nothing_to_run() {
    let nothing = Project::empty();
    held("no_project_run", &nothing.phoenix(&["run"]));
    assert_eq!(nothing.phoenix(&["list"]).code, 2);
    assert_eq!(nothing.phoenix(&["check"]).code, 2);
    for folder in ["scenarios", "environments", "mine"] {
        std::fs::create_dir(nothing.path(folder)).expect("a folder");
    }
    held("no_scenario", &nothing.phoenix(&["run"]));
    held(
        "no_scenario_in_a_folder",
        &nothing.phoenix(&["run", "mine/"]),
    );
    held("no_run", &nothing.phoenix(&["gaps"]));
}

#[test]
fn a_runs_folder_that_cannot_be_written() {
    let project = Project::shipped();
    project.write("occupied", "a file");
    held(
        "runs_folder_is_a_file",
        &project.phoenix(&["run", "--runs-dir", "occupied"]),
    );
    // A place that even root cannot write.
    held(
        "runs_folder_is_read_only",
        &project.phoenix(&["run", "--runs-dir", "/proc/phoenix"]),
    );
}

#[cfg(unix)]
#[test]
fn a_runs_folder_of_somebody_else() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::shipped();
    std::fs::create_dir(project.path("theirs")).expect("a folder");
    set_permissions(project.path("theirs"), Permissions::from_mode(0o555)).expect("a mode");
    if std::fs::write(project.path("theirs/probe"), "").is_ok() {
        // Root writes everywhere: there is nothing to see.
        return;
    }
    let said = project.phoenix(&["run", "--runs-dir", "theirs"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--runs-dir"), "{}", said.err);
}

#[test]
fn a_journal_of_a_newer_phoenix() {
    let project = Project::with_a_run();
    let path = "phoenix-runs/20260101T000000Z-000000/01-full-phoenix-today/journal.jsonl";
    let text = project.read(path);
    project.write(path, text.replacen("\"schema\":1", "\"schema\":99", 1));
    held("journal_newer", &project.phoenix(&["gaps"]));
    project.write(
        path,
        text.replacen("{\"schema\":1,\"seq\":2", "{\"schema\":1,\"seq\":7", 1),
    );
    held("journal_damaged", &project.phoenix(&["gaps"]));
}

#[test]
fn documents_that_cannot_be_judged() {
    let project = Project::shipped();
    let huge = "# Huge\n".repeat(700_000);
    for (name, bytes) in [
        ("document_empty", Vec::new()),
        ("document_huge", huge.into_bytes()),
        (
            "document_not_utf8",
            b"# Readiness\n\nThe caf\xe9 is down\n".to_vec(),
        ),
    ] {
        project.write("PHOENIX.md", bytes);
        let said = project.phoenix(&["check"]);
        assert_eq!(said.code, 2, "{}", said.err);
        held(name, &said);
    }
}

#[test]
fn a_table_with_missing_cells_is_read_and_told() {
    let project = Project::shipped();
    let text = project.read("PHOENIX.md");
    let cut = text.replace(
        "| Destroys cleanly <!-- phoenix: cap-destroy --> | ✅ | nothing of the stack stays behind |",
        "| Destroys cleanly <!-- phoenix: cap-destroy --> |",
    );
    assert_ne!(text, cut);
    project.write("PHOENIX.md", cut);
    let said = project.phoenix(&["check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    held("document_with_missing_cells", &said);
}

#[test]
fn files_that_are_wrong() {
    let project = Project::shipped();
    let head = "scenario: mine\nsteps:\n";
    for (name, rest) in [
        (
            "yaml_malformed",
            "  - seed: { canaries: 3\n  - backup: all\n",
        ),
        (
            "step_unknown",
            "  - seed: { canaries: 3 }\n  - destory: all\n  - check: [survival]\n",
        ),
        (
            "store_unknown",
            "  - seed: { canaries: 3 }\n  - destroy: [zitadel-bd]\n  - check: [survival]\n",
        ),
        (
            "needs_cyclic",
            "  - { name: first, needs: second, seed: { canaries: 3 } }\n  - { name: second, needs: \
             first, backup: all }\n  - check: [survival]\n",
        ),
        (
            "name_twice",
            "  - { name: twin, seed: { canaries: 3 } }\n  - { name: twin, backup: all }\n  - check: \
             [survival]\n",
        ),
    ] {
        project.write("mine.yaml", format!("{head}{rest}"));
        let said = project.phoenix(&["run", "mine.yaml"]);
        assert_eq!(said.code, 2, "{name}: {}{}", said.out, said.err);
        held(name, &said);
    }
}

#[test]
fn two_files_that_call_their_scenario_the_same() {
    let project = Project::shipped();
    let text = project.read("scenarios/full-phoenix.yaml");
    project.write("scenarios/second.yaml", text);
    let said = project.phoenix(&["check"]);
    assert_eq!(said.code, 2, "{}", said.out);
    held("scenario_name_twice", &said);
}

#[test]
fn ties_that_mean_nothing() {
    let project = Project::shipped();
    let text = project.read("environments/embedded.yaml");
    let text = text.replace("gap-s3-uploads:", "gap-s3-upload:");
    project.write("environments/embedded.yaml", text);
    held("tie_unknown", &project.phoenix(&["check"]));
}
