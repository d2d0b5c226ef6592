//! Everything that a fingerprint covers, changed by itself.

use phoenix_stores::Store as _;

use super::fixture::awkward;

/// A change, how it is undone, and what `compare` says of it.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "UPDATE awkward SET t = 'x' WHERE id = 2",
        "UPDATE awkward SET t = '' WHERE id = 2",
        "table awkward: 4 rows as before, other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET t = NULL WHERE id = 2",
        "UPDATE awkward SET t = '' WHERE id = 2",
        "other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET d = 1.1000000000000003 WHERE id = 2",
        "UPDATE awkward SET d = 1.1 WHERE id = 2",
        "other content (changed: 2)",
    ),
    (
        "UPDATE awkward SET z = '2026-01-02 03:04:05.678902' WHERE id = 1",
        "UPDATE awkward SET z = '2026-01-02 03:04:05.678901' WHERE id = 1",
        "other content (changed: 1)",
    ),
    (
        "DELETE FROM `odd ``name` WHERE `select` = 'y'",
        "INSERT INTO `odd ``name` VALUES ('Two', 'y')",
        "table odd `name: 1 rows, 2 before (gone: Two)",
    ),
    (
        "DELETE FROM twice WHERE t = 'same' LIMIT 1",
        "INSERT INTO twice VALUES ('same', 1)",
        "table twice: 2 rows, 3 before",
    ),
    (
        "UPDATE twice SET t = 'other', n = 2 WHERE n = 1 LIMIT 1",
        "UPDATE twice SET t = 'same', n = 1 WHERE n = 2 LIMIT 1",
        "table twice: 3 rows as before, other content",
    ),
    (
        "CREATE TABLE fresh (a int)",
        "DROP TABLE fresh",
        "table fresh is new",
    ),
    (
        "ALTER TABLE awkward AUTO_INCREMENT = 200",
        "ALTER TABLE awkward AUTO_INCREMENT = 100",
        "auto-increment counter of awkward: at 200, at 100 before",
    ),
    (
        "ALTER TABLE twice MODIFY n bigint",
        "ALTER TABLE twice MODIFY n int",
        "column twice.n: place 2, bigint(20)",
    ),
    (
        "ALTER TABLE twice MODIFY t varchar(20) COLLATE utf8mb4_bin",
        "ALTER TABLE twice MODIFY t varchar(20)",
        "column twice.t",
    ),
    (
        "ALTER TABLE twice DEFAULT CHARACTER SET latin1",
        "ALTER TABLE twice DEFAULT CHARACTER SET utf8mb4",
        "options of twice",
    ),
    (
        "ALTER DATABASE stack COLLATE utf8mb4_bin",
        "ALTER DATABASE stack COLLATE utf8mb4_general_ci",
        "character set and collation of the database",
    ),
    (
        "DROP INDEX by_t ON twice",
        "CREATE INDEX by_t ON twice (t)",
        "index twice.by_t is missing",
    ),
    (
        "ALTER TABLE hen DROP FOREIGN KEY laid",
        "ALTER TABLE hen ADD CONSTRAINT laid FOREIGN KEY (egg) REFERENCES egg (id)",
        "constraint hen.laid is missing",
    ),
    (
        "CREATE OR REPLACE VIEW seen AS SELECT t FROM twice WHERE n = 1",
        "CREATE OR REPLACE VIEW seen AS SELECT t FROM twice",
        "view seen",
    ),
    (
        "CREATE OR REPLACE TRIGGER tells BEFORE INSERT ON twice FOR EACH ROW SET NEW.n = 1",
        "CREATE OR REPLACE TRIGGER tells BEFORE INSERT ON twice FOR EACH ROW SET NEW.n = coalesce(NEW.n, 0)",
        "trigger tells",
    ),
    (
        "CREATE OR REPLACE FUNCTION plus(a int) RETURNS int DETERMINISTIC RETURN a + 2",
        "CREATE OR REPLACE FUNCTION plus(a int) RETURNS int DETERMINISTIC RETURN a + 1",
        "routine function plus",
    ),
    (
        "CREATE OR REPLACE PROCEDURE told(IN b int) SELECT 'CREATE TABLE `no`', b",
        "CREATE OR REPLACE PROCEDURE told(IN a int) SELECT 'CREATE TABLE `no`', a",
        "routine procedure told",
    ),
    (
        "ALTER EVENT nightly DISABLE",
        "ALTER EVENT nightly ENABLE",
        "event nightly",
    ),
    (
        "GRANT SELECT ON stack.twice TO app",
        "REVOKE SELECT ON stack.twice FROM app",
        "grants of 'app'@'%' on twice is new",
    ),
    (
        "CREATE USER guest",
        "DROP USER guest",
        "grants of 'guest'@'%' on everything is new",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_changes_alone_is_named() {
    let Some((_running, store)) = awkward().await else {
        return;
    };
    let before = store.fingerprint().await.unwrap().unwrap();
    for (change, undo, told) in CHANGES {
        store
            .sql(change)
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
            .sql(undo)
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
