//! How long a fingerprint takes, beside a dump that is only digested. Ignored: it takes minutes.
//! `PHOENIX_BENCH_MB` says how large the database is, 1024 where it is not set.

use std::time::Instant;

use phoenix_stores::Store as _;

use super::fixture::server;
use crate::bench::{asked, peak};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes and reads a database of 1 GB"]
async fn a_fingerprint_beside_a_digested_dump() {
    let Some((running, store)) = server("stack").await else {
        return;
    };
    let megabytes = asked("PHOENIX_BENCH_MB", 1024);
    // Rows as messages have them: a key, a time, some words; 250 bytes each.
    for table in 0..4 {
        let rows = megabytes * 1000;
        let make = format!(
            "CREATE TABLE messages_{table} AS SELECT n::bigint AS id, now() AS at, \
             repeat(md5(n::text), 6) AS content FROM generate_series(1, {rows}) n; \
             ALTER TABLE messages_{table} ADD PRIMARY KEY (id)"
        );
        store.sql(&make).await.unwrap();
    }
    store.sql("VACUUM ANALYZE").await.unwrap();
    let size = store
        .sql("SELECT pg_size_pretty(pg_database_size('stack'))")
        .await
        .unwrap();
    for round in 1..=2 {
        let before = peak();
        let started = Instant::now();
        store.fingerprint().await.unwrap();
        let fingerprint = started.elapsed();
        let after = peak();
        let started = Instant::now();
        store.screen().await.unwrap();
        let screening = started.elapsed();
        let dump = running
            .timed("pg_dump -U keeper stack | sha256sum")
            .await
            .unwrap();
        eprintln!(
            "round {round}, {}: fingerprint {fingerprint:?}, screening {screening:?}, \
             pg_dump | sha256sum {dump:?}; most memory of this process {before} MB before, {after} MB \
             after the fingerprint",
            size[0]
        );
    }
}
