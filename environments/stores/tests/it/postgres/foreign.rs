//! Dumps that people made, loaded by the driver.

use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::plan::Unit;
use phoenix_stores::Store as _;
use phoenix_stores::postgres::Postgres;
use phoenix_stores::server::Server;

use super::fixture::{awkward, server};
use crate::foreign::{file, packed, point, tool};
use crate::sql_server::Running;

/// A dump as people make it.
async fn dump(from: &Server, words: &[&str]) -> Vec<u8> {
    let words = [&["pg_dump", "-U", "keeper", "-d", "stack"], words].concat();
    tool(from, "PGPASSWORD", &words).await
}

/// An empty database on a server that has others.
async fn fresh(on: &Running, name: &str) -> Postgres {
    let first = Postgres::new(on.server.clone()).unwrap();
    first
        .sql(&format!("CREATE DATABASE {name} TEMPLATE template0"))
        .await
        .unwrap();
    let mut server = on.server.clone();
    name.clone_into(&mut server.database);
    Postgres::new(server).unwrap()
}

async fn refused(store: &Postgres, point: &ForeignPoint) -> String {
    let error = store.restore_foreign(point).await.unwrap_err();
    assert_eq!(store.holds().await.unwrap(), 0, "nothing stays: {error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_dump_loads_and_gives_the_same_store() {
    let Some((source, store)) = awkward().await else {
        return;
    };
    let (target, _) = server("target").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plain = dump(&source.server, &[]).await;
    let inserts = dump(&source.server, &["--inserts", "--rows-per-insert=2"]).await;
    let custom = dump(&source.server, &["--format=custom"]).await;
    let before = store.fingerprint().await.unwrap().unwrap();
    for (name, bytes) in [
        ("plain", plain.clone()),
        ("packed", packed(&plain)),
        ("inserts", inserts),
        ("custom", custom),
    ] {
        let fresh = fresh(&target, name).await;
        let point = point(&file(folder.path(), name, &bytes));
        let loaded = fresh.restore_foreign(&point).await.unwrap();
        assert!(loaded.says.contains("PostgreSQL 15."), "{}", loaded.says);
        let rows = store.holds().await.unwrap();
        assert!(
            loaded.says.ends_with(&format!(" {rows} rows")),
            "{}",
            loaded.says
        );
        let after = fresh.fingerprint().await.unwrap().unwrap();
        let mut lines = fresh.compare(&before, &after);
        if name == "inserts" {
            // Statements write a negative zero as a number that has no sign: such a dump loses it.
            let lost = lines.pop().unwrap_or_default();
            assert!(lost.contains("table public.awkward: 4 rows"), "{lost}");
        }
        assert_eq!(lines, Vec::<String>::new(), "{name}");
        // A second load would double what is there.
        let again = fresh.restore_foreign(&point).await.unwrap_err();
        assert!(again.why.contains("not empty"), "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_whole_dump_of_this_server_is_refused() {
    let Some((source, _)) = awkward().await else {
        return;
    };
    let (_target, store) = server("stack").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let plain = dump(&source.server, &[]).await;
    let custom = dump(&source.server, &["--format=custom"]).await;
    let text = String::from_utf8(plain.clone()).unwrap();
    let cut = |bytes: &[u8], part: usize| bytes[..bytes.len() * part / 100].to_vec();
    let mut newer = custom.clone();
    newer[6] = 99;
    let roles = tool(
        &source.server,
        "PGPASSWORD",
        &["pg_dumpall", "-U", "keeper", "-l", "stack"],
    );
    for (name, bytes, why) in [
        ("cut-1", cut(&plain, 1), "is not whole"),
        ("cut-50", cut(&plain, 50), "is not whole"),
        ("cut-99", cut(&plain, 99), "is not whole"),
        (
            "packed-cut",
            cut(&packed(&plain), 90),
            "restoring from packed-cut",
        ),
        (
            "custom-cut-1",
            cut(&custom, 1),
            "the tool ended with code 1",
        ),
        (
            "custom-cut-50",
            cut(&custom, 50),
            "the tool ended with code 1",
        ),
        (
            "custom-cut-97",
            cut(&custom, 97),
            "the tool ended with code 1",
        ),
        ("custom-newer", newer, "newer pg_dump than the server's own"),
        (
            "plain-newer",
            text.replace("from database version 15.", "from database version 99.")
                .into_bytes(),
            "the dump is of PostgreSQL 99, and the server here is 15",
        ),
        (
            "create",
            dump(&source.server, &["--create"]).await,
            "without --create",
        ),
        ("cluster", roles.await, "pg_dumpall"),
        (
            "role",
            text.replace("OWNER TO keeper", "OWNER TO nobody_here")
                .into_bytes(),
            "a dump has no roles",
        ),
        (
            "other",
            b"-- MariaDB dump 10.19\n".to_vec(),
            "a postgres store takes",
        ),
        ("nothing", Vec::new(), "it is empty"),
    ] {
        let said = refused(&store, &point(&file(folder.path(), name, &bytes))).await;
        assert!(said.contains(why), "{name}: {said}");
    }
    let said = refused(&store, &point(&folder.path().join("gone"))).await;
    assert!(said.contains("there is nothing at this path"), "{said}");
    // A table that the dump names and that did not come.
    let more = text.replace(
        "-- PostgreSQL database dump complete",
        "-- Name: x; Type: TABLE; Schema: public; Owner: keeper\n\n\
         -- PostgreSQL database dump complete",
    );
    let point = point(&file(folder.path(), "more", more.as_bytes()));
    let error = store.restore_foreign(&point).await.unwrap_err();
    assert!(error.why.contains("the dump lists"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_without_anything_in_it_loads_and_holds_nothing() {
    let Some((source, store)) = server("stack").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let empty = dump(&source.server, &["--format=custom"]).await;
    let path = file(folder.path(), "empty", &empty);
    let loaded = store.restore_foreign(&point(&path)).await.unwrap();
    assert!(loaded.says.ends_with("0 tables, 0 rows"), "{}", loaded.says);
    assert_eq!(store.holds().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_and_counts_are_asked_of_tables() {
    let Some((_running, store)) = server("stack").await else {
        return;
    };
    for statement in [
        "CREATE TABLE \"Odd Name\" (at timestamptz, local timestamp, day date, ms bigint, t text)",
        "INSERT INTO \"Odd Name\" VALUES ('2026-01-02 03:04:05.5+09', '2026-01-02 03:04:05', \
         '2026-01-02', 1767290645500, 'x'), ('2020-01-01', NULL, NULL, 5, 'y')",
        "CREATE SCHEMA other",
        "CREATE TABLE other.nothing (at timestamptz)",
        "CREATE TABLE far (at timestamptz)",
        "INSERT INTO far VALUES ('infinity')",
    ] {
        store.sql(statement).await.unwrap();
    }
    let newest = async |table: &str, column: &str, unit| store.newest(table, column, unit).await;
    assert_eq!(
        newest("Odd Name", "at", None).await.unwrap(),
        Some(1_767_290_645.5)
    );
    assert_eq!(
        newest("Odd Name", "local", None).await.unwrap(),
        Some(1_767_323_045.0)
    );
    assert_eq!(
        newest("Odd Name", "day", None).await.unwrap(),
        Some(1_767_312_000.0)
    );
    let ms = newest("Odd Name", "ms", Some(Unit::Milliseconds)).await;
    assert_eq!(ms.unwrap(), Some(1_767_290_645.5));
    assert_eq!(newest("other.nothing", "at", None).await.unwrap(), None);
    assert_eq!(
        newest("far", "at", None).await.unwrap(),
        Some(f64::INFINITY)
    );
    for (table, column, unit, why) in [
        ("nothing", "at", None, "there is no table `nothing`"),
        ("Odd Name", "when", None, "it has at, local, day, ms, t"),
        ("Odd Name", "ms", None, "unit: seconds"),
        ("Odd Name", "t", None, "has no moments"),
        ("Odd Name", "at", Some(Unit::Seconds), "has no moments"),
    ] {
        let said = newest(table, column, unit).await.unwrap_err();
        assert!(said.why.contains(why), "{said}");
    }
    assert_eq!(store.rows("Odd Name").await.unwrap(), 2);
    assert_eq!(store.rows("other.nothing").await.unwrap(), 0);
    let said = store.rows("odd name").await.unwrap_err();
    assert!(said.why.contains("there is no table"), "{said}");
}
