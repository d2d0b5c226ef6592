//! A comparison names what was changed, and nothing else.

use phoenix_stores::Store as _;

use super::scratch::{IMAGE, Scratch, engine};

#[tokio::test]
async fn every_single_change_is_named() {
    let Some(docker) = engine(IMAGE).await else {
        return;
    };
    let scratch = Scratch::new(&docker).await;
    scratch
        .shell(
            "mkdir d e; printf abc > f; printf abc > g; ln g h; ln -s f l; printf x > k; mkfifo p; \
             truncate -s 1M holes; setfattr -n user.a -v 1 f 2>/dev/null || true",
        )
        .await;
    let store = scratch.store();
    let has_attributes = !scratch.shell("getfattr -d f").await.is_empty();
    let mut before = store.fingerprint().await.unwrap().unwrap();
    assert_eq!(
        store.fingerprint().await.unwrap().unwrap(),
        before,
        "nothing was changed"
    );
    let cases: &[(&str, &[&str])] = &[
        ("printf abd > f", &["f has other content"]),
        ("printf abcd > f", &["f has other content"]),
        ("chmod 600 f", &["f has mode 600, 644 before"]),
        ("chown 7:0 f", &["f belongs to 7:0, 0:0 before"]),
        ("chown 7:8 f", &["f belongs to 7:8, 7:0 before"]),
        ("chown -h 5:5 l", &["l belongs to 5:5, 0:0 before"]),
        ("ln -sfn g l; chown -h 5:5 l", &["l leads to g, f before"]),
        (
            "cp --remove-destination -p g h",
            &[
                "g is no longer one file with g",
                "h is no longer one file with g",
            ],
        ),
        (
            "ln -f g h",
            &[
                "g is one file with g, not before",
                "h is one file with g, not before",
            ],
        ),
        ("rm k", &["k is missing"]),
        ("mkdir k", &["k is new"]),
        (
            "rmdir e; : > e; chmod 755 e",
            &["e is a file, a folder before"],
        ),
        ("chmod 1777 d", &["d has mode 1777, 755 before"]),
        (
            "rm p; mknod p c 1 3",
            &["p is a character device 1:3, named pipe before"],
        ),
        (
            "printf 1 | dd of=holes bs=1 seek=9999 conv=notrunc status=none",
            &["holes has other content"],
        ),
        ("chmod 700 .", &[". has mode 700, 755 before"]),
        (
            "setfattr -n user.a -v 2 f",
            &["f has other attributes: user.a"],
        ),
        ("setfattr -x user.a f", &["f has other attributes: user.a"]),
        ("printf s > $'\\xfe'", &["\\xfe is new"]),
        // What is the same to whoever reads it, is the same.
        (
            "touch f; cp --sparse=never holes o; cat o > holes; rm o",
            &[],
        ),
    ];
    for (change, named) in cases {
        if change.starts_with("setfattr") && !has_attributes {
            eprintln!("skipped: no extended attributes on this file system");
            continue;
        }
        scratch.shell(change).await;
        let after = store.fingerprint().await.unwrap().unwrap();
        assert_eq!(store.compare(&before, &after), *named, "{change}");
        assert_eq!(before.digest == after.digest, named.is_empty(), "{change}");
        before = after;
    }
}
