//! Scenarios that restore backups which phoenix did not make: what is refused where files are checked.

use std::path::Path;

use phoenix_engine::lower;
use phoenix_engine::plan::{Act, Check, Evident, Plan};
use phoenix_language::vocabulary::{parse_environment, parse_scenario};

const ENVIRONMENT: &str = "environment: e\ndriver: embedded\nstores:\n  db: { sqlite: db }\n  \
                           files: { directory: files }\n  cache: { memcached: cache, losable: true }\n\
                           services:\n  web: { app: bookstack, url: 'https://docs.localhost', needs: \
                           [db, files] }\nprofiles:\n  today: {}\n";
const BEFORE: &str = "  - destroy: all\n  - rebuild: all\n";

/// Plans the steps, in a folder with backups; or what is said against them.
fn planned(steps: &str) -> Result<Plan, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    };
    write("theirs.db", b"SQLite format 3\0");
    write("pg.dump", b"PGDMP");
    write("empty", b"");
    std::fs::create_dir(folder.path().join("tree")).expect("a folder");
    let file = folder.path().join("s.yaml");
    let environment = parse_environment("e.yaml", ENVIRONMENT).map_err(|all| all.render(false))?;
    let stack = lower::stack(&environment, "today").map_err(|all| all.render(false))?;
    let text = format!("scenario: s\nsteps:\n{steps}");
    let source =
        parse_scenario(&file.display().to_string(), &text).map_err(|all| all.render(false))?;
    let plans = lower::plans(&source, &stack).map_err(|all| all.render(false))?;
    Ok(plans.into_iter().next().expect("a plan"))
}

fn restoring(from: &str, after: &str) -> Result<Plan, String> {
    planned(&format!("{BEFORE}  - restore: {{ from: {from} }}\n{after}"))
}

fn kinds(plan: &Plan) -> Vec<&str> {
    plan.steps
        .iter()
        .map(|step| step.id.split_once('-').map_or("", |(_, kind)| kind))
        .collect()
}

#[test]
fn nothing_starts_before_what_is_proven() {
    let plan = restoring(
        "{ files: tree, db: theirs.db }",
        "  - prove: { db: { rows: { pages: at least 1 } } }\n  - check\n",
    )
    .expect("a plan");
    assert_eq!(
        kinds(&plan),
        [
            "build",
            "steady-state",
            "destroy",
            "rebuild",
            "restore",
            "prove",
            "start",
            "check"
        ]
    );
    let Act::Check { checks } = &plan.steps[7].act else {
        panic!("a check");
    };
    assert_eq!(checks, &[Check::Health, Check::Login], "what it can carry");
    assert_eq!(
        plan.steps[4].title,
        "restore db from theirs.db, files from tree, which phoenix did not make"
    );
}

#[test]
fn paths_are_read_from_the_scenario_s_own_folder() {
    let plan = restoring("{ db: theirs.db }", "  - check: health\n").expect("a plan");
    let Act::RestoreForeign { points, .. } = &plan.steps[4].act else {
        panic!("a restore");
    };
    assert_eq!(
        points[0].path.file_name(),
        Path::new("theirs.db").file_name()
    );
    assert!(points[0].path.is_absolute(), "{:?}", points[0].path);
}

#[test]
fn moments_and_digests_are_read() {
    let plan = restoring(
        "{ db: theirs.db }",
        "  - prove:\n      db:\n        newest: { table: t, column: c, within: 26h, of: \
         2026-01-31T02:00:00+01:00, unit: milliseconds }\n  - check: health\n",
    )
    .expect("a plan");
    let Act::Prove { expected } = &plan.steps[5].act else {
        panic!("a proof");
    };
    let [Evident::Newest { of: Some(of), .. }] = expected[0].1.as_slice() else {
        panic!("{expected:?}");
    };
    assert_eq!(of.to_string(), "2026-01-31T01:00:00Z");
}

