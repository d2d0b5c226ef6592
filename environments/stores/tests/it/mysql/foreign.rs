//! Dumps that people made, loaded by the driver.

use phoenix_engine::plan::Unit;
use phoenix_stores::Store as _;
use phoenix_stores::mysql::Mysql;
use phoenix_stores::server::Server;

use super::fixture::{awkward, server};
use crate::foreign::{file, packed, point, tool};
use crate::sql_server::Running;

async fn dump(from: &Server, words: &[&str]) -> Vec<u8> {
    let words = [
        &[
            "mysqldump",
            "-uroot",
            "--routines",
            "--events",
            "--hex-blob",
        ],
        words,
    ]
    .concat();
    tool(from, "MYSQL_PWD", &words).await
}

/// An empty database on a server that has others.
async fn fresh(on: &Running, name: &str) -> Mysql {
    let first = Mysql::new(on.server.clone()).unwrap();
    first.sql(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut server = on.server.clone();
    name.clone_into(&mut server.database);
    Mysql::new(server).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_loads_packed_or_not_and_gives_the_same_store() {
    let Some((source, store)) = awkward().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let dumped = dump(&source.server, &["stack"]).await;
    let mut prints = Vec::new();
    for (name, bytes) in [("plain", dumped.clone()), ("packed", packed(&dumped))] {
        let fresh = fresh(&source, name).await;
        let point = point(&file(folder.path(), name, &bytes));
        let loaded = fresh.restore_foreign(&point).await.unwrap();
        assert!(
            loaded.says.contains("database 'stack' on 10."),
            "{}",
            loaded.says
        );
        assert_eq!(fresh.holds().await.unwrap(), store.holds().await.unwrap());
        prints.push(fresh.fingerprint().await.unwrap().unwrap());
        let again = fresh.restore_foreign(&point).await.unwrap_err();
        assert!(again.why.contains("not empty"), "{again}");
    }
    // The text of a view names its database, and this is another one.
    let mut lines = store.compare(&prints[0], &prints[1]);
    lines.retain(|line| !line.starts_with("view seen: "));
    assert_eq!(lines, Vec::<String>::new());
    store.sql("DELETE FROM `odd ``name`").await.unwrap();
    let now = store.fingerprint().await.unwrap().unwrap();
    let lines = store.compare(&prints[0], &now);
    assert!(lines.iter().any(|line| line.contains("odd")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_dump_of_this_server_is_refused() {
    let Some((source, _)) = awkward().await else {
        return;
    };
    let store = fresh(&source, "target").await;
    let folder = tempfile::tempdir().unwrap();
    let whole = dump(&source.server, &["stack"]).await;
    let text = String::from_utf8_lossy(&whole).into_owned();
    let cut = |bytes: &[u8], part: usize| bytes[..bytes.len() * part / 100].to_vec();
    for (name, bytes, why) in [
        ("cut-1", cut(&whole, 1), "is not whole"),
        ("cut-50", cut(&whole, 50), "is not whole"),
        ("cut-99", whole[..whole.len() - 60].to_vec(), "is not whole"),
        (
            "packed-cut",
            cut(&packed(&whole), 90),
            "restoring from packed-cut",
        ),
        (
            "databases",
            dump(&source.server, &["--databases", "stack"]).await,
            "without --databases",
        ),
        (
            "newer",
            text.replace("-- Server version\t10.", "-- Server version\t99.")
                .into_bytes(),
            "the dump is of the version 99.",
        ),
        (
            "compact",
            dump(&source.server, &["--compact", "stack"]).await,
            "it is none of",
        ),
        (
            "other",
            b"-- PostgreSQL database dump\n".to_vec(),
            "a mysql store takes",
        ),
    ] {
        let point = point(&file(folder.path(), name, &bytes));
        let error = store.restore_foreign(&point).await.unwrap_err().to_string();
        assert!(error.contains(why), "{name}: {error}");
        assert_eq!(store.holds().await.unwrap(), 0, "{name}");
    }
    // What the server refuses ends it, with its words.
    let broken = text.replacen("ENGINE=InnoDB", "ENGINE=InnoDB NO_SUCH_OPTION=1", 1);
    let point = point(&file(folder.path(), "broken", broken.as_bytes()));
    let error = store.restore_foreign(&point).await.unwrap_err();
    assert!(error.why.contains("NO_SUCH_OPTION"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_and_counts_are_asked_of_tables() {
    let Some((_running, store)) = server("stack").await else {
        return;
    };
    for statement in [
        "CREATE TABLE `odd ``name` (at timestamp(3) NULL, local datetime, day date, s int, t text)",
        "INSERT INTO `odd ``name` VALUES ('2026-01-02 03:04:05.5', '2026-01-02 03:04:05', \
         '2026-01-02', 1767323045, 'x'), ('2020-01-01', NULL, NULL, 5, 'y')",
        "CREATE TABLE nothing (at datetime)",
        "CREATE TABLE far (at datetime)",
        "INSERT INTO far VALUES ('9999-12-31')",
    ] {
        store.sql(statement).await.unwrap();
    }
    let newest = async |table: &str, column: &str, unit| store.newest(table, column, unit).await;
    assert_eq!(
        newest("odd `name", "at", None).await.unwrap(),
        Some(1_767_323_045.5)
    );
    assert_eq!(
        newest("odd `name", "local", None).await.unwrap(),
        Some(1_767_323_045.0)
    );
    assert_eq!(
        newest("odd `name", "day", None).await.unwrap(),
        Some(1_767_312_000.0)
    );
    let s = newest("odd `name", "s", Some(Unit::Seconds)).await;
    assert_eq!(s.unwrap(), Some(1_767_323_045.0));
    assert_eq!(newest("nothing", "at", None).await.unwrap(), None);
    assert!(newest("far", "at", None).await.unwrap() > Some(2e11));
    for (table, column, unit, why) in [
        ("none", "at", None, "there is no table `none`"),
        ("far", "when", None, "it has at"),
        ("odd `name", "s", None, "unit: seconds"),
        ("odd `name", "t", None, "has no moments"),
    ] {
        let said = newest(table, column, unit).await.unwrap_err();
        assert!(said.why.contains(why), "{said}");
    }
    assert_eq!(store.rows("odd `name").await.unwrap(), 2);
    assert_eq!(store.rows("nothing").await.unwrap(), 0);
    assert!(store.rows("none").await.is_err());
}
