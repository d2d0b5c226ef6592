//! The ledger: group commit, torn ends, and a disk that fills up.

use std::io::{self, Write};

use phoenix_evidence::canary::{CanaryId, CanarySpec};
use phoenix_evidence::ledger::{Header, Ledger, LedgerError, Op, Phase, SCHEMA, Sink, read};

fn header() -> Header {
    Header {
        schema: SCHEMA,
        run: "r".into(),
        nonce: "0badcafe".into(),
        seed: 7,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_get_dense_numbers_and_durable_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let ledger = Ledger::create(&path, &header()).expect("a ledger");
    let spec = CanarySpec {
        id: CanaryId(0),
        kind: "page".into(),
        service: None,
        parts: Vec::new(),
        key: None,
    };
    ledger.declare(&spec).await.expect("declared");
    let mut tasks = tokio::task::JoinSet::new();
    for canary in 0..64 {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            for version in 0..10 {
                let op = if version == 0 {
                    Op::Create
                } else {
                    Op::Overwrite
                };
                for phase in [Phase::Invoked, Phase::Acknowledged] {
                    ledger
                        .record(CanaryId(canary), op, version, phase)
                        .await
                        .expect("durable");
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    assert_eq!(ledger.position(), 64 * 20);
    let back = read(&path).expect("a ledger");
    assert_eq!(
        (back.ops.len(), back.specs.len(), back.torn_bytes),
        (64 * 20, 1, 0)
    );
}

#[tokio::test]
async fn a_torn_end_is_dropped_and_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.jsonl");
    let ledger = Ledger::create(&path, &header()).expect("a ledger");
    for _ in 0..3 {
        ledger
            .record(CanaryId(1), Op::Create, 0, Phase::Invoked)
            .await
            .expect("durable");
    }
    drop(ledger);
    let whole = std::fs::read(&path).expect("bytes");
    std::fs::write(&path, &whole[..whole.len() - 5]).expect("cut");
    let back = read(&path).expect("a ledger");
    assert_eq!(back.ops.len(), 2);
    assert!(back.torn_bytes > 0);
}

/// A disk with room for so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Full {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_more() {
    let ledger = Ledger::over(Box::new(Full(300)), "ledger", &header()).expect("a ledger");
    let mut written = 0;
    let error = loop {
        match ledger
            .record(CanaryId(0), Op::Create, 0, Phase::Invoked)
            .await
        {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10, "the disk never filled up");
    };
    assert!(matches!(error, LedgerError::Write { .. }));
    assert!(
        ledger
            .record(CanaryId(0), Op::Create, 0, Phase::Invoked)
            .await
            .is_err()
    );
}