#[test]
fn a_file_that_a_command_makes_may_be_missing_until_then() {
    let restore = "  - restore: { from: { db: later.db } }\n  - check: health\n";
    let said = planned(&format!("{BEFORE}{restore}")).expect_err("refused");
    assert!(said.contains("there is nothing at this path"), "{said}");
    let run = "  - run: { command: [./dump] }\n";
    planned(&format!("{BEFORE}{run}{restore}")).expect("a plan");
}

#[test]
fn what_cannot_be_restored_is_refused_with_its_place() {
    let health = "  - check: health\n";
    for (from, why) in [
        ("{ db: pg.dump }", "a sqlite store takes a SQLite file"),
        ("{ db: pg.dump }", "run it on the compose mirror"),
        ("{ db: gone.db }", "there is nothing at this path"),
        ("{ db: empty }", "it is empty"),
        ("{ files: theirs.db }", "a directory store takes a folder"),
        ("{ cache: tree }", "takes no recovery point"),
        ("{ bd: theirs.db }", "no store is called `bd`"),
        ("{ db: { path: theirs.db, prefix: a/ } }", "db is no bucket"),
        ("{}", "`from` names no backup"),
        (
            "{ db: theirs.db }, stores: all",
            "cannot stand beside `from`",
        ),
    ] {
        let said = restoring(from, health).expect_err(from);
        assert!(said.contains(why), "{from}: {said}");
        assert!(said.contains("s.yaml:5:"), "{from}: {said}");
    }
    let said = planned("  - restore: { from: { db: theirs.db } }\n  - check: health\n");
    let said = said.expect_err("not fresh");
    assert!(said.contains("a backup goes into a fresh store"), "{said}");
    let twice = "  - restore: { from: { db: theirs.db } }\n";
    let said = restoring("{ db: theirs.db }", &format!("{twice}{health}"));
    assert!(said.expect_err("full").contains("is not empty here"));
}

#[test]
fn what_data_without_a_ledger_cannot_carry_is_no_check_of_it() {
    for word in ["survival", "fingerprint"] {
        let said = restoring(
            "{ db: theirs.db }",
            &format!("  - check: [health, {word}]\n"),
        );
        let said = said.expect_err("refused");
        assert!(
            said.contains(&format!("nothing can be said of {word}")),
            "{said}"
        );
    }
    // Seeded anew, backed up and burnt, it is phoenix's own again.
    let own = "  - seed: { canaries: 1 }\n  - backup: all\n  - destroy: all\n  - rebuild: all\n  \
               - restore: all\n  - check: [health, survival, fingerprint]\n";
    restoring("{ db: theirs.db, files: tree }", own).expect("a plan");
}

#[test]
fn what_proves_nothing_is_refused() {
    for (proof, why) in [
        ("{ db: {} }", "nothing is expected of db"),
        (
            "{ db: { rows: { t: at least 0 } } }",
            "could only ever pass",
        ),
        (
            "{ db: { sql: { query: 'SELECT 1', is: '' } } }",
            "NULL cannot be told apart",
        ),
        ("{ db: { files: { a: { text: b } } } }", "it has no `files`"),
        ("{ files: { rows: { t: 1 } } }", "it has no `rows`"),
        (
            "{ files: { files: { ../a: { text: b } } } }",
            "does not lead into the store",
        ),
        (
            "{ files: { files: { a: { sha256: abc } } } }",
            "is no SHA-256",
        ),
        ("{ files: { files: { a: {} } } }", "names no content"),
        ("{ cache: { same_as: a } }", "it has no `same_as`"),
        (
            "{ db: { same_as: monday } }",
            "no earlier restore of it is called `monday`",
        ),
        (
            "{ db: { newest: { table: t, column: c, within: 1h, of: noon } } }",
            "is no moment",
        ),
        (
            "{ db: { newest: { table: t, column: c } } }",
            "needs a `within`",
        ),
        ("{ bd: { rows: { t: 1 } } }", "no store is called `bd`"),
        ("{ db: { newst: 1 } }", "newest"),
    ] {
        let after = format!("  - prove: {proof}\n  - check: health\n");
        let said = restoring("{ db: theirs.db, files: tree }", &after).expect_err(proof);
        assert!(said.contains(why), "{proof}: {said}");
    }
}
