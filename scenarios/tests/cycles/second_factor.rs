//! The canary that the wiki's application key seals, read by itself: each way in which it can be
//! gone, changed or out of reach has its own answer.

use phoenix_embedded::Embedded;
use phoenix_engine::application::{
    Action, Application, Content, LoginStage, Seen, WriteOutcome, WriteRequest,
};
use phoenix_engine::environment::Environment as _;
use phoenix_engine::lower;
use phoenix_evidence::canary::{CanaryId, CanarySpec, Part};

use crate::support::shipped_environment;

const MARKER: &str = "phx-0badcafe-000007";

fn spec() -> CanarySpec {
    CanarySpec {
        id: CanaryId(7),
        kind: "second-factor".to_owned(),
        service: Some("wiki".to_owned()),
        parts: vec![Part {
            role: "database".to_owned(),
            store: "bookstack-db".to_owned(),
        }],
        key: Some("bookstack/app-key".to_owned()),
    }
}

async fn read(wiki: &dyn Application, reference: &serde_json::Value) -> Seen {
    let mut reading = wiki.read(&spec(), MARKER, Some(reference)).await;
    reading.parts.remove(0)
}

#[tokio::test]
async fn each_loss_of_a_second_factor_has_its_own_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let stack = lower::stack(&shipped_environment(), "target").expect("the profile is valid");
    let embedded = Embedded::new("test", "0badcafe", stack, folder.path())
        .await
        .expect("a stack");
    embedded.build().await.expect("it is built");
    let context = embedded.context("wiki").await.expect("a context");
    let password = context.person.password.clone();
    let wiki = phoenix_applications::make("bookstack", context).expect("a client");
    let request = WriteRequest {
        spec: &spec(),
        action: Action::Create,
        version: 0,
        text: MARKER,
        marker: MARKER,
        file: None,
        reference: None,
    };
    let reference = match wiki.write(&request).await {
        WriteOutcome::Acknowledged { reference } => reference,
        other => panic!("{other:?}"),
    };
    assert!(
        !reference.to_string().contains("Canary-1-"),
        "a password is kept"
    );
    assert!(!reference.to_string().contains(&password));
    assert_eq!(
        read(wiki.as_ref(), &reference).await,
        Seen::Present(vec![Content::Proved(0)])
    );
    let found = embedded.find_text("bookstack-db", MARKER).await;
    assert!(found.expect("a direct read"), "the marker is in the store");

    // Another secret is enrolled: the code is refused, and a key is not to blame.
    let other = serde_json::json!({"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"});
    match read(wiki.as_ref(), &other).await {
        Seen::Unreadable {
            decryption: false,
            error,
        } => assert!(error.contains("refused"), "{error}"),
        seen => panic!("{seen:?}"),
    }

    // The enrolment is gone, and the person gets in without a code.
    let database = folder.path().join("stack/stores/bookstack.sqlite");
    let gone = rusqlite::Connection::open(database)
        .and_then(|opened| opened.execute("DELETE FROM mfa_values", []));
    assert_eq!(gone.expect("a row"), 1);
    assert_eq!(read(wiki.as_ref(), &reference).await, Seen::Absent);

    // The provider does not know the person.
    let unknown = wiki
        .read(&spec(), "phx-0badcafe-000008", Some(&reference))
        .await;
    assert!(
        matches!(
            &unknown.parts[..],
            [Seen::NoLogin {
                stage: LoginStage::Provider,
                ..
            }]
        ),
        "{unknown:?}"
    );

    // The provider is down: the wiki cannot even send anybody there.
    embedded
        .stop(&["zitadel".to_owned()])
        .await
        .expect("stopped");
    let down = read(wiki.as_ref(), &reference).await;
    assert!(matches!(down, Seen::NoLogin { .. }), "{down:?}");
    embedded.reap().await.expect("nothing is left");
}
