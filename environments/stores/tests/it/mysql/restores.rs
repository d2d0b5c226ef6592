//! Recovery points put back into fresh servers.

use std::time::Duration;

use phoenix_engine::environment::DirectCopy;
use phoenix_stores::mysql::{Mysql, RESTORE, SNAPSHOT_RESTORE};
use phoenix_stores::{Form, Store as _};

use super::fixture::{awkward, server};
use crate::sql_server::Running;

/// Writes from several sessions until it is dropped.
fn writer(store: &Mysql) -> tokio::task::JoinSet<()> {
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let store = store.clone();
        writers.spawn(async move {
            loop {
                store
                    .sql("INSERT INTO awkward (t) VALUES ('a'), ('b'), ('c')")
                    .await
                    .unwrap();
                // Two that delete can be in each other's way; the server then ends one.
                let _deadlock = store
                    .sql("DELETE FROM awkward WHERE id % 7 = 5 AND id > 10")
                    .await;
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
    fresh.restore(folder.path()).await.unwrap();
    let restored = fresh.fingerprint().await.unwrap().unwrap();
    assert_eq!(fresh.compare(&taken, &restored), Vec::<String>::new());
    assert_eq!(taken.digest, restored.digest);
    let error = fresh.restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("not empty"), "{error}");
}

/// The password of today, by someone who knows the one of then.
async fn set_password(target: &Running, hosts: &[&str]) {
    for host in hosts {
        let script = format!(
            "MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root \
             --execute=\"ALTER USER 'root'@'{host}' IDENTIFIED BY 'of today'\""
        );
        target.timed(&script).await.unwrap();
    }
}

/// Puts a physical recovery point into a server that has another password.
async fn physical(store: &Mysql) {
    let folder = tempfile::tempdir().unwrap();
    let taken = store
        .backup(Form::Physical, folder.path())
        .await
        .unwrap()
        .fingerprint
        .unwrap();
    store.ready(Duration::from_secs(10)).await.unwrap();
    assert!(!taken.covers.contains("were written"), "{}", taken.covers);
    let (mut target, _) = server("stack").await.unwrap();
    target.server.password = "of today".to_owned();
    let fresh = Mysql::new(target.server.clone()).unwrap();
    // The tools in the container come over the socket.
    set_password(&target, &["%", "localhost"]).await;
    fresh.ready(Duration::from_secs(10)).await.unwrap();
    fresh.restore(folder.path()).await.unwrap();
    let error = fresh.ready(Duration::from_secs(1)).await.unwrap_err();
    assert!(error.why.contains("Access denied"), "{error}");
    set_password(&target, &["%"]).await;
    let restored = fresh.fingerprint().await.unwrap().unwrap();
    assert_eq!(fresh.compare(&taken, &restored), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_running_server_comes_back_with_the_passwords_of_then() {
    if let Some((_source, store)) = awkward().await {
        physical(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_stopped_server_comes_back_with_the_passwords_of_then() {
    if let Some((_source, store)) = awkward().await {
        physical(&store.cold()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_says_is_what_runs() {
    let Some((_source, store)) = awkward().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    store.backup(Form::Logical, folder.path()).await.unwrap();
    let (target, _) = server("stack").await.unwrap();
    let page = RESTORE.replace("exec mysql ", "touch /tmp/as-the-page-says\nexec mysql ");
    let fresh = Mysql::with_runbooks(target.server.clone(), &page, SNAPSHOT_RESTORE).unwrap();
    fresh.restore(folder.path()).await.unwrap();
    let test = testcontainers::core::ExecCommand::new(["test", "-e", "/tmp/as-the-page-says"]);
    let mut done = target.container.exec(test).await.unwrap();
    done.stdout_to_vec().await.unwrap();
    assert_eq!(done.exit_code().await.unwrap(), Some(0));
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
    assert!(store.write_direct(&copy("it's 🔥")).await.unwrap());
    assert_eq!(store.list_direct().await.unwrap(), [copy("it's 🔥")]);
    assert_eq!(store.holds().await.unwrap(), rows);
    store
        .sql("INSERT INTO awkward (b) VALUES ('bytes of a row')")
        .await
        .unwrap();
    for (text, there) in [
        ("four bytes 🔥", true),
        ("FOUR BYTES", false),
        ("café", true),
        ("bytes of a row", true),
        ("it's 🔥", true),
        ("absent", false),
    ] {
        assert_eq!(store.find_text(text).await.unwrap(), there, "{text}");
    }
    let values = ["7".to_owned(), "it's ?".to_owned()];
    let changed = store
        .execute("INSERT INTO twice (n, t) VALUES (?, ?)", &values)
        .await
        .unwrap();
    assert_eq!(changed, 1);
    assert_eq!(
        store
            .sql("SELECT t, n FROM twice WHERE n = 7")
            .await
            .unwrap(),
        ["it's ?"]
    );
}
