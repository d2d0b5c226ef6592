//! Lists, page by page: a part of one must never pass for the whole.

use super::{BY_API, BY_PAGES, Canary, started};
use crate::books::Lie;

const BY_NUMBER: &str =
    r#"list: { get: "/api/entries?page=${page}", texts: "$.items[*].text", ids: "$.items[*].id" }"#;

#[tokio::test]
async fn every_page_is_read_whatever_leads_to_it() {
    let by_api = |list: &str| {
        assert!(BY_API.contains(BY_NUMBER));
        BY_API.replace(BY_NUMBER, list)
    };
    for description in [
        BY_PAGES.to_owned(),
        BY_API.to_owned(),
        by_api(r#"list: { get: /api/entries, texts: "$.items[*].text", next: $.next }"#),
        by_api(r#"list: { get: /api/entries, ids: "$.items[*].id", next: link-header }"#),
    ] {
        let (_server, app) = started(&description).await;
        for number in 0..7 {
            Canary::new(number, false).created(app.as_ref()).await;
        }
        let listing = app.list("entry").await.expect("a list");
        assert_eq!(listing.entries.len(), 7, "{description}");
        for number in 0..7 {
            let marker = Canary::new(number, false).marker;
            let found = listing
                .entries
                .iter()
                .filter(|entry| entry.contains(&marker));
            assert_eq!(found.count(), 1, "{description}");
        }
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_an_error_and_no_empty_list() {
    for lie in [Lie::ListIsError, Lie::SamePage, Lie::Gateway] {
        let (server, app) = started(BY_API).await;
        for number in 0..4 {
            Canary::new(number, false).created(app.as_ref()).await;
        }
        server.lies(lie);
        let listing = app.list("entry").await;
        assert!(listing.is_err(), "{lie:?}: {listing:?}");
    }
    let (server, app) = started(BY_PAGES).await;
    server.lies(Lie::Gateway);
    assert!(app.list("entry").await.is_err());
}

#[tokio::test]
async fn an_empty_list_is_a_list() {
    for description in [BY_PAGES, BY_API] {
        let (_server, app) = started(description).await;
        let listing = app.list("entry").await.expect("a list");
        assert!(listing.entries.is_empty());
    }
}

#[tokio::test]
async fn without_a_list_nobody_says_that_there_are_no_duplicates() {
    let without = BY_API.replace(BY_NUMBER, "");
    let (_server, app) = started(&without).await;
    assert!(app.kinds().iter().all(|kind| !kind.listable));
    assert!(app.list("entry").await.is_err());
    let (_server, app) = started(BY_API).await;
    assert!(app.kinds().iter().all(|kind| kind.listable));
}
