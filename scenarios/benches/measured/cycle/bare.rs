//! The comparator: the requests of a cycle and its copies, nothing recorded and nothing judged.

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use phoenix_embedded::Embedded;
use phoenix_engine::application::{
    Action, Application, KindSpec, Seen, WriteOutcome, WriteRequest,
};
use phoenix_engine::environment::Environment as _;
use phoenix_engine::lower;
use phoenix_engine::plan::{Act, Seed};
use phoenix_engine::run::ApplicationMaker;
use phoenix_engine::stack::{Stack, StoreKind};
use phoenix_evidence::canary::{CanaryId, CanarySpec, Part};
use phoenix_evidence::payload;
use phoenix_language::vocabulary;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::counted::Calls;
use super::{PROFILE, SCENARIO};
use crate::support::shipped_environment;
use crate::timed;

const NONCE: &str = "0badcafe";
const SEED: u64 = 7;
/// As the engine has them: bytes of a file, reads at once.
const FILE_LEN: usize = 6000;
const READERS: usize = 8;

/// A canary that was written.
pub(super) struct Written {
    spec: CanarySpec,
    marker: String,
    reference: Option<Value>,
}

/// What becomes of a canary: its kind by place, and whether it is written again or deleted.
type Wanted = (usize, Option<Action>);

pub(crate) fn run(folder: &Path) -> (Duration, Calls) {
    let calls = Calls::default();
    let took = timed(|| {
        let environment = shipped_environment();
        let stack = lower::stack(&environment, PROFILE).expect("the profile is valid");
        let source = vocabulary::parse_scenario("measured", SCENARIO).expect("a scenario");
        let plan = lower::plans(&source, &stack).expect("a plan").remove(0);
        let seed = plan.steps.iter().find_map(|step| match &step.act {
            Act::Seed(seed) => Some(seed.clone()),
            _ => None,
        });
        let seed = seed.expect("a seed");
        fs::create_dir(folder).expect("a folder");
        let cycle = requests(folder, &stack, &seed, calls.maker());
        Runtime::new().expect("a runtime").block_on(cycle);
    });
    (took, calls)
}

async fn requests(folder: &Path, stack: &Stack, seed: &Seed, make: ApplicationMaker) {
    let embedded = Embedded::new("bare", NONCE, stack.clone(), folder)
        .await
        .expect("a stack");
    embedded.build().await.expect("it is built");
    let app = async |service: &str| {
        let context = embedded.context(service).await.expect("a context");
        let app = &stack.service(service).expect("a service").app;
        make(app, context).expect("a client")
    };
    let order = stack.start_order();
    for service in &order {
        let app = app(service).await;
        assert!(app.health().await.healthy);
        let _trace = app.login().await;
    }
    let mut apps = Vec::new();
    for service in &stack.services {
        let app = app(&service.name).await;
        app.prepare().await.expect("it is ready");
        apps.push((service.name.as_str(), app));
    }
    let seeding = apps
        .iter()
        .zip(0_u64..)
        .map(|((service, app), number)| seed_one(service, app.as_ref(), number * 100_000, seed));
    let written: Vec<Vec<Written>> = stream::iter(seeding).buffered(apps.len()).collect().await;

    let places = ["stores", "objects"];
    let (stack_at, copies) = (folder.join("stack"), folder.join("copies"));
    for place in places {
        copy(&stack_at.join(place), &copies.join(place));
    }
    embedded.stop(&order).await.expect("stopped");
    let all: Vec<String> = stack
        .stores
        .iter()
        .map(|store| store.name.clone())
        .collect();
    embedded.destroy(&all).await.expect("destroyed");
    // A bucket is opened where its folder lies: the copy is the new one.
    let anew: Vec<String> = stack
        .stores
        .iter()
        .filter(|store| store.kind != StoreKind::Bucket)
        .map(|store| store.name.clone())
        .collect();
    embedded.rebuild(&anew).await.expect("rebuilt");
    for place in places {
        copy(&copies.join(place), &stack_at.join(place));
    }
    embedded.start(&order).await.expect("started");

    for service in &order {
        assert!(app(service).await.health().await.healthy);
    }
    for service in &order {
        let _trace = app(service).await.login().await;
    }
    for service in &order {
        let app = app(service).await;
        app.prepare().await.expect("it is ready");
        let marker = format!("first-{NONCE}-{service}");
        app.first_write(&marker).await.expect("it takes a write");
    }
    for (service, mine) in stack.services.iter().zip(&written) {
        read_one(app(&service.name).await.as_ref(), mine).await;
    }
    embedded.reap().await.expect("nothing is left");
}

