//! A server that keeps its word.

use std::time::Instant;

use phoenix_engine::application::{Action, Content, LoginEnd, Seen, WriteOutcome};
use phoenix_evidence::verdict::Verdict;
use serde_json::json;

use super::{BY_API, BY_PAGES, CREATED, Canary, acknowledged, context, made, started};
use crate::books::Server;

#[tokio::test]
async fn an_entry_goes_in_by_a_form_and_comes_back_from_a_page() {
    let (_server, app) = started(BY_PAGES).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    assert_eq!(reference, json!({"id": "1"}), "the token is no part of it");
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(
        reading.parts,
        [Seen::Present(vec![Content::Text(canary.text(0))])]
    );
    assert_eq!(reading.probe, "GET /entries/1");
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Survived);
    let marker = "phx-0badcafe-999999";
    app.first_write(marker).await.expect("a first write");
    let listing = app.list("entry").await.expect("a list");
    assert!(listing.entries.iter().any(|entry| entry.contains(marker)));
}

#[tokio::test]
async fn an_entry_is_written_changed_and_deleted_by_the_api() {
    let (_server, app) = started(BY_API).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    assert_eq!(reference, json!({"id": 1}));
    let changed = canary
        .write(app.as_ref(), Action::Overwrite, 1, Some(&reference))
        .await;
    let reference = acknowledged(changed);
    assert_eq!(reference, json!({"id": 1}), "an overwrite forgets nothing");
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(
        reading.parts,
        [Seen::Present(vec![Content::Text(canary.text(1))])]
    );
    acknowledged(
        canary
            .write(app.as_ref(), Action::Delete, 1, Some(&reference))
            .await,
    );
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.parts, [Seen::Absent]);
}

#[tokio::test]
async fn an_entry_and_its_file_are_a_pair() {
    let (server, app) = started(BY_API).await;
    let kinds = app.kinds();
    assert_eq!(kinds[1].parts, ["database", "files"]);
    let canary = Canary::new(4, true);
    let reference = canary.created(app.as_ref()).await;
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.linked, Some(true));
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Survived);
    server.with(|books| books.files.clear());
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.parts[1], Seen::Absent);
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Dangling);
}

#[tokio::test]
async fn writers_of_one_session_do_not_spoil_each_others_tokens() {
    let (server, app) = started(BY_PAGES).await;
    let canaries: Vec<Canary> = (0..12).map(|number| Canary::new(number, false)).collect();
    let mut writes = Vec::new();
    for canary in &canaries {
        writes.push(canary.write(app.as_ref(), Action::Create, 0, None));
    }
    for outcome in futures_all(writes).await {
        acknowledged(outcome);
    }
    assert_eq!(server.with(|books| books.entries.len()), 12);
}

/// All of them, at once.
async fn futures_all<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|cx| {
        let mut ready = true;
        for (one, output) in &mut waiting {
            if output.is_none() {
                match one.as_mut().poll(cx) {
                    std::task::Poll::Ready(done) => *output = Some(done),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}

#[tokio::test]
async fn too_much_is_waited_out_and_written_once() {
    let (server, app) = started(BY_API).await;
    server.with(|books| books.busy = 2);
    let began = Instant::now();
    let canary = Canary::new(1, false);
    canary.created(app.as_ref()).await;
    assert!(
        began.elapsed().as_millis() >= 2000,
        "its waits are honoured"
    );
    assert_eq!(server.with(|books| books.entries.len()), 1);
}

#[tokio::test]
async fn an_id_that_was_given_again_is_another_entry() {
    let (server, app) = started(BY_API).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    let other = Canary::new(2, false).text(0);
    server.with(|books| books.entries.get_mut(&1).expect("it").text = other);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.parts, [Seen::Absent]);
    // The first write after a restore takes the id of an entry that was lost.
    let first = phoenix_evidence::payload::first_write(0, "0badcafe", "web");
    server.with(|books| books.entries.get_mut(&1).expect("it").text = first);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.parts, [Seen::Absent]);
    server.with(|books| books.entries.get_mut(&1).expect("it").text = "garbled".to_owned());
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Corrupted);
}

#[tokio::test]
async fn people_log_in_by_the_page_and_are_who_they_were() {
    let (server, app) = started(BY_PAGES).await;
    let account = |end: &LoginEnd| match end {
        LoginEnd::LoggedIn { account, .. } => account.clone(),
        LoginEnd::Failed { error, .. } => panic!("{error}"),
    };
    let before = app.login().await.expect("a login");
    assert_eq!(account(&before.end), "17");
    server.with(|books| books.account = 18);
    let after = app.login().await.expect("a login");
    assert_eq!(account(&after.end), "18", "a twin is seen as one");
}

