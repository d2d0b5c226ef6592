//! What the ledger adds to the writes that it records: the same writes through the applications by
//! 64 writers, with both of their lines made durable and without.

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
const RUNS: u64 = 7;

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
    let writes = |first: u64, ledger: Option<&Ledger>| {
        timed(|| runtime.block_on(write_all(&targets, first, ledger)))
    };
    let _warm = writes(0, None);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for run in 1..=RUNS {
        let ledger = ledger(&folder.path().join(format!("ledger-{run}")));
        let first = run * 2 * WRITES;
        // By turns, each first as often as the other: the stores grow with every write.
        if run % 2 == 0 {
            with.push(writes(first, Some(&ledger)));
            without.push(writes(first + WRITES, None));
        } else {
            without.push(writes(first, None));
            with.push(writes(first + WRITES, Some(&ledger)));
        }
    }
    let _reaped = runtime.block_on(embedded.reap());
    let (with, without) = (middle(with), middle(without));
    vec![Figure {
        name: "what the ledger adds to the writes that it records",
        ours: (with - without).max(0.0),
        theirs: without,
        unit: "s",
        bound: Bound::AtMost(0.05),
    }]
}

type Target = (String, Box<dyn Application>, KindSpec);

async fn write_all(targets: &[Target], first: u64, ledger: Option<&Ledger>) {
    stream::iter((first..first + WRITES).zip(targets.iter().cycle()))
        .map(|(id, (service, app, kind))| async move {
            let id = CanaryId(id);
            if let Some(ledger) = ledger {
                let invoked = ledger.record(id, Op::Create, 0, Phase::Invoked).await;
                invoked.expect("durable");
            }
            let _written = bare::write(service, app.as_ref(), kind, None, id).await;
            if let Some(ledger) = ledger {
                let acknowledged = ledger.record(id, Op::Create, 0, Phase::Acknowledged).await;
                acknowledged.expect("durable");
            }
        })
        .buffer_unordered(WRITERS)
        .collect::<Vec<()>>()
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
