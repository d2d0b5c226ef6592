//! A server, and a database full of what is awkward to dump.

use std::time::Duration;

use phoenix_stores::Store as _;
use phoenix_stores::mysql::Mysql;

use crate::sql_server::{Running, docker, start};

pub(crate) const IMAGE: &str = "phoenix.local/mariadb";

/// Everything that a dump, a digest or a comparison could get wrong.
pub(crate) const AWKWARD: &[&str] = &[
    "CREATE TABLE awkward (id bigint AUTO_INCREMENT PRIMARY KEY, t longtext, \
     old varchar(50) CHARACTER SET latin1, b longblob, d double, n decimal(30, 10), \
     z timestamp(6) NULL, at datetime(3), u bigint unsigned, bits bit(9), e enum('glad', 'sad'), \
     g int AS (char_length(t)) STORED, h int AS (id + 1) VIRTUAL)",
    "INSERT INTO awkward (t, old, b, d, n, z, at, u, bits, e) VALUES \
     ('four bytes 🔥 and \\'quotes\\' and\\nlines', 'caf\u{e9}', x'00ff00', -0e0, 1.10, \
      '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05.678', 18446744073709551615, b'100000001', \
      'sad'), \
     ('', '', '', 1.1, 0, NULL, NULL, 0, b'0', 'glad'), \
     (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
     (repeat('long ', 400000), 'x', repeat(x'00ff', 500000), 1e-300, -1.5, NULL, NULL, 1, b'1', NULL)",
    "CREATE TABLE twice (t varchar(20), n int)",
    "INSERT INTO twice VALUES ('same', 1), ('same', 1), ('other', 2)",
    "CREATE TABLE hen (id int PRIMARY KEY, egg int)",
    "CREATE TABLE egg (id int PRIMARY KEY, hen int, CONSTRAINT of_hen FOREIGN KEY (hen) REFERENCES hen (id))",
    "INSERT INTO hen VALUES (1, 1)",
    "INSERT INTO egg VALUES (1, 1)",
    "ALTER TABLE hen ADD CONSTRAINT laid FOREIGN KEY (egg) REFERENCES egg (id)",
    "CREATE TABLE parts (at date NOT NULL, t text) PARTITION BY RANGE (year(at)) \
     (PARTITION p2025 VALUES LESS THAN (2026), PARTITION rest VALUES LESS THAN MAXVALUE)",
    "INSERT INTO parts VALUES ('2025-05-05', 'then'), ('2026-05-05', 'now')",
    "CREATE TABLE `odd ``name` (`key, odd` varchar(20) COLLATE utf8mb4_bin PRIMARY KEY, `select` text)",
    "INSERT INTO `odd ``name` VALUES ('one', 'x'), ('Two', 'y')",
    "ALTER TABLE awkward AUTO_INCREMENT = 100",
    "CREATE INDEX by_t ON twice (t)",
    "CREATE VIEW seen AS SELECT t FROM twice",
    "CREATE TRIGGER tells BEFORE INSERT ON twice FOR EACH ROW SET NEW.n = coalesce(NEW.n, 0)",
    "CREATE PROCEDURE told(IN a int) SELECT 'CREATE TABLE `no`', a",
    "CREATE FUNCTION plus(a int) RETURNS int DETERMINISTIC RETURN a + 1",
    "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM twice WHERE n = 99",
];

pub(crate) async fn server(database: &str) -> Option<(Running, Mysql)> {
    let docker = docker(IMAGE).await?;
    let environment = [
        ("MYSQL_ROOT_PASSWORD", "a secret"),
        ("MYSQL_DATABASE", database),
        ("MYSQL_USER", "app"),
        ("MYSQL_PASSWORD", "another"),
    ];
    let root = ("root", "a secret", database);
    let running = start(&docker, IMAGE, 3306, &environment, root).await;
    let store = Mysql::new(running.server.clone()).unwrap();
    store.ready(Duration::from_secs(120)).await.unwrap();
    Some((running, store))
}

pub(crate) async fn awkward() -> Option<(Running, Mysql)> {
    let (running, store) = server("stack").await?;
    for statement in AWKWARD {
        store
            .sql(statement)
            .await
            .map_err(|error| format!("{statement}: {error}"))
            .unwrap();
    }
    Some((running, store))
}
