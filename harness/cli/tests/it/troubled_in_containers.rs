//! Stacks that do not come up: what it is, where, and what to do is told within the deadline; the run
//! ends without a verdict, and nothing of it is left.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::drill::{Drill, Said, name};
use crate::killed_in_containers::{docker, of, possible};

const RUN: [&str; 4] = ["run", "short", "--env", "troubled"];
/// Far less than the environment's patience.
const SOON: Duration = Duration::from_secs(120);
/// For what nobody can know before the deadline: `settles_within` otherwise, enough for a database.
const PATIENCE: [&str; 3] = [
    "troubled.yaml",
    "settles_within: 10m",
    "settles_within: 30s",
];

/// Runs the project with parts of its files written otherwise: the file, the part, what it becomes.
fn with(otherwise: &[[&str; 3]]) -> Said {
    ran(&Drill::in_trouble(), otherwise)
}

fn ran(drill: &Drill, otherwise: &[[&str; 3]]) -> Said {
    for [file, part, instead] in otherwise {
        let path = drill.path("environments").join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(part), "{part} is in {file}");
        fs::write(&path, text.replace(part, instead)).expect("written");
    }
    let began = Instant::now();
    let said = drill.phoenix(&RUN);
    assert!(
        began.elapsed() < SOON,
        "{:?}: {}",
        began.elapsed(),
        said.err
    );
    for folder in fs::read_dir(drill.path("runs")).into_iter().flatten() {
        let run = name(&folder.expect("a folder").path());
        assert_eq!(of(&run), [""; 0], "left of {run}: {}", said.err);
        let names = ["image", "ls", "--format", "{{.Repository}}"];
        let images = docker(&names).expect("images").to_lowercase();
        assert!(!images.contains(&run.to_lowercase()), "{images}");
    }
    said
}

/// That a run ended with a code and these words.
fn told(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, Some(code), "{}{}", said.out, said.err);
    for word in words {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
}

const COMMAND: &str = "exec socat TCP-LISTEN:8000,fork,reuseaddr SYSTEM:'echo HTTP/1.0 200 OK; echo; \
                       echo well'";

#[test]
fn a_stack_without_trouble_comes_back() {
    if possible() {
        let said = with(&[]);
        // Nobody has said how the page is written to: everything else was looked at.
        assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
        assert!(said.err.contains("3 survived"), "{}", said.err);
    }
}

/// Runs the project with a page that is built by these lines.
fn with_a_built_page(lines: &str) -> Said {
    let drill = Drill::in_trouble();
    let page = drill.path("environments").join("page");
    fs::create_dir(&page).expect("a folder");
    fs::write(page.join("Dockerfile"), lines).expect("a recipe");
    let image = "image: phoenix.local/socat:current";
    ran(&drill, &[["compose.yaml", image, "build: page"]])
}

#[test]
fn what_the_files_build_is_built_before_the_clock_and_goes_with_the_run() {
    if possible() {
        let said = with_a_built_page("FROM phoenix.local/socat:current\nRUN echo made >/made\n");
        assert_eq!(said.code, Some(3), "{}{}", said.out, said.err);
        for word in ["building page (1 of 1)", "3 survived"] {
            assert!(said.err.contains(word), "{word}: {}", said.err);
        }
    }
}

#[test]
fn what_cannot_be_built_is_told_in_the_words_of_its_recipe() {
    if possible() {
        let recipe = "FROM phoenix.local/socat:current\nRUN echo no compiler >&2; exit 9\n";
        let said = with_a_built_page(recipe);
        told(&said, 3, &["build the image of page", "no compiler", "9"]);
        let steps = ["ps", "-a", "--no-trunc", "--format", "{{.Command}}"];
        let left = docker(&steps).expect("a list");
        assert!(!left.contains("no compiler"), "a step is left: {left}");
    }
}

#[test]
fn a_container_that_would_restart_for_ever_is_told_with_its_last_words() {
    if possible() {
        let dies = "echo cannot read /etc/page.conf >&2; exit 7";
        let said = with(&[["compose.yaml", COMMAND, dies]]);
        let words = ["start page", "ended with 7", "cannot read /etc/page.conf"];
        told(&said, 3, &words);
    }
}

#[test]
fn a_container_that_never_listens_is_told_at_the_deadline() {
    if possible() {
        let said = with(&[
            PATIENCE,
            ["compose.yaml", COMMAND, "echo thinking; exec sleep 900"],
        ]);
        let words = ["start page", "does not listen after 30s", "thinking"];
        told(&said, 3, &words);
    }
}

#[test]
fn a_service_that_never_gets_well_is_told_at_the_deadline() {
    if possible() {
        let said = with(&[PATIENCE, ["compose.yaml", "200 OK", "500 Sorry"]]);
        told(&said, 3, &["page", "500"]);
    }
}

#[test]
fn a_database_that_ends_at_its_start_is_told_with_its_last_words() {
    if possible() {
        let empty = "\"\"\n      NOBODY_ASKS: ${DB_PASSWORD}";
        let said = with(&[["compose.yaml", "${DB_PASSWORD}", empty]]);
        told(&said, 3, &["start db", "ended with 1", "POSTGRES_PASSWORD"]);
    }
}

#[test]
fn a_database_that_is_not_the_declared_one_is_told_by_name() {
    if possible() {
        let said = with(&[["troubled.yaml", "database: ledger", "database: ledgers"]]);
        told(&said, 3, &["wait for the store ledger in db", "ledgers"]);
    }
}

#[test]
fn an_image_that_is_nowhere_is_told_before_anything_starts() {
    if possible() {
        let image = "phoenix.invalid/page:1";
        let said = with(&[["compose.yaml", "phoenix.local/socat:current", image]]);
        let words = [
            "have the image phoenix.invalid/page:1",
            "phoenix images build",
        ];
        told(&said, 3, &words);
    }
}

#[test]
fn a_compose_file_with_an_error_is_told_with_its_place() {
    if possible() {
        let said = with(&[["compose.yaml", "    restart: always", "   restart: always"]]);
        told(
            &said,
            2,
            // Whatever the tool says: each version has words and lines of its own.
            &[
                "environments/compose.yaml: no YAML in line 14",
                "troubled.yaml:6:",
            ],
        );
    }
}

#[test]
fn what_is_of_another_project_is_refused_by_name() {
    if possible() {
        let other = "database: { external: true, name: accounts_of_somebody }";
        let said = with(&[["compose.yaml", "database: {}", other]]);
        told(
            &said,
            2,
            &["volumes.database: it is external", "volumes: [database]"],
        );
    }
}

#[test]
fn an_engine_that_is_too_old_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for mut caller in listener.incoming().map_while(Result::ok) {
            let copy = caller.try_clone().expect("a stream");
            let lines = BufReader::new(copy).lines().map_while(Result::ok);
            for _head in lines.take_while(|line| !line.is_empty()) {}
            let body = r#"{"Version":"18.09.1","ApiVersion":"1.39","MinAPIVersion":"1.12"}"#;
            let _gone = write!(
                caller,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let mut drill = Drill::in_trouble();
    drill.set("DOCKER_HOST", &format!("tcp://{place}"));
    let said = drill.phoenix(&RUN);
    told(
        &said,
        3,
        &["its API 1.39 is older than 1.40", "Docker 20.10"],
    );
}
