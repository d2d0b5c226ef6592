//! Recovery points put back into fresh servers.

use std::time::Duration;

use phoenix_engine::environment::DirectCopy;
use phoenix_stores::postgres::{Postgres, RESTORE, SNAPSHOT_RESTORE};
use phoenix_stores::{Form, Store as _};

use super::fixture::{awkward, server};
use crate::sql_server::Running;

/// Writes from several sessions until it is dropped.
fn writer(store: &Postgres) -> tokio::task::JoinSet<()> {
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let store = store.clone();
        writers.spawn(async move {
            loop {
                let insert =
                    "INSERT INTO awkward (t) SELECT 'written ' || n FROM generate_series(1, 20) n";
                store.sql(insert).await.unwrap();
                store
                    .sql("DELETE FROM awkward WHERE id % 7 = 5 AND id > 4")
                    .await
                    .unwrap();
            }
        });
    }
    writers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_taken_under_load_comes_back_as_its_fingerprint_says() {
    let Some((_source, store)) = awkward().await else {
        return;
    };
    let (_target, fresh) = server("stack").await.unwrap();
    let writers = writer(&store);
    let begun = store.fingerprint().await.unwrap().unwrap();
    while store
        .compare(&begun, &store.fingerprint().await.unwrap().unwrap())
        .is_empty()
    {}
    let folder = tempfile::tempdir().unwrap();
    let taken = store.backup(Form::Logical, folder.path()).await.unwrap();
    let taken = taken.fingerprint.unwrap();
    let now = store.fingerprint().await.unwrap().unwrap();
    drop(writers);
    assert_ne!(
        store.compare(&taken, &now),
        Vec::<String>::new(),
        "nobody wrote"
    );
    let bytes = fresh.restore(folder.path()).await.unwrap();
    assert_eq!(
        bytes,
        std::fs::metadata(folder.path().join("database.dump"))
            .unwrap()
            .len()
    );
    let restored = fresh.fingerprint().await.unwrap().unwrap();
    assert_eq!(fresh.compare(&taken, &restored), Vec::<String>::new());
    assert_eq!(taken.digest, restored.digest);
    // A second restore would double what is there.
    let error = fresh.restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("not empty"), "{error}");
}

/// The password of today, given over the server's own socket, which asks for none.
async fn set_password(target: &Running) {
    let script = "psql -U keeper stack -c \"ALTER ROLE keeper PASSWORD 'of today'\"";
    target.timed(script).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_backup_comes_back_with_the_passwords_of_then() {
    let Some((_source, store)) = awkward().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let taken = store
        .backup(Form::Physical, folder.path())
        .await
        .unwrap()
        .fingerprint
        .unwrap();
    assert!(
        taken.covers.contains("nothing was written"),
        "{}",
        taken.covers
    );
    let (mut target, _) = server("stack").await.unwrap();
    target.server.password = "of today".to_owned();
    let fresh = Postgres::new(target.server.clone()).unwrap();
    set_password(&target).await;
    fresh.ready(Duration::from_secs(10)).await.unwrap();
    fresh.restore(folder.path()).await.unwrap();
    let error = fresh.ready(Duration::from_secs(1)).await.unwrap_err();
    assert!(
        error.why.contains("password authentication failed"),
        "{error}"
    );
    set_password(&target).await;
    let restored = fresh.fingerprint().await.unwrap().unwrap();
    assert_eq!(fresh.compare(&taken, &restored), Vec::<String>::new());
    let kept = fresh
        .sql("SELECT pg_read_file('PG_VERSION')")
        .await
        .unwrap();
    assert_eq!(kept, ["15\n"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_says_is_what_runs() {
    let Some((source, store)) = awkward().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    store.backup(Form::Logical, folder.path()).await.unwrap();
    let (target, _) = server("stack").await.unwrap();
    let page = RESTORE.replace(
        "exec pg_restore --dbname",
        "touch /tmp/as-the-page-says\nexec pg_restore --dbname",
    );
    let fresh = Postgres::with_runbooks(target.server.clone(), &page, SNAPSHOT_RESTORE).unwrap();
    fresh.restore(folder.path()).await.unwrap();
    let test = testcontainers::core::ExecCommand::new(["test", "-e", "/tmp/as-the-page-says"]);
    let mut done = target.container.exec(test).await.unwrap();
    done.stdout_to_vec().await.unwrap();
    assert_eq!(done.exit_code().await.unwrap(), Some(0));
    drop(source);
    // A page whose step fails, fails the restore.
    let page = SNAPSHOT_RESTORE.replace("exec psql", "exec false #");
    assert_ne!(page, SNAPSHOT_RESTORE);
    let page = RESTORE.replace("exec pg_restore --list", "false");
    let fresh = Postgres::with_runbooks(target.server.clone(), &page, SNAPSHOT_RESTORE).unwrap();
    fresh
        .sql("DROP SCHEMA public, \"Other Schema\" CASCADE")
        .await
        .unwrap();
    let error = fresh.restore(folder.path()).await.unwrap_err();
    assert!(error.doing.contains("list of contents"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_texts_counts_and_statements() {
    let Some((_running, store)) = awkward().await else {
        return;
    };
    let rows = store.holds().await.unwrap();
    assert_eq!(store.list_direct().await.unwrap(), []);
    let copy = |text: &str| DirectCopy {
        marker: "phx-1".to_owned(),
        text: text.to_owned(),
    };
    assert!(store.write_direct(&copy("one")).await.unwrap());
    assert!(store.write_direct(&copy("it's 🔥")).await.unwrap());
    assert_eq!(store.list_direct().await.unwrap(), [copy("it's 🔥")]);
    assert_eq!(store.holds().await.unwrap(), rows);
    for (text, there) in [
        ("quick", true),
        ("four bytes 🔥", true),
        ("it's 🔥", true),
        ("absent", false),
    ] {
        assert_eq!(store.find_text(text).await.unwrap(), there, "{text}");
    }
    store
        .sql("INSERT INTO awkward (b, j, a) VALUES ('bytes of a row', '{\"q\": \"say \\\"hi\\\"\"}', '{in an array}')")
        .await
        .unwrap();
    store
        .sql("SELECT lo_from_bytea(4712, 'in a large object')")
        .await
        .unwrap();
    for text in [
        "bytes of a row",
        "say \"hi\"",
        "in an array",
        "in a large object",
    ] {
        assert!(store.find_text(text).await.unwrap(), "{text}");
    }
    let values = ["7".to_owned(), "it's ?".to_owned()];
    let changed = store
        .execute("INSERT INTO twice (n, t) VALUES (?, ?)", &values)
        .await
        .unwrap();
    assert_eq!(changed, 1);
    assert_eq!(
        store
            .sql("SELECT t, n FROM public.twice WHERE n = 7")
            .await
            .unwrap(),
        ["it's ?"]
    );
}
