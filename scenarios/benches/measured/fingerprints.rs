//! Fingerprints against what people reach for: `b3sum` over a folder, `sqlite3 .dump | sha256sum`
//! over a database.

use std::path::Path;

use phoenix_embedded::store::{directory, sqlite};

use crate::{Bound, Figure, median, shell, timed};

const MIB: usize = 1 << 20;

pub(crate) fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let (small, large) = (folder.path().join("small"), folder.path().join("large"));
    files(&small, 2_000, 32 * 1024);
    files(&large, 6, 64 * MIB);
    let database = folder.path().join("database");
    rows(&database, 200_000);
    let mut figures = Vec::new();
    for (name, path) in [
        ("2,000 files of 32 KiB, against b3sum", &small),
        ("6 files of 64 MiB, against b3sum", &large),
    ] {
        let sum = format!("b3sum '{}'/* > /dev/null", path.display());
        // The first pass of each is for the cache.
        let _warm = (shell(&sum), directory::fingerprint(path));
        let theirs = median(5, || shell(&sum));
        let ours = median(5, || timed(|| directory::fingerprint(path).expect("read")));
        figures.push(Figure {
            name,
            ours,
            theirs,
            unit: "s",
            bound: Bound::AtMost(1.0),
        });
    }
    let dump = format!(
        "sqlite3 '{}' .dump | sha256sum > /dev/null",
        database.display()
    );
    let _warm = (shell(&dump), sqlite::fingerprint(&database));
    let theirs = median(5, || shell(&dump));
    let ours = median(5, || {
        timed(|| sqlite::fingerprint(&database).expect("read"))
    });
    figures.push(Figure {
        name: "200,000 rows of 200 bytes, against .dump | sha256sum",
        ours,
        theirs,
        unit: "s",
        bound: Bound::AtMost(1.0),
    });
    figures
}

fn files(folder: &Path, count: usize, size: usize) {
    std::fs::create_dir(folder).expect("a folder");
    for number in 0..count {
        let byte = u8::try_from(number % 251).expect("below 251");
        std::fs::write(folder.join(format!("{number:06}")), vec![byte; size]).expect("a file");
    }
}

fn rows(path: &Path, count: u32) {
    let mut connection = rusqlite::Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT, body TEXT, at REAL)",
        )
        .expect("a table");
    let all = connection.transaction().expect("a transaction");
    for number in 0..count {
        all.execute(
            "INSERT INTO posts VALUES (?1, ?2, ?3, ?4)",
            (
                number,
                format!("author {}", number % 97),
                format!("{number:0>200}"),
                f64::from(number) / 7.0,
            ),
        )
        .expect("a row");
    }
    all.commit().expect("committed");
}
