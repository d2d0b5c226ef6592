//! `init` over Compose files as other people write them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, Said, settings};

/// Whether something here reads Compose files; red where it has to.
pub(crate) fn has_tool() -> bool {
    let answers = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output();
        output.is_ok_and(|output| output.status.success())
    };
    let has = answers("docker", &["compose", "version"])
        || answers("docker-compose", &["version", "--short"]);
    let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
    assert!(has || !required.contains("docker"), "no Compose tool");
    has
}

/// A stack of the fixtures, copied to where it can be written beside.
fn stack(name: &str) -> Option<Project> {
    let project = Project::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/fixtures/stacks")
        .join(name);
    copy(&from, &project.path("."));
    has_tool().then_some(project)
}

/// Copies what lies in a folder, and in those in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).expect("a copy");
        }
    }
}

/// What was said and what was written, for a snapshot.
fn written(project: &Project, name: &str, said: &Said) -> String {
    let environment = project.read(&format!("environments/{name}.yaml"));
    format!("{}── {name}.yaml\n{environment}", said.whole())
}

/// What was written is right as it is, and nothing of what is secret is in any of it.
fn is_right(project: &Project, name: &str, said: &Said) {
    let file = format!("environments/{name}.yaml");
    let checked = project.phoenix(&["check", "--env", &file]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    // That a variable is not set is one of the questions.
    let told = checked.err.replace("warning[compose-says]", "");
    assert!(!told.contains("warning["), "{}", checked.err);
    let plan = project.phoenix(&["plan", "--env", &file, "--profile", "today"]);
    assert_eq!(plan.code, 0, "{}{}", plan.out, plan.err);
    let all = format!(
        "{}{}{}{}",
        said.out,
        said.err,
        project.read(&file),
        project.read("PHOENIX.md")
    );
    for value in [
        "nobody-may-see",
        "written-into-the-file",
        "in-plain",
        "phx0",
    ] {
        assert!(!all.contains(value), "a value is told: {value}");
    }
}

fn snapshot(name: &str) {
    let Some(project) = stack(name) else { return };
    let said = project.phoenix(&["init", "--name", name]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    is_right(&project, name, &said);
    settings().bind(|| {
        insta::assert_snapshot!(format!("init_{name}"), written(&project, name, &said));
    });
}

#[test]
fn a_blog_with_a_database_volumes_and_an_env_file() {
    snapshot("wordpress");
}

#[test]
fn a_forge_whose_data_lies_in_folders() {
    snapshot("gitea");
}

#[test]
fn a_cloud_with_a_cache_and_folders_of_the_host() {
    snapshot("nextcloud");
}

#[test]
fn a_platform_with_anchors_extended_files_and_servers_of_every_kind() {
    snapshot("platform");
}

#[test]
fn what_reaches_beyond_a_drill_is_refused_by_name_and_nothing_is_written() {
    let Some(project) = stack("dangerous") else {
        return;
    };
    let said = project.phoenix(&["init"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    settings().bind(|| insta::assert_snapshot!("init_dangerous", said.whole()));
    assert!(!project.path("environments").exists());
    assert!(!project.path("PHOENIX.md").exists());
    let said = project.phoenix(&[
        "init",
        "--name",
        "mine",
        "--without",
        "proxy",
        "--without",
        "agent",
    ]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    is_right(&project, "mine", &said);
    let text = project.read("environments/mine.yaml");
    assert!(text.contains("without: [proxy, agent]"), "{text}");
    // What only they use is no store of the drill.
    assert!(
        text.contains("app: { volume") || text.contains("app-files"),
        "{text}"
    );
    assert!(!text.contains("name: agent"), "{text}");
}

#[test]
fn a_key_can_be_left_out_and_has_to_be_there() {
    let Some(project) = stack("gitea") else {
        return;
    };
    let compose = project.read("docker-compose.yml");
    let changed = compose.replacen("    restart: always\n", "    privileged: true\n", 1);
    assert_ne!(compose, changed);
    project.write("docker-compose.yml", changed);
    let said = project.phoenix(&["init", "--name", "forge"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("server.privileged"), "{}", said.err);
    let said = project.phoenix(&["init", "--name", "forge", "--leave-out", "sever.privileged"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("called `sever`"), "{}", said.err);
    let said = project.phoenix(&[
        "init",
        "--name",
        "forge",
        "--leave-out",
        "server.privileged",
    ]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let text = project.read("environments/forge.yaml");
    assert!(text.contains("left_out: [server.privileged]"), "{text}");
}

#[test]
fn what_is_there_is_left_alone_unless_it_is_said() {
    let Some(project) = stack("gitea") else {
        return;
    };
    project.write("PHOENIX.md", "# Ours\n\n## Success Criteria\n\n| Metric | Current | Target |\n| --- | --- | --- |\n| Data loss | all | 0% |\n");
    let before = project.read("PHOENIX.md");
    assert_eq!(project.phoenix(&["init", "--name", "forge"]).code, 0);
    project.write("environments/forge.yaml", "mine\n");
    project.write("scenarios/full-phoenix.yaml", "mine\n");
    let said = project.phoenix(&["init", "--name", "forge"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("--force"), "{}", said.err);
    assert_eq!(project.read("environments/forge.yaml"), "mine\n");
    let said = project.phoenix(&["init", "--name", "forge", "--force"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(project.read("environments/forge.yaml").contains("gitea"));
    assert_eq!(project.read("scenarios/full-phoenix.yaml"), "mine\n");
    assert_eq!(project.read("PHOENIX.md"), before);
}

#[test]
fn files_that_cannot_be_read_are_told_in_the_words_of_the_tool() {
    if !has_tool() {
        return;
    }
    let project = Project::empty();
    let said = project.phoenix(&["init"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("no Compose file here"), "{}", said.err);
    for (text, words) in [
        ("services:\n  a: [\n", "compose.yaml"),
        ("services:\n  a:\n    image: x\n    colour: red\n", "colour"),
        (
            "services:\n  a:\n    image: x\n    env_file: none.env\n",
            "none.env",
        ),
        ("services:\n  a:\n    image: x\n    depends_on: [b]\n", "b"),
        ("", "compose.yaml"),
        ("volumes: {}\n", "compose.yaml"),
    ] {
        project.write("compose.yaml", text);
        let said = project.phoenix(&["init"]);
        assert_eq!(said.code, 2, "{text}: {}{}", said.out, said.err);
        assert!(said.err.contains(words), "{text}: {}", said.err);
        assert!(!project.path("environments").exists(), "{text}");
    }
    for arguments in [["init", "none.yaml"], ["init", "--env-file=none.env"]] {
        let said = project.phoenix(&arguments);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        assert!(said.err.contains("there is no file none."), "{}", said.err);
    }
}

const ONE: &str = "services:\n  a:\n    image: x\n";

/// What `init` says of a Compose file and files beside it. It is one error, of phoenix alone, and
/// tells no value.
fn refused(compose: &[u8], beside: &[(&str, &[u8])]) -> String {
    let project = Project::empty();
    project.write("compose.yaml", compose);
    for (name, bytes) in beside {
        project.write(name, bytes);
    }
    let said = project.phoenix(&["init"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    for never in ["Traceback", "File \"", "codec", "nobody-may-see"] {
        assert!(!said.err.contains(never), "{never}: {}", said.err);
    }
    assert!(!project.path("environments").exists());
    said.err
}

#[test]
fn what_is_no_text_is_told_with_its_file_and_line() {
    if !has_tool() {
        return;
    }
    let latin = b"# variables\nA=nobody-may-see-caf\xe9\n";
    let with = |more: &str| format!("{ONE}    {more}\n").into_bytes();
    for (said, file) in [
        (refused(ONE.as_bytes(), &[(".env", latin)]), ".env:2: "),
        (
            refused(&with("env_file: db.env"), &[("db.env", latin)]),
            "db.env:2: ",
        ),
        (
            refused(&with("env_file: [{ path: db.env }]"), &[("db.env", latin)]),
            "db.env:2: ",
        ),
        (
            refused(
                &with("extends: { file: base.yaml, service: a }"),
                &[("base.yaml", latin)],
            ),
            "base.yaml:2: ",
        ),
        (
            refused(b"services:\n  a:\n    image: caf\xe9nobody-may-see\n", &[]),
            "compose.yaml:3: ",
        ),
    ] {
        assert!(said.contains(file), "{file}: {said}");
        assert!(said.contains("not UTF-8"), "{said}");
        assert!(said.contains("save it as UTF-8"), "{said}");
    }
}

#[test]
fn what_is_no_compose_file_is_told_with_its_file_and_what_it_is() {
    if !has_tool() {
        return;
    }
    let deep = "[".repeat(5000);
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (text, words) in [
        (deep.as_str(), "nested deeper than 64 in line 1"),
        (&nested, "nested deeper than 64 in line 1"),
        (
            "services:\n  a: {\n\nb: ]\n",
            "compose.yaml: no YAML in line 2",
        ),
        ("nobody-may-see", "compose.yaml: a text"),
        ("- nobody-may-see\n", "compose.yaml: a list"),
        ("", "compose.yaml: empty"),
        (
            "{ \"version\": \"3\", \"x-y\": \"nobody-may-see\" }",
            "compose.yaml: no service is declared",
        ),
        (
            "apiVersion: v1\nkind: Pod\n",
            "compose.yaml: no `services:` in it",
        ),
    ] {
        let said = refused(text.as_bytes(), &[]);
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains("Compose file"), "{said}");
        assert_eq!(said.matches("error").count(), 1, "{said}");
    }
}

#[test]
fn values_that_the_tool_quotes_are_left_out() {
    if !has_tool() {
        return;
    }
    for value in [
        "[\"nobody-may-see\"]",
        "\"${nobody-may-see\"",
        "\"x\\n${nobody-may-see\"",
    ] {
        let text = format!("{ONE}    environment:\n      A: {value}\n");
        let said = refused(text.as_bytes(), &[]);
        assert!(said.contains("environment"), "{said}");
    }
}

#[test]
fn what_is_no_file_is_called_what_it_is() {
    let project = Project::shipped();
    project.write("compose.yaml", ONE);
    fs::create_dir(project.path("adir")).expect("a folder");
    project.write("adir/docker-compose.yml", ONE);
    fs::create_dir(project.path("empty.yaml")).expect("a folder");
    for (arguments, words, todo) in [
        (
            ["init", "adir"],
            "adir is a folder, not a file",
            "adir/docker-compose.yml",
        ),
        (
            ["init", "empty.yaml"],
            "empty.yaml is a folder, not a file",
            "name the Compose files",
        ),
        (
            ["init", "--env-file=adir"],
            "adir is a folder, not a file",
            "NAME=VALUE",
        ),
        (
            ["init", "/dev/zero"],
            "/dev/zero is a pipe or a device, not a file",
            "name the Compose files",
        ),
        (
            ["init", "--env-file=/dev/zero"],
            "/dev/zero is a pipe or a device, not a file",
            "NAME=VALUE",
        ),
        (
            ["check", "--env=adir"],
            "adir is a folder, not a file",
            "name the environment file in it",
        ),
        (
            ["check", "--env=./adir"],
            "this is a folder",
            "name the file inside it",
        ),
    ] {
        let said = project.phoenix(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(words), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(todo), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn where_nothing_is_recognised_that_is_said_here_and_by_check() {
    if !has_tool() {
        return;
    }
    let project = Project::empty();
    project.write("compose.yaml", ONE);
    let said = project.phoenix(&["init", "--name", "bare"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    settings().bind(|| insta::assert_snapshot!("init_bare", written(&project, "bare", &said)));
    let checked = project.phoenix(&["check", "--env", "environments/bare.yaml"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    settings().bind(|| insta::assert_snapshot!("check_bare", checked.whole()));
}

#[test]
fn the_shipped_example_is_recognised() {
    if !has_tool() {
        return;
    }
    let project = Project::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/ledgerbook");
    for name in ["compose.yaml", "compose.airgapped.yaml", "PHOENIX.md"] {
        fs::copy(from.join(name), project.path(name)).expect("a copy");
    }
    fs::create_dir(project.path("app")).expect("a folder");
    let said = project.phoenix(&["init", "--name", "books"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    is_right(&project, "books", &said);
    let text = project.read("environments/books.yaml");
    for line in [
        "airgapped: [../compose.airgapped.yaml]",
        "LEDGER_DB_PASSWORD: 24",
        "db: { postgres: { service: db, database: ledger } }",
        "uploads: { volume: { name: uploads } }",
        "container: { service: web, port: 8000 }",
        "needs: [db, uploads]",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
}

#[test]
fn a_name_that_is_a_path_is_refused_and_nothing_is_written() {
    let Some(project) = stack("gitea") else {
        return;
    };
    for name in ["../../evil", "", "a/b", "-x", "\u{e4}"] {
        let name = format!("--name={name}");
        let said = project.phoenix(&["init", &name]);
        assert_eq!(said.code, 2, "{name}: {}{}", said.out, said.err);
        assert!(said.err.contains("is no name"), "{}", said.err);
    }
    assert!(!project.path("environments").exists());
    assert!(!project.path("PHOENIX.md").exists());
}
