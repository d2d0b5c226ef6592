//! Environment files that do not fit their Compose files: `check` and `plan` tell each by its line, and
//! no engine is asked.

use crate::support::Project;

const COMPOSE: &str = "\
services:
  ledger-db:
    image: postgres:15
    environment: { POSTGRES_DB: ledger, POSTGRES_PASSWORD: \"${LEDGER_DB_PASSWORD:?is needed}\" }
    volumes: [rows:/var/lib/postgresql/data]
  ledger:
    image: ledger:1
    ports: [\"8080:8080\"]
    volumes: [/srv/ledger:/attachments]
  by-hand:
    image: ledger:1
  s3:
    image: s3:1
    environment: { KEY: \"${S3_KEY}\", SECRET: \"${S3_SECRET}\" }
volumes:
  rows:
";

const ENVIRONMENT: &str = "\
environment: mine
document: ../PHOENIX.md
driver:
  compose:
    files: [../compose.yaml]
    ingress: { service: ledger, port: 8080 }
    authority: { service: ledger, file: /ca.pem }
    without: [by-hand]
    variables: { S3_KEY: 20, S3_SECRET: 40, WORD: 8 }
    settles_within: 1m
    egress: [mail.example.test:25]
    remap: { ports: true, binds: { \"ledger:/attachments\": empty } }
    losable: { \"ledger:/tmp\": scratch }
stores:
  rows: { postgres: { service: ledger-db, database: ledger } }
  volume: { volume: rows }
  scans: { bucket: { name: scans, service: s3, key: S3_KEY, secret: S3_SECRET } }
secrets:
  db-password: { bytes: 24, opens: rows, env: LEDGER_DB_PASSWORD }
services:
  ledger: { app: http, health: { get: \"/health?by=${env:WORD}\" }, canary: unknown, url: \"http://ledger.localhost\", needs: [rows], secrets: [db-password] }
profiles:
  today:
    default: { logical: { every: 1h, verified: true } }
";

const SCENARIO: &str = "scenario: back\nsteps:\n  - seed: { canaries: 1 }\n  - backup: all\n  - destroy: all\n  - rebuild\n  - restore: all\n  - check: [health]\n";

fn project(compose: &str, environment: &str) -> Project {
    let project = Project::empty();
    for folder in ["environments", "scenarios"] {
        std::fs::create_dir(project.path(folder)).expect("a folder");
    }
    project.write(
        "PHOENIX.md",
        "# Claims\n\n| # | Gap | Status |\n|---|---|---|\n| 1 | None | missing |\n",
    );
    project.write("compose.yaml", compose);
    project.write("environments/mine.yaml", environment);
    project.write("scenarios/back.yaml", SCENARIO);
    project
}

/// Whether there is a Compose tool; where Docker is required there is one.
fn possible(said: &crate::support::Said) -> bool {
    let unread = said.err.contains("warning[compose-unread]");
    let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
    assert!(
        !unread || !required.contains("docker"),
        "no Compose tool: {}",
        said.err
    );
    !unread
}

#[test]
fn what_fits_is_right_and_needs_no_name_where_it_is_the_only_one() {
    let project = project(COMPOSE, ENVIRONMENT);
    for command in ["check", "plan"] {
        let said = project.phoenix(&[command]);
        assert_eq!(said.code, 0, "{command}: {}{}", said.out, said.err);
    }
    let said = project.phoenix(&["check"]);
    assert!(said.out.contains("mine.yaml: ok"), "{}", said.out);
    assert!(said.out.contains("back.yaml: ok"), "{}", said.out);
}

#[test]
fn each_word_that_hits_nothing_is_told_with_its_line() {
    let mut amiss = Vec::new();
    let whole = ENVIRONMENT;
    for (part, instead, code, words) in [
        (
            "ledger, port: 8080",
            "ledgr, port: 8080",
            "unknown-name",
            "did you mean `ledger`",
        ),
        (
            "ledger, port: 8080",
            "ledger, port: 99999",
            "bad-port",
            "1 to 65535",
        ),
        (
            "ledger, port: 8080",
            "by-hand, port: 8080",
            "unknown-name",
            "under `without:`",
        ),
        ("ledger, file", "ledgr, file", "unknown-name", "`ledgr`"),
        ("[by-hand]", "[by-hand, nosuch]", "unknown-name", "`nosuch`"),
        ("S3_KEY: 20", "S3_KEY: 0", "bad-length", "1 to 4096"),
        (
            "S3_KEY: 20",
            "\"A B\": 5, S3_KEY: 20",
            "bad-variable",
            "`A B`",
        ),
        (
            "${env:WORD}",
            "${env:WROD}",
            "unknown-name",
            "did you mean `WORD`",
        ),
        ("1m", "0s", "bad-duration", "longer than nothing"),
        (
            "mail.example.test:25",
            "ledger-db:25",
            "bad-egress",
            "`ledger-db` itself",
        ),
        (
            "ledger:/attachments\"",
            "ledger:/attachment\"",
            "unknown-name",
            "ledger:/attachments",
        ),
        (
            "ledger:/attachments\"",
            "ledger\"",
            "bad-place",
            "service:/path",
        ),
        ("{ ports: true, ", "{ ", "beyond-the-drill", "8080"),
        (
            "{ ports: true, ",
            "{ ports: true, left_out: [nosuch.cap_add], ",
            "unknown-name",
            "`nosuch`",
        ),
        (
            "{ ports: true, ",
            "{ ports: true, left_out: [ledger], ",
            "bad-key",
            "service.key",
        ),
        (
            "{ ports: true, ",
            "{ ports: true, volumes: [row], ",
            "unknown-name",
            "`rows`",
        ),
        (
            "{ ports: true, ",
            "{ ports: true, networks: [front], ",
            "unknown-name",
            "`front`",
        ),
        ("ledger:/tmp", "ledgr:/tmp", "unknown-name", "`ledger`"),
        ("ledger:/tmp", "/tmp", "bad-place", "service:/path"),
        (
            "service: ledger-db,",
            "service: ledgerdb,",
            "unknown-name",
            "`ledger-db`",
        ),
        (
            "database: ledger",
            "database: \"\"",
            "bad-name",
            "at least one letter",
        ),
        ("volume: rows }", "volume: row }", "unknown-name", "`rows`"),
        ("service: s3,", "service: s4,", "unknown-name", "`s3`"),
        ("key: S3_KEY", "key: S3_KEI", "unknown-name", "`S3_KEY`"),
        (
            "http://ledger.localhost",
            "ftp://ledger",
            "bad-url",
            "https://",
        ),
        (
            "app: http,",
            "app: http, container: { service: nosuch, port: 1 },",
            "unknown-name",
            "`nosuch`",
        ),
        (
            "app: http,",
            "app: http, container: { service: ledger, port: 0 },",
            "bad-port",
            "1 to 65535",
        ),
        (
            "every: 1h",
            "every: 0s",
            "bad-duration",
            "longer than nothing",
        ),
        (
            "verified: true",
            "verified: maybe",
            "unknown-word",
            "`false`",
        ),
        (
            "logical: { every: 1h",
            "snapshot: { outlives: instanse",
            "unknown-word",
            "`instance`",
        ),
        (
            "S3_KEY: 20",
            "S3_KEI: 20, S3_KEY: 20",
            "unknown-variable",
            "did you mean `S3_KEY`",
        ),
        (
            "env: LEDGER_DB_PASSWORD",
            "env: LEDGER_DB_PASSWRD",
            "unknown-variable",
            "did you mean `LEDGER_DB_PASSWORD`",
        ),
        (
            "S3_KEY: 20",
            "PATH: 8, S3_KEY: 20",
            "bad-variable",
            "itself takes",
        ),
        (
            "S3_KEY: 20",
            "COMPOSE_FILE: 8, S3_KEY: 20",
            "bad-variable",
            "itself takes",
        ),
        ("1m", "\"${PATIENCE}\"", "placeholder", "nothing replaces"),
        (
            "http://ledger.localhost",
            "http://${NAME}.localhost",
            "placeholder",
            "nothing replaces",
        ),
        (
            "http://ledger.localhost",
            "http://ledger.localhost?x=1",
            "bad-url",
            "`?`",
        ),
        (
            "mail.example.test:25",
            "mail.example.test:25 -> 127.0.0.1:25",
            "bad-egress",
            "own machine",
        ),
        (
            "mail.example.test:25",
            "m.test:25 -> 192.0.2.1:25, m.test:25 -> 192.0.2.2:25",
            "bad-egress",
            "elsewhere too",
        ),
        ("ledger:/tmp", "ledger:/..", "bad-place", "without `..`"),
        ("/ca.pem", "ca.pem", "bad-path", "from `/` on"),
        (
            "{ ports: true, ",
            "{ ports: true, left_out: [ledger.image], ",
            "bad-key",
            "without `image`",
        ),
        (
            "{ ports: true, ",
            "{ ports: true, left_out: [ledger.privlegd], ",
            "unknown-name",
            "key of `ledger`",
        ),
        (
            "volume: { volume: rows }",
            "volume: { volume: rows, }\n  again: { volume: rows }",
            "duplicate-name",
            "one store",
        ),
        (
            "volume: { volume: rows }",
            "volume: { sqlite: ledger }",
            "bad-kind",
            "`volume: NAME`",
        ),
        (
            "volume: { volume: rows }",
            "secrets: { volume: rows }",
            "reserved-name",
            "`secrets-store`",
        ),
        (
            "database: ledger }",
            "database: ledger, folder: ../../etc }, on: volume",
            "bad-path",
            "`..`",
        ),
        (
            "database: ledger }",
            "database: ledger }, on: rows",
            "cyclic-needs",
            "on itself",
        ),
        ("opens: rows", "opens: volume", "no-password", "no password"),
        (
            "opens: rows, env: LEDGER_DB_PASSWORD }",
            "opens: rows, env: LEDGER_DB_PASSWORD }\n  other: { env: LEDGER_DB_PASSWORD }",
            "duplicate-name",
            "`db-password` has",
        ),
        (
            "canary: unknown,",
            "canary: unknown, env: { A: b },",
            "unused-key",
            "from the Compose files",
        ),
        (
            "ledger: { app: http,",
            "other: { app: http, health: { get: / }, canary: unknown, url: \"http://ledger.localhost\", container: { service: s3, port: 1 } }\n  ledger: { app: http,",
            "duplicate-url",
            "ledger.localhost",
        ),
        ("[../compose.yaml]", "[]", "wrong-type", "at least one"),
        (
            "[../compose.yaml]",
            "[../nosuch.yaml]",
            "missing-file",
            "nosuch.yaml",
        ),
        ("[../compose.yaml]", "[..]", "missing-file", "a folder"),
    ] {
        assert_eq!(whole.matches(part).count(), 1, "{part} is there once");
        let wrong = whole.replace(part, instead);
        let line = whole
            .lines()
            .position(|line| line.contains(part))
            .expect("the line that is changed")
            + instead.matches('\n').count();
        let project = project(COMPOSE, &wrong);
        let said = project.phoenix(&["check"]);
        if !possible(&said) {
            continue;
        }
        let place = format!("mine.yaml:{}:", line + 1);
        let told = [format!("error[{code}]"), place, words.to_owned()];
        if said.code != 2 || !told.iter().all(|word| said.err.contains(word.as_str())) {
            amiss.push(format!("{instead}: {told:?}: {}: {}", said.code, said.err));
        }
    }
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

#[test]
fn what_check_refuses_is_neither_planned_nor_run() {
    let wrong = ENVIRONMENT.replace("ledger, port: 8080", "ledgr, port: 8080");
    let project = project(COMPOSE, &wrong);
    if !possible(&project.phoenix(&["check"])) {
        return;
    }
    for command in ["plan", "run"] {
        let said = project.phoenix(&[command]);
        assert_eq!(said.code, 2, "{command}: {}{}", said.out, said.err);
        assert!(said.err.contains("mine.yaml:6:"), "{}", said.err);
    }
    assert!(!project.path("phoenix-runs").exists(), "nothing was begun");
}

#[test]
fn without_a_tool_the_files_are_not_read_and_that_is_told() {
    let project = project(COMPOSE, ENVIRONMENT);
    for command in ["check", "plan"] {
        let said = project.without_tools(&[command]);
        assert_eq!(said.code, 0, "{command}: {}{}", said.out, said.err);
        let words = [
            "warning[compose-unread]",
            "mine.yaml:",
            "docker-compose-plugin",
        ];
        for word in words {
            assert!(said.err.contains(word), "{command}: {word}: {}", said.err);
        }
    }
}

#[test]
fn what_is_odd_is_told_and_can_be_run() {
    for (part, instead, code) in [
        (
            "POSTGRES_DB: ledger",
            "POSTGRES_DB: books",
            "other-database",
        ),
        ("{ KEY: ", "{ S3_KEY: written-down, KEY: ", "two-values"),
        (
            "ledger:1\n    ports",
            "ledger:${TAG}1\n    ports",
            "compose-says",
        ),
    ] {
        assert_eq!(COMPOSE.matches(part).count(), 1, "{part} is there once");
        let project = project(&COMPOSE.replace(part, instead), ENVIRONMENT);
        let said = project.phoenix(&["check"]);
        if possible(&said) {
            assert_eq!(said.code, 0, "{code}: {}{}", said.out, said.err);
            let told = format!("warning[{code}]");
            assert!(said.err.contains(&told), "{told}: {}", said.err);
        }
    }
}

#[test]
fn what_a_file_of_variables_says_is_not_told() {
    let compose = COMPOSE
        .replace("image: s3:1\n", "image: s3:1\n    network_mode: \"${MODE}\"\n")
        .replace("image: ledger:1\n    ports", "image: ledger:1\n    environment: { B: \"${NOBODY:?is needed}\", C: s3cret-literal }\n    ports");
    let environment = ENVIRONMENT.replace("    settles", "    env_file: ../drill.env\n    settles");
    let project = project(&compose, &environment);
    for (variables, code) in [
        ("MODE=s3cret-mode", "compose-file"),
        ("MODE=s3cret-mode\nNOBODY=one", "beyond-the-drill"),
    ] {
        project.write("drill.env", variables);
        let said = project.phoenix(&["check"]);
        if possible(&said) {
            assert_eq!(said.code, 2, "{}{}", said.out, said.err);
            assert!(said.err.contains(&format!("error[{code}]")), "{}", said.err);
            assert!(!said.err.contains("s3cret"), "{}", said.err);
        }
    }
}

#[test]
fn files_of_the_host_that_are_not_there_are_told() {
    let bind = "volumes: [/srv/ledger:/attachments, ./nosuch:/etc/ledger:ro]";
    let compose = COMPOSE.replace("volumes: [/srv/ledger:/attachments]", bind);
    let copied = ENVIRONMENT.replace("attachments\": empty", "attachments\": copy");
    let secret = format!("{compose}secrets: {{ key: {{ file: ./nosuch.txt }} }}\n");
    let secret = secret.replace("image: s3:1", "image: s3:1\n    secrets: [key]");
    for (compose, environment, code, told) in [
        (
            compose.as_str(),
            ENVIRONMENT,
            0,
            "warning[missing-file]: ledger:/etc/ledger",
        ),
        (
            COMPOSE,
            &copied,
            2,
            "error[missing-file]: ledger:/attachments",
        ),
        (&secret, ENVIRONMENT, 2, "error[missing-file]: secrets/key"),
    ] {
        let project = project(compose, environment);
        let said = project.phoenix(&["check"]);
        if possible(&said) {
            assert_eq!(said.code, code, "{}{}", said.out, said.err);
            assert!(said.err.contains(told), "{told}: {}", said.err);
        }
    }
}

#[test]
fn a_compose_file_that_is_wrong_is_told_with_its_own_name() {
    let broken = COMPOSE.replace("volumes: [rows:/var", "volumes: [rows:/var/lib\n  x: [");
    let project = project(&broken, ENVIRONMENT);
    let said = project.phoenix(&["check"]);
    if possible(&said) {
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        assert!(said.err.contains("error[compose-file]"), "{}", said.err);
        assert!(said.err.contains("compose.yaml"), "{}", said.err);
        assert!(said.err.contains("line "), "{}", said.err);
    }
}

#[test]
fn several_environments_of_which_none_is_the_usual_one_are_asked_for() {
    let project = project(COMPOSE, ENVIRONMENT);
    project.write(
        "environments/other.yaml",
        ENVIRONMENT.replace("environment: mine", "environment: other"),
    );
    for command in ["check", "plan"] {
        let said = project.phoenix(&[command]);
        assert_eq!(said.code, 2, "{command}: {}{}", said.out, said.err);
        assert!(
            said.err.contains("name one of `mine`, `other`"),
            "{}",
            said.err
        );
    }
    assert_eq!(project.phoenix(&["check", "--env", "other"]).code, 0);
}
