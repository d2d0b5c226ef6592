//! `init` over what Compose files leave open: it asks, says which answers `check` waits for, and takes
//! nothing that it made up for a fact.

use crate::init::has_tool;
use crate::support::{Project, Said};

/// What `init` and then `check` say of a Compose file and files beside it.
struct Asked {
    project: Project,
    said: Said,
    checked: Said,
    environment: String,
}

fn asked(compose: &str, beside: &[(&str, &str)], more: &[&str]) -> Option<Asked> {
    let project = Project::empty();
    project.write("compose.yaml", compose);
    for (name, text) in beside {
        project.write(name, text);
    }
    if !has_tool() {
        return None;
    }
    let said = project.phoenix(&[&["init", "--name", "it"], more].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let checked = project.phoenix(&["check", "--env", "environments/it.yaml"]);
    let environment = project.read("environments/it.yaml");
    let all = [said.out.as_str(), &environment, &project.read("PHOENIX.md")].concat();
    assert!(!all.contains("phx0"), "{all}");
    Some(Asked {
        project,
        said,
        checked,
        environment,
    })
}

impl Asked {
    fn has(&self, line: &str) -> &Self {
        let text = &self.environment;
        assert!(text.contains(line), "{line}:\n{text}");
        self
    }

    fn has_not(&self, line: &str) -> &Self {
        let text = &self.environment;
        assert!(!text.contains(line), "{line}:\n{text}");
        self
    }

    /// What `check` says is what `init` said that it would.
    fn is_ok(&self, ok: bool) -> &Self {
        let (said, checked) = (&self.said.out, &self.checked);
        let told = format!("{said}{}{}", checked.out, checked.err);
        assert_eq!(checked.code, if ok { 0 } else { 2 }, "{told}");
        assert_eq!(said.contains("is not ok before that"), !ok, "{told}");
        self
    }
}

#[test]
fn what_a_password_is_called_in_the_stack_does_not_matter() {
    let compose = r#"
services:
  db:
    image: postgres:16
    environment: { POSTGRES_PASSWORD: "${DBPW:?set it}", POSTGRES_DB: app }
    volumes: ["p:/var/lib/postgresql/data"]
  web:
    image: web
    ports: ["80:80"]
    environment:
      - DATABASE_URL=postgres://app:${PW}@db/app
      - SECRET_KEY_BASE=${BASE:?}
      - SMTP_PASSWORD=${MAIL:-}
volumes: { p: }
"#;
    let Some(it) = asked(compose, &[], &[]) else {
        return;
    };
    it.is_ok(true).has("DBPW: 24").has("PW: 24");
    it.has("base: { env: BASE }").has_not("MAIL");
    assert!(!it.said.out.contains("Whose are"), "{}", it.said.out);
}

#[test]
fn what_is_demanded_and_set_nowhere_is_asked_before_check_is_ok() {
    let compose = r#"
services:
  db:
    image: postgres:16
    environment: { POSTGRES_PASSWORD: x, POSTGRES_DB: "${DB_NAME:?}", LEVEL: "${LEVEL}" }
  web: { image: "web:${TAG:-1}", ports: ["80:80"], environment: { TAG: "${TAG:?need}" } }
"#;
    let Some(it) = asked(compose, &[], &[]) else {
        return;
    };
    it.is_ok(false).has("What is DB_NAME?").has("What is TAG?");
    it.has("db: { postgres: { service: db, database: \"\" } }");
    let first = "  answer questions 1, 3, 4\n";
    assert!(it.said.out.contains(first), "{}", it.said.out);
    // With the answers it is.
    let answered = it
        .environment
        .replace("database: \"\" }", "database: app }")
        .replace(
            "    # Question: What is DB_NAME",
            "    env_file: ../stack.env\n    # Question: What is DB_NAME",
        );
    it.project.write("stack.env", "DB_NAME=app\nTAG=1\n");
    it.project.write("environments/it.yaml", answered);
    let checked = it
        .project
        .phoenix(&["check", "--env", "environments/it.yaml"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[test]
fn a_database_is_called_what_the_files_say_or_asked_for() {
    let compose = |name: &str| {
        format!(
            "services:\n  db:\n    image: postgres:16\n    environment: {{ POSTGRES_PASSWORD: x, \
             POSTGRES_DB: \"{name}\" }}\n"
        )
    };
    let entry = "db: { postgres: { service: db, database:";
    for (name, line, ok) in [
        ("${KEY_DB:-keys}", " keys }", true),
        ("${SECRET:-keys}", " keys }", true),
        ("${DB_NAME}", " \"\" }", false),
        ("x-${KEY_DB}", " \"\" }", false),
    ] {
        let Some(it) = asked(&compose(name), &[], &[]) else {
            return;
        };
        it.has(&format!("{entry}{line}")).is_ok(ok);
        // `check` names the place.
        let names = it.checked.err.contains("database");
        assert_eq!(names, !ok, "{}", it.checked.err);
    }
}

#[test]
fn a_port_that_nobody_has_set_is_asked_for() {
    let compose = "services:\n  web: { image: web, ports: [\"80:${PORT}\"] }\n";
    let Some(it) = asked(compose, &[], &[]) else {
        return;
    };
    it.is_ok(false)
        .has("container: { service: web, port: \"\" }");
}

#[test]
fn what_can_be_asked_about_does_not_end_it() {
    for (compose, ok, line) in [
        (
            "services:\n  web: { image: web, volumes: [\"${UPLOAD_LOCATION}:/data\"] }\n",
            // The versions of the tool differ.
            None,
            "What is UPLOAD_LOCATION?",
        ),
        (
            "services:\n  web: { image: web, ports: [\"${TOKEN_SERVER:-8080}:80\"] }\n",
            Some(true),
            "service: web, port: 80",
        ),
        (
            "services:\n  web: { image: web, volumes: [\"./${KEYS:-keys}:/k:ro\"] }\n",
            Some(true),
            "services: {}",
        ),
    ] {
        let Some(it) = asked(compose, &[], &[]) else {
            return;
        };
        it.is_ok(ok.unwrap_or(it.checked.code == 0)).has(line);
    }
}

#[test]
fn a_file_of_the_host_is_left_out_with_a_question() {
    let compose = r#"
services:
  web:
    image: web
    ports: ["80:80"]
    volumes:
      - "/etc/localtime:/etc/localtime:ro"
      - "/etc/timezone:/etc/timezone:ro"
      - "/etc/hostname:/etc/of-the-host:ro"
      - "./own.conf:/etc/own.conf:ro"
"#;
    let Some(it) = asked(compose, &[("own.conf", "")], &[]) else {
        return;
    };
    it.is_ok(true).has("get by without web:/etc/localtime?");
    for target in ["localtime", "timezone", "of-the-host"] {
        it.has(&format!("\"web:/etc/{target}\": left_out"));
    }
    it.has_not("own.conf");
}

#[test]
fn a_setting_is_no_password_whatever_it_is_called() {
    let mut compose = String::from("services:\n  web:\n    image: web\n    environment:\n");
    let settings = [
        ("ACCESS_TOKEN_EXPIRE_MINUTES", ":-30"),
        ("JWT_EXPIRES_IN", ":-1h"),
        ("PASSWORD_LOGIN", ":-true"),
        ("TOKEN_LIFE", ":-7 days"),
        ("KEY_ROTATION", ":-never"),
    ];
    for (name, default) in settings {
        compose.push_str(&format!("      {name}: \"${{{name}{default}}}\"\n"));
    }
    compose.push_str("      API_TOKEN: \"${API_TOKEN:-changeme}\"\n");
    let Some(it) = asked(&compose, &[], &[]) else {
        return;
    };
    it.is_ok(true).has("API_TOKEN: 24").has_not("\nsecrets:");
    for (name, _) in settings {
        it.has_not(&format!("{name}: 24"));
    }
}

const SHARED: &str = r#"
services:
  database:
    image: postgres:14
    environment: { POSTGRES_PASSWORD: "${DB_PASSWORD}", POSTGRES_DB: "${DB_NAME}" }
    volumes: ["p:/var/lib/postgresql/data"]
  server:
    image: server
    env_file: [of.env]
    ports: ["80:80"]
volumes: { p: }
"#;

#[test]
fn one_password_stays_one() {
    let values = "DB_PASSWORD=nobody-may-see\nDB_NAME=photos\n";
    let compose = SHARED.replace("of.env", ".env");
    for (compose, file) in [(SHARED, "of.env"), (&compose, ".env")] {
        let Some(it) = asked(compose, &[(file, values)], &[]) else {
            return;
        };
        it.is_ok(true)
            .has_not("DB_PASSWORD: 24")
            .has("Has DB_PASSWORD to be another");
        it.has(&format!("env_file: ../{file}"));
        it.has("database: photos }").has_not("nobody-may-see");
        assert!(!it.said.out.contains("nobody-may-see"), "{}", it.said.out);
    }
    // Two that were two before are left so.
    let own = [("of.env", values), (".env", "DB_NAME=photos\n")];
    if let Some(it) = asked(SHARED, &own, &[]) {
        it.is_ok(true)
            .has("DB_PASSWORD: 24")
            .has("env_file: ../.env");
    }
}

#[test]
fn names_that_mean_something_else_or_are_the_same_are_made_others() {
    let compose = r#"
services:
  web_1: { image: web, ports: ["80"], volumes: ["secrets:/s", "default:/d", "all:/a"] }
  web-1: { image: web, ports: ["80"], volumes: ["inherit:/i", "objectives:/o"] }
  objectives: { image: "postgres:16", environment: { POSTGRES_PASSWORD: x } }
volumes: { secrets: , default: , all: , inherit: , objectives: }
"#;
    let Some(it) = asked(compose, &[], &[]) else {
        return;
    };
    it.is_ok(true);
    for name in ["secrets", "default", "all", "inherit", "objectives"] {
        it.has(&format!("{name}-volume: {{ volume: {{ name: {name} }} }}"));
    }
    it.has("objectives-store: { postgres")
        .has("http://web-1.localhost");
    it.has("http://web-1-2.localhost");
}

#[test]
fn a_service_with_a_dot_in_its_name_is_found() {
    let project = Project::empty();
    project.write(
        "compose.yaml",
        "services:\n  my.svc: { image: web, privileged: true }\n",
    );
    if !has_tool() {
        return;
    }
    let said = project.phoenix(&["init", "--leave-out", "my.svc.privileged"]);
    assert!(
        !said.err.contains("called `my`"),
        "{}{}",
        said.out,
        said.err
    );
}
