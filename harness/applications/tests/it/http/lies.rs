//! Servers that lie, and what is made of it: none of it may pass for a canary that came back, and
//! none for one that was lost.

use phoenix_engine::application::{Action, Seen, WriteOutcome};
use phoenix_evidence::ledger::{Op, Phase};
use phoenix_evidence::verdict::Verdict;

use super::{BY_API, BY_PAGES, CREATED, Canary, acknowledged, started};
use crate::books::Lie;

const UPDATED: (Op, u32, Phase) = (Op::Overwrite, 1, Phase::Acknowledged);
const DELETED: (Op, u32, Phase) = (Op::Delete, 0, Phase::Acknowledged);

/// How a write of each description ends under a lie.
async fn ends(lie: Lie) -> Vec<&'static str> {
    let mut ends = Vec::new();
    for description in [BY_PAGES, BY_API] {
        let (server, app) = started(description).await;
        server.lies(lie);
        let canary = Canary::new(1, false);
        ends.push(
            match canary.write(app.as_ref(), Action::Create, 0, None).await {
                WriteOutcome::Acknowledged { .. } => "acknowledged",
                WriteOutcome::Refused { .. } => "refused",
                WriteOutcome::Indeterminate { .. } => "indeterminate",
            },
        );
    }
    ends
}

#[tokio::test]
async fn only_the_expected_answer_acknowledges_a_write() {
    for (lie, wanted) in [
        (Lie::None, "acknowledged"),
        // It may have been stored, whatever the page says.
        (Lie::ErrorPage, "indeterminate"),
        (Lie::LeadsToLogin, "indeterminate"),
        (Lie::Silent, "indeterminate"),
        (Lie::StoredAnd500, "indeterminate"),
        (Lie::Refuses, "refused"),
        // Nobody can know that it is one: the reading tells.
        (Lie::NothingStored, "acknowledged"),
    ] {
        assert_eq!(ends(lie).await, [wanted, wanted], "{lie:?}");
    }
}

