//! The ledger against a bare writer that groups its commits the same way, and against SQLite with
//! one commit a write. Every write of every contender is durable before it is acknowledged.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::ledger::{Header, Ledger, Op, Phase, SCHEMA};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::{Bound, Figure, median, timed};

const WRITERS: u64 = 64;
const EACH: u32 = 300;
const RUNS: usize = 5;

pub(crate) fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let runtime = Runtime::new().expect("a runtime");
    let writes = f64::from(EACH) * 64.0;
    let mut number = 0;
    let mut line = Vec::new();
    let mut ours = || {
        number += 1;
        let path = folder.path().join(format!("ledger-{number}"));
        let took = ledger(&runtime, &path);
        let text = std::fs::read(&path).expect("the ledger");
        line = text
            .split_inclusive(|byte| *byte == b'\n')
            .next_back()
            .expect("a line")
            .to_vec();
        took
    };
    let ours = writes / median(RUNS, &mut ours);
    let bare = writes
        / median(RUNS, || {
            number += 1;
            bare(
                &runtime,
                &folder.path().join(format!("bare-{number}")),
                &line,
            )
        });
    let few = 2_000;
    let sqlite = f64::from(few)
        / median(3, || {
            number += 1;
            sqlite(&folder.path().join(format!("sqlite-{number}")), &line, few)
        });
    vec![
        Figure {
            name: "64 writers, durable, against a bare group committer",
            ours,
            theirs: bare,
            unit: "writes/s",
            bound: Bound::AtLeast(0.8),
        },
        Figure {
            name: "64 writers, durable, against one SQLite commit a write",
            ours,
            theirs: sqlite,
            unit: "writes/s",
            bound: Bound::AtLeast(5.0),
        },
    ]
}

fn ledger(runtime: &Runtime, path: &Path) -> Duration {
    let header = Header {
        schema: SCHEMA,
        run: "bench".to_owned(),
        nonce: "0badcafe".to_owned(),
        seed: 7,
    };
    let ledger = Ledger::create(path, &header).expect("a ledger");
    timed(|| {
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for writer in 0..WRITERS {
                let ledger = ledger.clone();
                tasks.spawn(async move {
                    for version in 0..EACH {
                        ledger
                            .record(CanaryId(writer), Op::Overwrite, version, Phase::Invoked)
                            .await
                            .expect("durable");
                    }
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.expect("no panic");
            }
        });
    })
}

/// Appends the same bytes: whoever comes while a group is synced is in the next one.
fn bare(runtime: &Runtime, path: &Path, line: &[u8]) -> Duration {
    let mut file = File::create_new(path).expect("a file");
    let (sender, receiver) = mpsc::channel::<(Vec<u8>, oneshot::Sender<()>)>();
    let thread = std::thread::spawn(move || {
        while let Ok((mut bytes, done)) = receiver.recv() {
            let mut waiting = vec![done];
            while let Ok((more, done)) = receiver.try_recv() {
                bytes.extend(more);
                waiting.push(done);
            }
            file.write_all(&bytes).expect("written");
            file.sync_data().expect("durable");
            for done in waiting {
                let _gone = done.send(());
            }
        }
    });
    let took = timed(|| {
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..WRITERS {
                let (sender, line) = (sender.clone(), line.to_vec());
                tasks.spawn(async move {
                    for _ in 0..EACH {
                        let (done, durable) = oneshot::channel();
                        sender.send((line.clone(), done)).expect("the thread lives");
                        durable.await.expect("durable");
                    }
                });
            }
            while let Some(done) = tasks.join_next().await {
                done.expect("no panic");
            }
        });
    });
    drop(sender);
    thread.join().expect("no panic");
    took
}

fn sqlite(path: &Path, line: &[u8], count: u32) -> Duration {
    let connection = rusqlite::Connection::open(path).expect("a database");
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE ledger (line BLOB)",
        )
        .expect("a table");
    let mut insert = connection
        .prepare("INSERT INTO ledger VALUES (?1)")
        .expect("a statement");
    timed(|| {
        for _ in 0..count {
            insert.execute([line]).expect("durable");
        }
    })
}
