//! A fingerprint changes with anything that a person would miss, and its difference has names.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use phoenix_embedded::store::{directory, sqlite};

fn database(sql: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("database");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    connection
        .execute_batch(
            "CREATE TABLE posts (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
             CREATE TABLE members (team TEXT, person TEXT, PRIMARY KEY (team, person));
             CREATE TABLE log (line TEXT);
             INSERT INTO posts (body) VALUES ('one'), ('two'), ('three');
             INSERT INTO members VALUES ('ops', 'ann'), ('ops', 'bob');
             INSERT INTO log VALUES ('a'), ('a'), ('b');",
        )
        .expect("tables");
    connection.execute_batch(sql).expect("the change");
    (folder, path)
}

/// What a change is told as.
fn told(sql: &str) -> Vec<String> {
    let (_before_folder, before) = database("");
    let (_after_folder, after) = database(sql);
    let (before, after) = (
        sqlite::fingerprint(&before).expect("a fingerprint"),
        sqlite::fingerprint(&after).expect("a fingerprint"),
    );
    let lines = sqlite::compare(&before, &after);
    assert_eq!(
        lines.is_empty(),
        before.digest == after.digest,
        "a difference is told if and only if there is one: {lines:?}"
    );
    lines
}

#[test]
fn equal_databases_have_equal_fingerprints_whatever_the_order_of_rows() {
    assert_eq!(told(""), [""; 0]);
    assert_eq!(
        told("DELETE FROM log; INSERT INTO log VALUES ('b'), ('a'), ('a')"),
        [""; 0]
    );
}

#[test]
fn rows_are_named_by_their_keys() {
    assert_eq!(
        told("DELETE FROM posts WHERE id = 2; INSERT INTO posts (id, body) VALUES (9, 'nine')"),
        ["table posts: 3 rows as before, other content (gone: 2, new: 9)"]
    );
    assert_eq!(
        told("UPDATE posts SET body = 'ONE' WHERE id = 1"),
        ["table posts: 3 rows as before, other content (changed: 1)"]
    );
    assert_eq!(
        told("DELETE FROM members WHERE person = 'bob'"),
        ["table members: 1 rows, 2 before (gone: ops, bob)"]
    );
}

#[test]
fn equal_rows_count_twice() {
    assert_eq!(
        told("INSERT INTO log VALUES ('b')"),
        ["table log: 4 rows, 3 before"]
    );
    assert_eq!(
        told("DELETE FROM log; INSERT INTO log VALUES ('a'), ('b'), ('b')"),
        ["table log: 3 rows as before, other content"]
    );
}

#[test]
fn schema_counters_and_whole_tables_count() {
    assert_eq!(
        told("CREATE INDEX by_body ON posts (body)"),
        ["table posts: other columns, indexes or triggers"]
    );
    assert_eq!(
        told("UPDATE sqlite_sequence SET seq = 99 WHERE name = 'posts'"),
        ["table posts: its counter is Some(99), Some(3) before"]
    );
    assert_eq!(told("DROP TABLE log"), ["table log is missing (3 rows)"]);
    assert_eq!(told("CREATE TABLE new (id)"), ["table new is new"]);
}

#[test]
fn paths_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    fs::create_dir(root.join("inside")).expect("a folder");
    for (name, bytes) in [
        ("gone", &b"1"[..]),
        ("inside/changed", b"2"),
        ("mode", b"3"),
    ] {
        fs::write(root.join(name), bytes).expect("a file");
    }
    // Larger than what is read at a time, and not a multiple of it.
    fs::write(root.join("large"), vec![7; (5 << 20) + 3]).expect("a file");
    let before = directory::fingerprint(root).expect("a fingerprint");
    assert_eq!(
        before,
        directory::fingerprint(root).expect("a fingerprint"),
        "the same folder twice"
    );
    fs::remove_file(root.join("gone")).expect("removed");
    fs::write(root.join("inside/changed"), "!").expect("a file");
    fs::write(root.join("new"), "").expect("a file");
    fs::set_permissions(root.join("mode"), fs::Permissions::from_mode(0o600)).expect("a mode");
    let mut large = vec![7; (5 << 20) + 3];
    large[5 << 20] = 8;
    fs::write(root.join("large"), large).expect("a file");
    let after = directory::fingerprint(root).expect("a fingerprint");
    assert_ne!(before.digest, after.digest);
    assert_eq!(
        directory::compare(&before, &after),
        [
            "gone is missing",
            "inside/changed has other content",
            "large has other content",
            "mode has mode 600, 644 before",
            "new is new"
        ]
    );
}