#[tokio::test]
async fn what_is_refused_halfway_is_known_to_nobody() {
    let halfway = BY_API.replace(
        "write: { post: /api/entries, json: { text: \"${payload}\" }, save: { id: $.id }, within: 400ms }",
        "write: [{ post: /api/entries, json: { text: \"${payload}\" }, save: { id: $.id } }, \
         { put: /api/entries/999, json: { text: \"${payload}\" } }]",
    );
    assert_ne!(halfway, BY_API);
    let (server, app) = started(&halfway).await;
    let canary = Canary::new(1, false);
    let outcome = canary.write(app.as_ref(), Action::Create, 0, None).await;
    assert!(
        matches!(outcome, WriteOutcome::Indeterminate { .. }),
        "{outcome:?}"
    );
    assert_eq!(server.with(|books| books.entries.len()), 1);
    server.lies(Lie::Refuses);
    let outcome = canary.write(app.as_ref(), Action::Create, 0, None).await;
    assert!(
        matches!(outcome, WriteOutcome::Refused { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_write_that_was_never_sent_is_refused() {
    // The page with the token is not to be had: nothing was posted.
    let (server, app) = started(BY_PAGES).await;
    server.lies(Lie::Gateway);
    let canary = Canary::new(1, false);
    let outcome = canary.write(app.as_ref(), Action::Create, 0, None).await;
    assert!(
        matches!(outcome, WriteOutcome::Refused { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_was_acknowledged_and_never_stored_is_lost() {
    for description in [BY_PAGES, BY_API] {
        let (server, app) = started(description).await;
        server.lies(Lie::NothingStored);
        let canary = Canary::new(1, false);
        let reference = canary.created(app.as_ref()).await;
        let reading = canary.read(app.as_ref(), Some(&reference)).await;
        assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Lost);
        assert!(app.first_write("phx-0badcafe-999999").await.is_err());
    }
}

#[tokio::test]
async fn an_old_version_is_stale() {
    let (server, app) = started(BY_API).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    server.lies(Lie::OldVersion);
    let changed = canary
        .write(app.as_ref(), Action::Overwrite, 1, Some(&reference))
        .await;
    let reference = acknowledged(changed);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(
        canary.verdict(&[CREATED, UPDATED], &reading),
        Verdict::Stale
    );
}

#[tokio::test]
async fn what_is_there_twice_is_listed_twice() {
    for description in [BY_PAGES, BY_API] {
        let (server, app) = started(description).await;
        server.lies(Lie::Twice);
        let canary = Canary::new(1, false);
        canary.created(app.as_ref()).await;
        let listing = app.list("entry").await.expect("a list");
        let copies = listing
            .entries
            .iter()
            .filter(|entry| entry.contains(&canary.marker));
        assert_eq!(copies.count(), 2);
    }
}

#[tokio::test]
async fn a_file_cut_short_is_corrupted() {
    let (server, app) = started(BY_API).await;
    server.lies(Lie::Truncated);
    let canary = Canary::new(1, true);
    let reference = canary.created(app.as_ref()).await;
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Corrupted);
}

#[tokio::test]
async fn a_row_with_the_wrong_file_dangles() {
    let (server, app) = started(BY_API).await;
    let canary = Canary::new(1, true);
    let reference = canary.created(app.as_ref()).await;
    server.lies(Lie::WrongFile);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.linked, Some(false));
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Dangling);
}

#[tokio::test]
async fn an_error_is_never_an_absence() {
    for description in [BY_PAGES, BY_API] {
        for lie in [
            Lie::ErrorOnAbsent,
            Lie::Gateway,
            Lie::ReadIsErrorPage,
            Lie::Echo,
        ] {
            let (server, app) = started(description).await;
            let canary = Canary::new(1, false);
            let reference = canary.created(app.as_ref()).await;
            server.with(|books| books.entries.clear());
            server.lies(lie);
            let reading = canary.read(app.as_ref(), Some(&reference)).await;
            assert!(
                matches!(
                    reading.parts[0],
                    Seen::Unreachable { .. } | Seen::Unreadable { .. }
                ),
                "{lie:?}: {reading:?}"
            );
            // Neither lost, nor, where it was deleted, rightly gone.
            for writes in [&[CREATED][..], &[CREATED, DELETED][..]] {
                assert_eq!(
                    canary.verdict(writes, &reading),
                    Verdict::Unreachable,
                    "{lie:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_delete_that_was_not_done_leaves_the_entry() {
    let (server, app) = started(BY_API).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    server.lies(Lie::NothingStored);
    acknowledged(
        canary
            .write(app.as_ref(), Action::Delete, 0, Some(&reference))
            .await,
    );
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(
        canary.verdict(&[CREATED, DELETED], &reading),
        Verdict::Resurrected
    );
}

#[tokio::test]
async fn what_says_absent_can_be_described() {
    let described = BY_API.replace(
        "      file:\n",
        "      absent: { status: 200, contains: went wrong }\n      undecryptable: { status: 500, \
         contains: no row }\n      file:\n",
    );
    let (server, app) = started(&described).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    server.with(|books| books.entries.clear());
    server.lies(Lie::ReadIsErrorPage);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(reading.parts, [Seen::Absent]);
    server.lies(Lie::None);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert!(
        matches!(reading.parts[0], Seen::Unreachable { .. }),
        "404 is not what it says: {reading:?}"
    );
    server.lies(Lie::ErrorOnAbsent);
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert!(
        matches!(
            reading.parts[0],
            Seen::Unreadable {
                decryption: true,
                ..
            }
        ),
        "{reading:?}"
    );
}

const IN_TWO_STEPS: &str = "read: [{ get: \"/api/entries/${id}\", save: { same: $.id } }, \
                            { get: \"/api/entries/${same}\", payload: $.text }]";

/// What the API says of an entry that is gone, read in two steps.
async fn gone(read: &str) -> Seen {
    let described = BY_API.replace(
        "read: { get: \"/api/entries/${id}\", payload: $.text }",
        read,
    );
    assert_ne!(described, BY_API);
    let (server, app) = started(&described).await;
    let canary = Canary::new(1, false);
    let reference = canary.created(app.as_ref()).await;
    let reading = canary.read(app.as_ref(), Some(&reference)).await;
    assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Survived);
    server.with(|books| books.entries.clear());
    let mut reading = canary.read(app.as_ref(), Some(&reference)).await;
    reading.parts.remove(0)
}

#[tokio::test]
async fn a_request_before_the_last_says_absent_only_if_that_is_described() {
    let undescribed = gone(IN_TWO_STEPS).await;
    assert!(
        matches!(&undescribed, Seen::Unreachable { why, .. } if why.contains("404")),
        "it may be of anything: {undescribed:?}"
    );
    let described = IN_TWO_STEPS.replacen("} }, ", "}, absent: { status: 404 } }, ", 1);
    assert_ne!(described, IN_TWO_STEPS);
    assert_eq!(gone(&described).await, Seen::Absent);
    // Each goes by its own: another answer than the described one says nothing.
    let other = described.replace("status: 404", "status: 410");
    let other = gone(&other).await;
    assert!(matches!(other, Seen::Unreachable { .. }), "{other:?}");
}

#[tokio::test]
async fn the_last_request_goes_by_its_own_absent_before_the_canarys() {
    let own = "read: { get: \"/api/entries/${id}\", payload: $.text, absent: { status: 410 } }";
    let seen = gone(own).await;
    assert!(matches!(seen, Seen::Unreachable { .. }), "{seen:?}");
    let own = own.replace("410", "404, contains: no row");
    let (seen, plain) = (
        gone(&own).await,
        gone(&own.replace(", contains: no row", "")).await,
    );
    assert!(matches!(seen, Seen::Unreachable { .. }), "{seen:?}");
    assert_eq!(plain, Seen::Absent);
}

#[tokio::test]
async fn the_file_of_an_entry_is_gone_where_a_request_for_it_says_so() {
    let in_two = "read: [{ get: \"/api/entries/${id}\", absent: { status: 404 } }, \
                  { get: \"/files/${file}\" }]";
    let described = BY_API.replace("read: { get: \"/files/${file}\" }", in_two);
    assert_ne!(described, BY_API);
    for lie in [Lie::None, Lie::Gateway] {
        let (server, app) = started(&described).await;
        let canary = Canary::new(1, true);
        let reference = canary.created(app.as_ref()).await;
        let reading = canary.read(app.as_ref(), Some(&reference)).await;
        assert_eq!(canary.verdict(&[CREATED], &reading), Verdict::Survived);
        server.with(|books| books.entries.clear());
        server.lies(lie);
        let reading = canary.read(app.as_ref(), Some(&reference)).await;
        let absent = reading.parts == [Seen::Absent, Seen::Absent];
        // A router answers 404 to everything when nobody is behind it.
        assert_eq!(absent, lie == Lie::None, "{lie:?}: {reading:?}");
    }
}
