//! A stack in a folder that was named from where the process stands, as the command line names it.

use std::path::{Component, PathBuf};

use phoenix_embedded::Embedded;
use phoenix_engine::application::{Action, WriteOutcome, WriteRequest};
use phoenix_engine::environment::Environment as _;
use phoenix_engine::lower;
use phoenix_evidence::canary::{CanaryId, CanarySpec, Part};

use crate::support::shipped_environment;

#[tokio::test]
async fn files_are_taken_in_a_relative_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = std::env::current_dir().expect("a place");
    let up = here.components().skip(1).map(|_| Component::ParentDir);
    let down = folder.path().components().skip(1);
    let relative: PathBuf = up.chain(down).collect();
    assert!(relative.is_relative() && relative.exists());
    let stack = lower::stack(&shipped_environment(), "target").expect("the profile is valid");
    let embedded = Embedded::new("test", "0badcafe", stack, &relative)
        .await
        .expect("a stack");
    embedded.build().await.expect("it is built");
    let context = embedded.context("wiki").await.expect("a context");
    let wiki = phoenix_applications::make("bookstack", context).expect("a client");
    wiki.prepare().await.expect("a book");
    let part = |role: &str, store: &str| Part {
        role: role.to_owned(),
        store: store.to_owned(),
    };
    let spec = CanarySpec {
        id: CanaryId(7),
        kind: "page-with-attachment".to_owned(),
        service: Some("wiki".to_owned()),
        parts: vec![
            part("database", "bookstack-db"),
            part("files", "bookstack-uploads"),
        ],
        key: None,
    };
    let outcome = wiki
        .write(&WriteRequest {
            spec: &spec,
            action: Action::Create,
            version: 0,
            text: "a text",
            marker: "phx-0badcafe-000007",
            file: Some(b"bytes"),
            reference: None,
        })
        .await;
    assert!(
        matches!(outcome, WriteOutcome::Acknowledged { .. }),
        "{outcome:?}"
    );
    embedded.reap().await.expect("nothing is left");
}