#[tokio::test]
async fn people_log_in_through_a_provider() {
    let through = format!(
        "{BY_API}    login: {{ via: auth, start: /sso, callback: /sso/callback, account: {{ get: /me, \
         id: $.id, email: $.email }} }}\n"
    );
    let server = Server::start().await;
    let app = made(context(&server, &through));
    let trace = app.login().await.expect("a login");
    assert!(
        matches!(&trace.end, LoginEnd::LoggedIn { account, email, .. }
            if account == "17" && email == "canary@example.com"),
        "{:?}",
        trace.end
    );
    let told = format!("{trace:?}");
    assert!(
        !told.contains("SECRET") && !told.contains("person-password"),
        "{told}"
    );
    let mut other = context(&server, &through);
    other.person.password = "wrong".to_owned();
    let trace = made(other).login().await.expect("a login");
    assert!(
        matches!(&trace.end, LoginEnd::Failed { error, .. } if error == "Wrong password"),
        "{:?}",
        trace.end
    );
    let mut other = context(&server, &through);
    other.person.email = "somebody@example.com".to_owned();
    let trace = made(other).login().await.expect("a login");
    assert!(
        matches!(&trace.end, LoginEnd::Failed { error, .. } if error.contains("somebody else")),
        "{:?}",
        trace.end
    );
}

#[tokio::test]
async fn a_session_that_ended_is_begun_again() {
    for description in [BY_PAGES, BY_API] {
        let (server, app) = started(description).await;
        let canary = Canary::new(1, false);
        let reference = canary.created(app.as_ref()).await;
        server.with(|books| {
            books.sessions.clear();
            books.tokens.clear();
        });
        let reading = canary.read(app.as_ref(), Some(&reference)).await;
        assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Survived);
        server.with(|books| {
            books.sessions.clear();
            books.tokens.clear();
        });
        Canary::new(2, false).created(app.as_ref()).await;
    }
}

#[tokio::test]
async fn health_is_what_the_description_expects() {
    let probing = BY_API.replace(
        "health: { get: /healthz, expect: { json: { $.db: ok } } }",
        "health: [{ get: /healthz, instance: $.installation }, { get: /api/entries }]",
    );
    let (server, app) = started(&probing).await;
    let report = app.health().await;
    assert!(report.healthy && report.serves == Some(true), "{report:?}");
    assert_eq!(report.instance.as_deref(), Some("i-1"));
    server.lies(crate::books::Lie::ListIsError);
    assert_eq!(
        app.health().await.serves,
        Some(true),
        "nothing was expected of it"
    );
    server.lies(crate::books::Lie::Gateway);
    let report = app.health().await;
    assert!(
        !report.healthy && report.serves == Some(false),
        "{report:?}"
    );
    let strict = BY_API.replace("$.db: ok", "$.db: fine");
    let report = made(context(&server, &strict)).health().await;
    assert!(!report.healthy);
    let server = Server::start().await;
    let report = made(context(&server, &strict)).health().await;
    assert!(
        !report.healthy && report.saw.contains("$.db is not `fine`"),
        "{report:?}"
    );
}

#[tokio::test]
async fn what_was_never_acknowledged_is_looked_for_by_its_marker() {
    let (server, app) = started(BY_API).await;
    server.lies(crate::books::Lie::Silent);
    let canary = Canary::new(1, false);
    let outcome = canary.write(app.as_ref(), Action::Create, 0, None).await;
    assert!(
        matches!(outcome, WriteOutcome::Indeterminate { .. }),
        "{outcome:?}"
    );
    server.lies(crate::books::Lie::None);
    let reading = canary.read(app.as_ref(), None).await;
    assert_eq!(canary.observed(&reading.parts[0]), super::Observed::once(0));
    let reading = Canary::new(2, false).read(app.as_ref(), None).await;
    assert_eq!(reading.parts, [Seen::Absent]);
    server.lies(crate::books::Lie::ListIsError);
    let reading = Canary::new(2, false).read(app.as_ref(), None).await;
    assert!(
        matches!(reading.parts[0], Seen::Unreachable { .. }),
        "{reading:?}"
    );
}
