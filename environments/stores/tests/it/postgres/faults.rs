//! What goes wrong is told, and nothing is claimed.

use std::time::Duration;

use phoenix_stores::postgres::Postgres;
use phoenix_stores::{Form, Store as _};

use super::fixture::{awkward, server};

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_not_whole_or_not_of_this_database_is_refused() {
    let Some((_running, store)) = awkward().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    store.backup(Form::Logical, folder.path()).await.unwrap();
    let (_other, elsewhere) = server("elsewhere").await.unwrap();
    let error = elsewhere.restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("of the database 'stack'"), "{error}");

    let (_target, fresh) = server("stack").await.unwrap();
    let dump = folder.path().join("database.dump");
    let whole = std::fs::read(&dump).unwrap();
    std::fs::write(&dump, &whole[..whole.len() / 2]).unwrap();
    let error = fresh.restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("it was cut or grew"), "{error}");
    // The same with a description that fits the cut file: the tool sees it, and leaves nothing.
    let description = folder.path().join("recovery-point.json");
    let text = std::fs::read_to_string(&description).unwrap();
    let cut = &whole[..whole.len() / 2];
    let text = text
        .replace(&whole.len().to_string(), &cut.len().to_string())
        .replace(
            blake3::hash(&whole).to_hex().as_str(),
            blake3::hash(cut).to_hex().as_str(),
        );
    std::fs::write(&description, text).unwrap();
    let error = fresh.restore(folder.path()).await.unwrap_err();
    assert!(error.why.contains("ended with code"), "{error}");
    assert_eq!(
        fresh
            .sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .await
            .unwrap(),
        ["0"]
    );
    let mut flipped = whole.clone();
    flipped[cut.len()] ^= 1;
    std::fs::write(&dump, flipped).unwrap();
    std::fs::remove_file(&description).unwrap();
    let error = fresh.restore(folder.path()).await.unwrap_err();
    assert!(
        error.why.contains("a backup that did not end is none"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_stopped_server_are_told_without_the_password() {
    let Some((running, store)) = awkward().await else {
        return;
    };
    let mut wrong = running.server.clone();
    wrong.password = "not this one".to_owned();
    let error = Postgres::new(wrong.clone())
        .unwrap()
        .fingerprint()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(!format!("{error} {wrong:?}").contains("not this one"));
    running.container.stop().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for form in [Form::Logical, Form::Physical] {
        let error = store.backup(form, folder.path()).await.unwrap_err();
        assert!(error.doing.contains("connecting"), "{error}");
    }
    let error = store.ready(Duration::from_millis(300)).await.unwrap_err();
    assert!(
        error.why.contains("refused") || error.why.contains("closed"),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_during_a_dump_leaves_no_recovery_point() {
    let Some((running, store)) = awkward().await else {
        return;
    };
    store
        .sql("CREATE TABLE big AS SELECT n, md5(n::text) || md5((n + 1)::text) t FROM generate_series(1, 400000) n")
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("database.dump");
    let kill = async {
        while std::fs::metadata(&dump).map_or(0, |meta| meta.len()) < 1 << 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        running.container.stop_with_timeout(Some(0)).await.unwrap();
    };
    let (taken, ()) = tokio::join!(store.backup(Form::Logical, folder.path()), kill);
    let error = taken.unwrap_err();
    assert!(
        error.doing.contains("dumping the database 'stack'"),
        "{error}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "{error}"
    );
}
