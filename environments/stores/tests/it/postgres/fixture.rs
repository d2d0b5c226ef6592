//! A server, and a database full of what is awkward to dump.

use std::time::Duration;

use phoenix_stores::Store as _;
use phoenix_stores::postgres::Postgres;

use crate::sql_server::{Running, docker, start};

pub(crate) const IMAGE: &str = "phoenix.local/postgres";

/// Everything that a dump, a digest or a comparison could get wrong.
pub(crate) const AWKWARD: &[&str] = &[
    "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE DOMAIN small AS int CHECK (VALUE < 1000)",
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE TABLE awkward (id bigserial PRIMARY KEY, t text, b bytea, f float8, r real, n numeric, \
     j jsonb, v tsvector, a text[], m mood, ms mood[], p pair, d small, z timestamptz, \
     g int GENERATED ALWAYS AS (length(t)) STORED, c regclass)",
    "INSERT INTO awkward (t, b, f, r, n, j, v, a, m, ms, p, d, z, c) VALUES \
     (E'four bytes \\U0001F525', '\\x00ff00'::bytea, 'NaN', '-0', 'NaN', '{\"k\": \"\\u00e9\"}', \
      to_tsvector('english', 'the quick foxes'), ARRAY['a', NULL, ''], 'sad', '{glad,sad}', \
      ROW(1, 'x, \"y\"'), 7, '2026-01-02 03:04:05.678901+09', 'awkward'), \
     ('', '', '-0', 'Infinity', 0.10, 'null', '', '{}', NULL, '{}', ROW(NULL, NULL), NULL, \
      '-infinity', NULL), \
     (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
     (repeat('long ', 400000), decode(repeat('00ff', 500000), 'hex'), 1.1, 1.1, 1e-50, '[]', \
      NULL, NULL, 'glad', NULL, NULL, 999, 'infinity', NULL)",
    "CREATE TABLE twice (t text, n int)",
    "INSERT INTO twice VALUES ('same', 1), ('same', 1), ('other', 2)",
    "CREATE TABLE nothing ()",
    "CREATE TABLE parts (at date NOT NULL, t text) PARTITION BY RANGE (at)",
    "CREATE TABLE parts_2025 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "CREATE TABLE parts_rest PARTITION OF parts DEFAULT",
    "INSERT INTO parts VALUES ('2025-05-05', 'then'), ('2026-05-05', 'now')",
    "CREATE TABLE hen (id int PRIMARY KEY, egg int)",
    "CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen)",
    "ALTER TABLE hen ADD CONSTRAINT laid FOREIGN KEY (egg) REFERENCES egg \
     DEFERRABLE INITIALLY DEFERRED",
    "BEGIN; INSERT INTO hen VALUES (1, 1); INSERT INTO egg VALUES (1, 1); COMMIT",
    "CREATE SEQUENCE far START 5 INCREMENT 3",
    "SELECT setval('far', 1000001)",
    "SELECT nextval('awkward_id_seq') FROM generate_series(1, 100)",
    "CREATE SEQUENCE \"O'Hara, \"\"untouched\"\"\" START 9",
    "CREATE SCHEMA \"Other Schema\"",
    "CREATE TABLE \"Other Schema\".\"Odd \"\"Name\" (\"Key, odd\" text PRIMARY KEY COLLATE \"C\", \
     \"select\" text COLLATE \"en_US\")",
    "INSERT INTO \"Other Schema\".\"Odd \"\"Name\" VALUES ('one', 'x'), ('two', 'y')",
    "CREATE TEXT SEARCH DICTIONARY english_us_hunspell (template = ispell, DictFile = en_us, \
     AffFile = en_us, StopWords = zulip_english)",
    "CREATE TEXT SEARCH CONFIGURATION searched (COPY = english)",
    "ALTER TEXT SEARCH CONFIGURATION searched ALTER MAPPING FOR asciiword \
     WITH english_us_hunspell, english_stem",
    "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE TRIGGER tells BEFORE INSERT ON twice FOR EACH ROW EXECUTE FUNCTION told()",
    "CREATE VIEW seen AS SELECT t FROM twice",
    "CREATE INDEX by_text ON twice USING gin (t gin_trgm_ops)",
    "ALTER TABLE twice ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON twice USING (n > 1)",
    "GRANT SELECT ON twice TO PUBLIC",
    "SELECT lo_from_bytea(4711, decode(repeat('00ab', 3000), 'hex'))",
];

pub(crate) async fn server(database: &str) -> Option<(Running, Postgres)> {
    let docker = docker(IMAGE).await?;
    let environment = [
        ("POSTGRES_USER", "keeper"),
        ("POSTGRES_PASSWORD", "a secret"),
        ("POSTGRES_DB", database),
    ];
    let keeper = ("keeper", "a secret", database);
    let running = start(&docker, IMAGE, 5432, &environment, keeper).await;
    let store = Postgres::new(running.server.clone()).unwrap();
    store.ready(Duration::from_secs(60)).await.unwrap();
    Some((running, store))
}

pub(crate) async fn awkward() -> Option<(Running, Postgres)> {
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
