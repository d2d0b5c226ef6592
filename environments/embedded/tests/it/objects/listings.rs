//! Pages: nothing twice, nothing left out.

use std::collections::BTreeSet;

use super::{BUCKET, start};

#[tokio::test]
async fn more_keys_than_a_page_holds_come_in_pages() {
    let running = start(false).await;
    let bucket = running.objects.stock.bucket(BUCKET).expect("a bucket");
    for number in 0..1203 {
        bucket
            .put_bytes(&format!("k/{number:05}"), b"x")
            .expect("put");
    }
    let (mut keys, mut pages, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let list = running.client.list_objects_v2().bucket(BUCKET);
        let list = list.set_continuation_token(token.take());
        let page = list.send().await.expect("a page");
        pages.push(page.contents().len());
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|o| o.key().map(str::to_owned)),
        );
        if page.is_truncated() != Some(true) {
            break;
        }
        token = page.next_continuation_token().map(str::to_owned);
        assert!(token.is_some());
    }
    assert_eq!(pages, [1000, 203]);
    let wanted: Vec<String> = (0..1203).map(|number| format!("k/{number:05}")).collect();
    assert_eq!(keys, wanted);
}

#[tokio::test]
async fn a_delimiter_rolls_up_also_over_pages() {
    let running = start(false).await;
    for key in ["a", "b/1", "b/2", "b/c/3", "d/4", "e", "f/5", "f/6"] {
        running.put(key, key).await;
    }
    running.put("gone/1", "x").await;
    running.delete("gone/1", None).await;
    for page_size in 1..=9 {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let list = running
                .client
                .list_objects_v2()
                .bucket(BUCKET)
                .delimiter("/");
            let list = list
                .max_keys(page_size)
                .set_continuation_token(token.take());
            let page = list.send().await.expect("a page");
            let keys = page.contents().iter().filter_map(|o| o.key());
            let prefixes = page.common_prefixes().iter().filter_map(|p| p.prefix());
            seen.extend(keys.chain(prefixes).map(str::to_owned));
            let size = usize::try_from(page_size).expect("small");
            assert!(page.contents().len() + page.common_prefixes().len() <= size);
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let told: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
        assert_eq!(told.len(), seen.len(), "twice in {seen:?}");
        assert_eq!(told, BTreeSet::from(["a", "b/", "d/", "e", "f/"]));
    }
    let list = running
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .delimiter("/");
    let below = list.prefix("b/").send().await.expect("a page");
    let keys: Vec<_> = below.contents().iter().filter_map(|o| o.key()).collect();
    assert_eq!(keys, ["b/1", "b/2"]);
    assert_eq!(below.common_prefixes()[0].prefix(), Some("b/c/"));
}

#[tokio::test]
async fn versions_come_newest_first_also_over_pages() {
    let running = start(true).await;
    let mut wanted = Vec::new();
    for key in ["a", "b", "c"] {
        let mut own = Vec::new();
        for text in ["1", "2", "3"] {
            own.push(running.put(key, text).await.expect("a version"));
        }
        if key == "b" {
            own.push(running.delete(key, None).await.expect("a marker"));
        }
        wanted.extend(own.into_iter().rev().map(|id| (key.to_owned(), id)));
    }
    for page_size in 1..=11 {
        let (mut seen, mut next) = (Vec::new(), (None, None));
        loop {
            let list = running.client.list_object_versions().bucket(BUCKET);
            let list = list.max_keys(page_size).set_key_marker(next.0.take());
            let list = list.set_version_id_marker(next.1.take());
            let page = list.send().await.expect("a page");
            let mut of_page: Vec<(String, String, bool)> = Vec::new();
            for version in page.versions() {
                of_page.push((
                    version.key().expect("a key").to_owned(),
                    version.version_id().expect("an id").to_owned(),
                    version.is_latest() == Some(true),
                ));
            }
            for marker in page.delete_markers() {
                of_page.push((
                    marker.key().expect("a key").to_owned(),
                    marker.version_id().expect("an id").to_owned(),
                    marker.is_latest() == Some(true),
                ));
            }
            // An id begins with its time: the API gives versions and markers in two lists.
            of_page.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            seen.extend(of_page);
            if page.is_truncated() != Some(true) {
                break;
            }
            next = (
                page.next_key_marker().map(str::to_owned),
                page.next_version_id_marker().map(str::to_owned),
            );
        }
        let ids: Vec<_> = seen
            .iter()
            .map(|(key, id, _)| (key.clone(), id.clone()))
            .collect();
        assert_eq!(ids, wanted, "{page_size} a page");
        let newest = seen.iter().filter(|(_, _, newest)| *newest).count();
        assert_eq!(newest, 3);
    }
}
