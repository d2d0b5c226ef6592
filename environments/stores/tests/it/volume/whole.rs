//! Everything that a file system can hold comes back.

use phoenix_engine::environment::DirectCopy;
use phoenix_stores::{Form, Store as _};

use super::scratch::{IMAGE, Scratch, engine};

/// One of everything.
const FILL: &str = r#"
mkdir -p deep/er empty; chmod 2750 deep; chown 123:456 deep
printf one > deep/one; ln deep/one deep/er/two; ln -s ../nowhere deep/link
printf odd > $'new\nline'; printf odd > $'\xff\xfe'; printf odd > 'back\slash'; printf odd > ' space '
truncate -s 40M holes; printf end >> holes; printf x | dd of=holes bs=1 seek=5000000 conv=notrunc status=none
truncate -s 1M only-a-hole
setfattr -n user.origin -v 'a=b' deep/one 2>/dev/null || true
mkfifo pipe; chmod 4755 deep/one; : > nothing
head -c 3000000 /dev/urandom > large
long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; printf l > $long/$long/file
touch -d '2001-02-03 04:05:06.123456789' deep/one deep/er empty
chown 2000:2000 .; chmod 751 .
"#;

/// What a person would look at, times included.
const LIST: &str = "find . -printf '%p %y %m %U:%G %s %n %l %T@\\n' | sort";

#[tokio::test]
async fn what_is_restored_is_what_was_backed_up() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let (old, new) = (Scratch::new(&docker).await, Scratch::new(&docker).await);
    old.shell(FILL).await;
    let folder = tempfile::tempdir().unwrap();
    let taken = old
        .store()
        .backup(Form::Logical, folder.path())
        .await
        .unwrap();
    let taken = taken.fingerprint.unwrap();
    let bytes = new.store().restore(folder.path()).await.unwrap();
    assert!(bytes > 3_000_000, "{bytes}");
    assert!(bytes < 20_000_000, "holes are not stored: {bytes}");
    let now = new.store().fingerprint().await.unwrap().unwrap();
    assert_eq!(new.store().compare(&taken, &now), Vec::<String>::new());
    assert_eq!(taken, now);
    assert!(
        taken.covers.ends_with("nothing left out"),
        "{}",
        taken.covers
    );
    // Times are in no manifest, and come back all the same. Folders that tar made last are as old.
    assert_eq!(old.shell(LIST).await, new.shell(LIST).await);
    assert_eq!(new.shell("stat -c %b only-a-hole").await.trim(), "0");
    let files = old.store().holds().await.unwrap();
    assert_eq!(
        files.to_string(),
        old.shell("find . -type f -printf '.' | wc -c").await.trim()
    );
    assert_eq!(old.helpers().await + new.helpers().await, 0);
}

#[tokio::test]
async fn folders_of_other_stores_are_left_out_of_everything() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let (old, new) = (Scratch::new(&docker).await, Scratch::new(&docker).await);
    old.shell("mkdir -p 'db[1]/base' other/db[1]; printf secret-text > 'db[1]/base/1'; printf a > a; printf b > other/db[1]/b")
        .await;
    new.shell("mkdir -p 'db[1]'; printf new > 'db[1]/1'").await;
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (old.without(&["db[1]"]), new.without(&["db[1]"]));
    let taken = from.backup(Form::Logical, folder.path()).await.unwrap();
    assert!(taken.fingerprint.as_ref().unwrap().covers.contains("db[1]"));
    assert!(!from.find_text("secret-text").await.unwrap());
    assert!(old.store().find_text("secret-text").await.unwrap());
    assert_eq!(from.holds().await.unwrap(), 2);
    to.restore(folder.path()).await.unwrap();
    assert_eq!(to.fingerprint().await.unwrap(), taken.fingerprint);
    assert_eq!(new.shell("cat 'db[1]/1'; cat other/db[1]/b").await, "newb");
}

#[tokio::test]
async fn canaries_are_beside_what_the_application_owns() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch
        .shell("mkdir own; printf a > own/a; chown -R 2000:2000 .")
        .await;
    let store = scratch.store();
    let before = store.fingerprint().await.unwrap().unwrap();
    assert_eq!(store.list_direct().await.unwrap(), []);
    let copy = |marker: &str, text: &str| DirectCopy {
        marker: marker.to_owned(),
        text: text.to_owned(),
    };
    for copy in [
        copy("b", "text $(id) 'of' b\n"),
        copy("a", "one"),
        copy("a", "two"),
    ] {
        assert!(store.write_direct(&copy).await.unwrap());
    }
    assert_eq!(
        store.list_direct().await.unwrap(),
        [copy("a", "two"), copy("b", "text $(id) 'of' b\n")]
    );
    assert_eq!(store.holds().await.unwrap(), 1, "canaries are not counted");
    assert!(!store.find_text("text $(id)").await.unwrap(), "nor found");
    let after = store.fingerprint().await.unwrap().unwrap();
    let lines = store.compare(&before, &after);
    assert!(
        lines.iter().all(|line| line.starts_with(".phoenix-canary")),
        "{lines:?}"
    );
    assert!(store.write_direct(&copy("../own/a", "x")).await.is_err());
}

#[tokio::test]
async fn a_text_is_found_in_names_and_across_pieces() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch
        .shell("head -c 32765 /dev/zero > a; printf the-needle-here >> a; mkdir name-of-interest")
        .await;
    let store = scratch.store();
    assert!(store.find_text("the-needle-here").await.unwrap());
    assert!(store.find_text("name-of-interest").await.unwrap());
    assert!(!store.find_text("the-needle-there").await.unwrap());
}