/// The canaries of one service, as a seed asks for them.
fn wanted(kinds: &[KindSpec], seed: &Seed) -> Vec<Wanted> {
    let of = |which: fn(&KindSpec) -> bool| -> Vec<usize> {
        (0..kinds.len()).filter(|at| which(&kinds[*at])).collect()
    };
    let number = |count: u32| count as usize;
    let mut all = Vec::new();
    let plain = of(|kind| kind.parts.len() == 1 && kind.key.is_none());
    let deleted_from = number(seed.overwritten);
    let deleted_to = deleted_from + number(seed.deleted);
    for (at, kind) in plain.iter().cycle().take(number(seed.canaries)).enumerate() {
        let spec = &kinds[*kind];
        let overwritten = at < number(seed.overwritten) && spec.overwritable;
        let deleted = (deleted_from..deleted_to).contains(&at) && spec.deletable;
        let more = match (overwritten, deleted) {
            (true, _) => Some(Action::Overwrite),
            (_, true) => Some(Action::Delete),
            _ => None,
        };
        all.push((*kind, more));
    }
    let pairs = of(|kind| kind.parts.len() == 2);
    let sealed = of(|kind| kind.key.is_some());
    for (kinds, count) in [(pairs, seed.pairs), (sealed, seed.encrypted)] {
        all.extend(
            kinds
                .iter()
                .cycle()
                .take(number(count))
                .map(|kind| (*kind, None)),
        );
    }
    all
}

async fn seed_one(
    service: &str,
    app: &dyn Application,
    first_id: u64,
    seed: &Seed,
) -> Vec<Written> {
    let kinds = app.kinds();
    stream::iter(wanted(&kinds, seed).into_iter().zip(first_id..))
        .map(|((kind, more), id)| write(service, app, &kinds[kind], more, CanaryId(id)))
        .buffer_unordered(seed.writers)
        .collect()
        .await
}

pub(super) async fn write(
    service: &str,
    app: &dyn Application,
    kind: &KindSpec,
    more: Option<Action>,
    id: CanaryId,
) -> Written {
    let part = |role: &&str| Part {
        role: (*role).to_owned(),
        store: String::new(),
    };
    let mut written = Written {
        spec: CanarySpec {
            id,
            kind: kind.kind.to_owned(),
            service: Some(service.to_owned()),
            parts: kind.parts.iter().map(part).collect(),
            key: kind.key.map(str::to_owned),
        },
        marker: payload::marker(NONCE, id),
        reference: None,
    };
    for action in [Some(Action::Create), more].into_iter().flatten() {
        let version = u32::from(action == Action::Overwrite);
        let file = written
            .spec
            .is_pair()
            .then(|| payload::bytes(SEED, id, version, FILE_LEN));
        let outcome = app
            .write(&WriteRequest {
                spec: &written.spec,
                action,
                version,
                text: &payload::text(SEED, NONCE, id, version),
                marker: &written.marker,
                file: file.as_deref(),
                reference: written.reference.as_ref(),
            })
            .await;
        match outcome {
            WriteOutcome::Acknowledged { .. } if action == Action::Delete => {}
            WriteOutcome::Acknowledged { reference } => written.reference = Some(reference),
            other => panic!("{service}: {} {action:?}: {other:?}", kind.kind),
        }
    }
    written
}

async fn read_one(app: &dyn Application, written: &[Written]) {
    let _ready = app.prepare().await;
    for kind in app.kinds() {
        if kind.listable && written.iter().any(|one| one.spec.kind == kind.kind) {
            app.list(kind.kind).await.expect("a list");
        }
    }
    let reads = stream::iter(written)
        .map(|one| app.read(&one.spec, &one.marker, one.reference.as_ref()))
        .buffer_unordered(READERS)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(reads.len(), written.len());
    let unread = |seen: &Seen| matches!(seen, Seen::Unreachable { .. } | Seen::Unreadable { .. });
    let out_of_reach = reads
        .iter()
        .flat_map(|read| &read.parts)
        .find(|seen| unread(seen));
    assert_eq!(out_of_reach, None, "the copies are not the stack's");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let from = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("copied");
        }
    }
}
