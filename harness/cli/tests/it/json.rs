//! What programs read: versioned, on standard output, and nothing else there.

use serde_json::Value;

use crate::support::Project;

fn json(project: &Project, arguments: &[&str], code: i32) -> Value {
    let said = project.phoenix(arguments);
    assert_eq!(said.code, code, "{}", said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|why| panic!("{why}: {}", said.out))
}

fn keys(value: &Value) -> Vec<&str> {
    let entries = value.as_object().expect("an object");
    entries.keys().map(String::as_str).collect()
}

#[test]
fn list() {
    let value = json(&Project::shipped(), &["list", "--format", "json"], 0);
    assert_eq!(value["schema"], 1);
    let names: Vec<_> = value["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .map(|scenario| scenario["name"].as_str().expect("a name"))
        .collect();
    assert!(names.contains(&"full-phoenix"), "{names:?}");
    let environments = value["environments"].as_array().expect("environments");
    let embedded = environments.iter().find(|one| one["name"] == "embedded");
    let embedded = embedded.expect("the embedded one");
    assert_eq!(
        embedded["profiles"],
        serde_json::json!(["today", "dev", "target", "snapshots"])
    );
    assert_eq!(
        keys(&value["scenarios"][0]),
        ["name", "scenario", "title", "tags", "profiles", "file"]
    );
}

#[test]
fn check_tells_every_mistake_with_its_place() {
    let project = Project::shipped();
    project.write(
        "mine.yaml",
        "scenario: mine\nsteps:\n  - sed: { canaries: 3 }\n  - check: [logn]\n",
    );
    let value = json(&project, &["check", "mine.yaml", "--format", "json"], 2);
    assert_eq!(value["ok"], false);
    let found = value["diagnostics"].as_array().expect("diagnostics");
    assert_eq!(found.len(), 2, "{value:#}");
    assert_eq!(found[0]["file"], "mine.yaml");
    assert_eq!(found[0]["line"], 3);
    assert_eq!(found[0]["column"], 5);
    assert_eq!(found[0]["help"], "did you mean `seed`?");
    assert_eq!(
        keys(&found[0]),
        [
            "severity", "code", "file", "line", "column", "width", "text", "message", "help"
        ]
    );
}

#[test]
fn check_of_good_files_says_what_can_be_used() {
    let value = json(&Project::shipped(), &["check", "--format", "json"], 0);
    assert_eq!(value["ok"], true);
    let checked = value["checked"].as_array().expect("checked");
    for profile in ["today", "dev", "target"] {
        let has = |kind: &str| {
            checked
                .iter()
                .any(|one| one["kind"] == kind && one["profile"] == profile)
        };
        assert!(has("environment") && has("scenario"), "{value:#}");
    }
}

#[test]
fn plan_names_every_destructive_act() {
    let arguments = ["plan", "--profile", "today", "--format", "json"];
    let value = json(&Project::shipped(), &arguments, 0);
    let plan = &value["plans"][0];
    assert_eq!(plan["profile"], "today");
    let steps = plan["steps"].as_array().expect("steps");
    let acts: Vec<_> = steps
        .iter()
        .flat_map(|step| step["destroys"].as_array().expect("acts"))
        .filter_map(Value::as_str)
        .collect();
    assert!(
        acts.iter().any(|act| act.starts_with("destroy store ")),
        "{acts:?}"
    );
    assert_eq!(
        keys(&steps[0]),
        ["id", "title", "needs", "destroys", "cleanup"]
    );
}

#[test]
fn gaps_have_the_register_of_each_cycle() {
    let project = Project::with_a_run();
    let value = json(&project, &["gaps", "--format", "json"], 0);
    assert_eq!(value["schema"], 1);
    let cycles = value["cycles"].as_array().expect("cycles");
    let answers: Vec<_> = cycles
        .iter()
        .map(|cycle| (&cycle["profile"], &cycle["recovery"], &cycle["agreement"]))
        .map(|(profile, recovery, agreement)| format!("{profile} {recovery} {agreement}"))
        .collect();
    assert_eq!(
        answers,
        [
            r#""today" "not-recovered" "agrees""#,
            r#""target" "recovered" "agrees""#
        ]
    );
    assert_eq!(cycles[0]["register"]["schema"], 1);
    let target = json(
        &project,
        &["gaps", "--profile", "target", "--format", "json"],
        0,
    );
    assert_eq!(target["cycles"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    use std::process::{Command, Stdio};
    let project = Project::with_a_run();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("phoenix"))
        .args(["report", "--format", "html"])
        .current_dir(project.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
