//! The ledger's cost as a share of the writes that it records: both lines of each write made durable
//! for 64 writers, against the writes themselves, through the applications, by as many. In a cycle
//! the two overlap, so that this is the most that it can cost.

use std::path::Path;

use futures::stream::{self, StreamExt as _};
use phoenix_embedded::Embedded;
use phoenix_engine::application::{Application, KindSpec};
use phoenix_engine::environment::Environment as _;
use phoenix_engine::lower;
use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::ledger::{Header, Ledger, Op, Phase, SCHEMA};
use tokio::runtime::Runtime;

use super::{PROFILE, bare, middle};
use crate::support::shipped_environment;
use crate::{Bound, Figure, timed};

const WRITERS: usize = 64;
const WRITES: u64 = 1_500;
const RUNS: u64 = 9;

pub(crate) fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let runtime = Runtime::new().expect("a runtime");
    let stack = lower::stack(&shipped_environment(), PROFILE).expect("the profile is valid");
    let embedded = runtime
        .block_on(Embedded::new(
            "bench",
            "0badcafe",
            stack.clone(),
            folder.path(),
        ))
        .expect("a stack");
    let targets = runtime.block_on(async {
        embedded.build().await.expect("it is built");
        let mut targets = Vec::new();
        for service in &stack.services {
            let context = embedded.context(&service.name).await.expect("a context");
            let app = phoenix_applications::make(&service.app, context).expect("a client");
            app.prepare().await.expect("it is ready");
            let plain = app.kinds().into_iter().find(|kind| kind.parts.len() == 1);
            targets.push((service.name.clone(), app, plain.expect("a plain kind")));
        }
        targets
    });
    let (mut records, mut writes) = (Vec::new(), Vec::new());
    for run in 0..=RUNS {
        let ledger = ledger(&folder.path().join(format!("ledger-{run}")));
        let first = run * WRITES;
        let wrote = timed(|| runtime.block_on(write_all(&targets, first)));
        let recorded = timed(|| runtime.block_on(record_all(&ledger, first)));
        // The first pass of each is for the caches.
        if run > 0 {
            writes.push(wrote);
            records.push(recorded);
        }
    }
    let _reaped = runtime.block_on(embedded.reap());
    vec![Figure {
        name: "the ledger's cost, against the writes that it records",
        ours: middle(records),
        theirs: middle(writes),
        unit: "s",
        bound: Bound::AtMost(0.05),
    }]
}

type Target = (String, Box<dyn Application>, KindSpec);

async fn write_all(targets: &[Target], first: u64) {
    stream::iter((first..first + WRITES).zip(targets.iter().cycle()))
        .map(|(id, (service, app, kind))| {
            bare::write(service, app.as_ref(), kind, None, CanaryId(id))
        })
        .buffer_unordered(WRITERS)
        .for_each(async |_written| {})
        .await;
}

async fn record_all(ledger: &Ledger, first: u64) {
    stream::iter(first..first + WRITES)
        .map(|id| async move {
            for phase in [Phase::Invoked, Phase::Acknowledged] {
                let recorded = ledger.record(CanaryId(id), Op::Create, 0, phase).await;
                recorded.expect("durable");
            }
        })
        .buffer_unordered(WRITERS)
        .for_each(async |()| {})
        .await;
}

fn ledger(path: &Path) -> Ledger {
    let header = Header {
        schema: SCHEMA,
        run: "bench".to_owned(),
        nonce: "0badcafe".to_owned(),
        seed: 7,
    };
    Ledger::create(path, &header).expect("a ledger")
}
