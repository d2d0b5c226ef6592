//! Everything that a fingerprint covers, changed by itself.

use phoenix_stores::Store as _;

use super::fixture::awkward;

/// A change, how it is undone, and what `compare` says of it.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "UPDATE awkward SET t = 'other' WHERE id = 2",
        "UPDATE awkward SET t = '' WHERE id = 2",
        "table public.awkward: 4 rows as before, other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET t = NULL WHERE id = 2",
        "UPDATE awkward SET t = '' WHERE id = 2",
        "other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET f = 0 WHERE id = 2",
        "UPDATE awkward SET f = '-0' WHERE id = 2",
        "other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET n = 0.1 WHERE id = 2",
        "UPDATE awkward SET n = 0.10 WHERE id = 2",
        "other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET ms = '{sad,glad}' WHERE id = 1",
        "UPDATE awkward SET ms = '{glad,sad}' WHERE id = 1",
        "other content (changed: 1)",
    ),
    (
        "DELETE FROM \"Other Schema\".\"Odd \"\"Name\" WHERE \"select\" = 'y'",
        "INSERT INTO \"Other Schema\".\"Odd \"\"Name\" VALUES ('two', 'y')",
        "table \"Other Schema\".\"Odd \"\"Name\": 1 rows, 2 before (gone: two)",
    ),
    (
        "DELETE FROM twice WHERE ctid = (SELECT min(ctid) FROM twice WHERE t = 'same')",
        "INSERT INTO twice VALUES ('same', 1)",
        "table public.twice: 2 rows, 3 before",
    ),
    (
        "UPDATE twice SET (t, n) = ('other', 2) WHERE ctid = (SELECT min(ctid) FROM twice WHERE n = 1)",
        "UPDATE twice SET (t, n) = ('same', 1) WHERE ctid = (SELECT min(ctid) FROM twice WHERE n = 2)",
        "table public.twice: 3 rows as before, other content",
    ),
    (
        "INSERT INTO parts VALUES ('2025-06-06', 'late')",
        "DELETE FROM parts WHERE t = 'late'",
        "table public.parts_2025: 2 rows, 1 before",
    ),
    (
        "SELECT lo_put(4711, 3, '\\x01')",
        "SELECT lo_put(4711, 3, '\\xab')",
        "table of large objects: 1 rows as before, other content (changed: 4711)",
    ),
    (
        "CREATE TABLE fresh ()",
        "DROP TABLE fresh",
        "table public.fresh is new",
    ),
    (
        "SELECT setval('far', 1000004)",
        "SELECT setval('far', 1000001)",
        "sequence public.far: at 1000004, at 1000001 before",
    ),
    (
        "SELECT setval('far', 1000001, false)",
        "SELECT setval('far', 1000001)",
        "sequence public.far: at 1000001, not taken yet, at 1000001 before",
    ),
    (
        "ALTER SEQUENCE far CACHE 5",
        "ALTER SEQUENCE far CACHE 1",
        "sequence options public.far",
    ),
    (
        "ALTER TABLE hen ALTER egg SET DEFAULT 3",
        "ALTER TABLE hen ALTER egg DROP DEFAULT",
        "column public.hen.egg: place 2, integer, default 3, place 2, integer before",
    ),
    (
        "ALTER TABLE egg ALTER hen TYPE bigint",
        "ALTER TABLE egg ALTER hen TYPE int",
        "column public.egg.hen",
    ),
    (
        "ALTER TABLE hen DROP CONSTRAINT laid",
        "ALTER TABLE hen ADD CONSTRAINT laid FOREIGN KEY (egg) REFERENCES egg \
         DEFERRABLE INITIALLY DEFERRED",
        "constraint laid of public.hen is missing",
    ),
    (
        "DROP INDEX by_text",
        "CREATE INDEX by_text ON twice USING gin (t public.gin_trgm_ops)",
        "index public.by_text is missing",
    ),
    (
        "CREATE EXTENSION citext",
        "DROP EXTENSION citext",
        "extension citext is new",
    ),
    (
        "UPDATE pg_database SET datcollversion = '1' WHERE datname = 'stack'",
        "UPDATE pg_database SET datcollversion = '2.36' WHERE datname = 'stack'",
        "collation of the database",
    ),
    (
        "UPDATE pg_collation SET collversion = '1' WHERE collname = 'en_US'",
        "UPDATE pg_collation SET collversion = '2.36' WHERE collname = 'en_US'",
        "collation pg_catalog.\"en_US\"",
    ),
    (
        "ALTER TEXT SEARCH DICTIONARY english_us_hunspell (StopWords = english)",
        "ALTER TEXT SEARCH DICTIONARY english_us_hunspell (DictFile = en_us, AffFile = en_us, \
         StopWords = zulip_english)",
        "text-search dictionary public.english_us_hunspell",
    ),
    (
        "ALTER TEXT SEARCH CONFIGURATION searched ALTER MAPPING FOR word WITH simple",
        "ALTER TEXT SEARCH CONFIGURATION searched ALTER MAPPING FOR word WITH english_stem",
        "text-search configuration public.searched",
    ),
    ("CREATE ROLE guest", "DROP ROLE guest", "role guest is new"),
    (
        "ALTER ROLE keeper CONNECTION LIMIT 90",
        "ALTER ROLE keeper CONNECTION LIMIT -1",
        "role keeper",
    ),
    (
        "ALTER ROLE keeper SET search_path = public",
        "ALTER ROLE keeper RESET search_path",
        "setting keeper is new",
    ),
    (
        "REVOKE SELECT ON twice FROM PUBLIC",
        "GRANT SELECT ON twice TO PUBLIC",
        "grants on public.twice",
    ),
    (
        "ALTER TABLE twice DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE twice ENABLE ROW LEVEL SECURITY",
        "row security of public.twice: off, on before",
    ),
    (
        "DROP POLICY mine ON twice",
        "CREATE POLICY mine ON twice USING (n > 1)",
        "policy mine of public.twice is missing",
    ),
    (
        "ALTER TABLE twice DISABLE TRIGGER tells",
        "ALTER TABLE twice ENABLE TRIGGER tells",
        "trigger tells of public.twice",
    ),
    (
        "CREATE OR REPLACE VIEW seen AS SELECT t FROM twice WHERE n = 1",
        "CREATE OR REPLACE VIEW seen AS SELECT t FROM twice",
        "view public.seen",
    ),
    (
        "ALTER FUNCTION told() SECURITY DEFINER",
        "ALTER FUNCTION told() SECURITY INVOKER",
        "function public.told()",
    ),
    (
        "ALTER DOMAIN small SET NOT NULL",
        "ALTER DOMAIN small DROP NOT NULL",
        "type public.small",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_changes_alone_is_named_alone() {
    let Some((_running, store)) = awkward().await else {
        return;
    };
    // A domain that forbids NULL cannot be tried on a column that has some.
    store
        .sql("UPDATE awkward SET d = 1 WHERE d IS NULL")
        .await
        .unwrap();
    let before = store.fingerprint().await.unwrap().unwrap();
    for (change, undo, told) in CHANGES {
        // Catalogue tables are changed by hand where no statement does it.
        let run = |sql: &str| {
            format!("SET allow_system_table_mods = on; SET search_path = public; {sql}")
        };
        store
            .sql(&run(change))
            .await
            .map_err(|e| format!("{change}: {e}"))
            .unwrap();
        let after = store.fingerprint().await.unwrap().unwrap();
        assert_ne!(before.digest, after.digest, "{change}");
        let lines = store.compare(&before, &after);
        assert!(
            lines.iter().any(|line| line.contains(told)),
            "{change}: {lines:?}"
        );
        store
            .sql(&run(undo))
            .await
            .map_err(|e| format!("{undo}: {e}"))
            .unwrap();
        let undone = store.fingerprint().await.unwrap().unwrap();
        assert_eq!(
            store.compare(&before, &undone),
            Vec::<String>::new(),
            "{undo}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dictionary_without_its_files_is_named() {
    let Some((running, store)) = awkward().await else {
        return;
    };
    let before = store.fingerprint().await.unwrap().unwrap();
    let remove = ["rm", "/usr/share/postgresql/15/tsearch_data/en_us.dict"];
    let command = testcontainers::core::ExecCommand::new(remove);
    running.container.exec(command).await.unwrap();
    let after = store.fingerprint().await.unwrap().unwrap();
    let lines = store.compare(&before, &after);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("english_us_hunspell"), "{lines:?}");
    assert!(lines[0].contains("does not answer"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screening_finds_what_it_can_and_says_what_it_cannot() {
    let Some((_running, store)) = awkward().await else {
        return;
    };
    store
        .sql("CREATE TABLE plain (id int, j json)")
        .await
        .unwrap();
    store
        .sql("INSERT INTO plain VALUES (1, '{}')")
        .await
        .unwrap();
    let before = store.screen().await.unwrap();
    assert!(before.not_judged.contains_key("public.plain"), "{before:?}");
    assert!(before.sums.contains_key("public.hen"), "{before:?}");
    assert_eq!(
        before.suspects(&store.screen().await.unwrap()),
        Vec::<String>::new()
    );
    store
        .sql("INSERT INTO twice VALUES ('same', 1)")
        .await
        .unwrap();
    store
        .sql("INSERT INTO plain VALUES (2, '{}')")
        .await
        .unwrap();
    let after = store.screen().await.unwrap();
    assert_eq!(before.suspects(&after), ["public.twice"]);
}
