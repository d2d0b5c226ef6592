//! How long a fingerprint takes, beside a dump that is only digested and beside `pt-table-checksum`.
//! Ignored: it takes minutes. `PHOENIX_BENCH_MB` says how large the database is, 1024 where it is not
//! set.

use std::time::{Duration, Instant};

use phoenix_stores::Store as _;
use phoenix_stores::server::Server;

use super::fixture::server;
use crate::bench::{asked, peak};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes and reads a database of 1 GB"]
async fn a_fingerprint_beside_a_digested_dump_and_the_checksums_of_percona() {
    let Some((running, store)) = server("stack").await else {
        return;
    };
    let megabytes = asked("PHOENIX_BENCH_MB", 1024);
    // Rows as messages have them: a key, a time, some words; 250 bytes each.
    for table in 0..4 {
        let rows = megabytes * 1000;
        let make = format!(
            "CREATE TABLE messages_{table} (id bigint PRIMARY KEY, at datetime(6), content text) \
             SELECT seq AS id, now(6) AS at, repeat(md5(seq), 6) AS content FROM seq_1_to_{rows}"
        );
        store.sql(&make).await.unwrap();
        store
            .sql(&format!("ANALYZE TABLE messages_{table}"))
            .await
            .unwrap();
    }
    let size = store
        .sql(
            "SELECT round(sum(DATA_LENGTH) / 1048576) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = 'stack'",
        )
        .await
        .unwrap();
    for round in 1..=2 {
        let before = peak();
        let started = Instant::now();
        store.fingerprint().await.unwrap();
        let fingerprint = started.elapsed();
        let after = peak();
        let dump = running
            .timed(
                "MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysqldump --user=root --single-transaction stack \
                 | sha256sum",
            )
            .await
            .unwrap();
        let checksums = checksums(&running.server).await;
        eprintln!(
            "round {round}, {} MB: fingerprint {fingerprint:?}, mysqldump | sha256sum {dump:?}, \
             pt-table-checksum {checksums}; most memory of this process {before} MB before, \
             {after} MB after the fingerprint",
            size[0]
        );
    }
}

/// How long Percona's tool takes, where it is installed.
async fn checksums(server: &Server) -> String {
    let mut command = tokio::process::Command::new("pt-table-checksum");
    command
        .args(["--recursion-method=none", "--no-version-check", "--quiet"])
        .args(["--no-check-binlog-format", "--databases=stack"])
        .arg(format!(
            "h={},P={},u={},p={}",
            server.address.ip(),
            server.address.port(),
            server.user,
            server.password
        ));
    let started = Instant::now();
    let ended = match command.output().await {
        Ok(ended) => ended,
        Err(why) => return format!("could not be run: {why}"),
    };
    let took: Duration = started.elapsed();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{words}");
    format!("{took:?}")
}
