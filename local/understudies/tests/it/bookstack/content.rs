//! Books, pages, attachments, images, search, the recycle bin.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::wiki::{Wiki, machine, start};

const BYTES: &[u8] = b"\x00\x01 bytes \xff of the canary";

async fn attach(wiki: &Wiki, page: i64) -> i64 {
    let fields = [
        ("name", "plan.bin".to_owned()),
        ("uploaded_to", page.to_string()),
    ];
    let (status, made) = wiki
        .upload("/attachments", &fields, ("file", "plan.bin", BYTES))
        .await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["external"], false);
    made["id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_page_is_written_read_listed_searched_changed_deleted_and_brought_back() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (book, page) = wiki.book_and_page().await;
    let path = format!("/pages/{page}");
    let (_, read) = wiki.api("GET", &path, json!(null)).await;
    assert!(read["html"].as_str().unwrap().contains("The marker 4711"));
    assert_eq!(
        (&read["revision_count"], &read["editor"]),
        (&json!(1), &json!("wysiwyg"))
    );
    assert_eq!(read["tags"][0]["value"], "abc");
    assert_eq!(read["created_by"]["name"], "Admin");
    assert!(read["created_at"].as_str().unwrap().ends_with(".000000Z"));

    let (_, whole) = wiki
        .api("GET", &format!("/books/{book}"), json!(null))
        .await;
    assert_eq!(whole["contents"][0]["id"], page);
    let (_, hits) = wiki
        .api("GET", "/search?query=4711%20%7Btype:page%7D", json!(null))
        .await;
    assert_eq!(
        (&hits["total"], &hits["data"][0]["id"]),
        (&json!(1), &json!(page))
    );

    let change = json!({ "markdown": "Now **other** words" });
    let (status, changed) = wiki.api("PUT", &path, change).await;
    assert_eq!(
        (status.as_u16(), &changed["revision_count"]),
        (200, &json!(2))
    );
    assert_eq!(changed["markdown"], "Now **other** words");
    let (_, hits) = wiki.api("GET", "/search?query=4711", json!(null)).await;
    assert_eq!(hits["total"], 0);
    let revisions = wiki
        .one("SELECT COUNT(*) FROM page_revisions", Vec::new())
        .await;
    assert_eq!(revisions, "2");

    assert_eq!(
        wiki.api("DELETE", &format!("/books/{book}"), json!(null))
            .await
            .0,
        204
    );
    assert_eq!(wiki.api("GET", &path, json!(null)).await.0, 404);
    let (_, bin) = wiki.api("GET", "/recycle-bin", json!(null)).await;
    assert_eq!(bin["data"][0]["deletable_type"], "book");
    let bin = format!("/recycle-bin/{}", bin["data"][0]["id"]);
    assert_eq!(
        wiki.api("PUT", &bin, json!(null)).await.1["restore_count"],
        2
    );
    assert_eq!(wiki.api("GET", &path, json!(null)).await.0, 200);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_windowed() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    for name in ["one", "two", "three"] {
        wiki.api("POST", "/books", json!({ "name": name })).await;
    }
    let names = async |query: &str| {
        let (status, list) = wiki
            .api("GET", &format!("/books?{query}"), json!(null))
            .await;
        assert_eq!(status, 200);
        let names = list["data"].as_array().unwrap().iter();
        let names: Vec<String> = names
            .map(|b| b["name"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), list["total"].as_i64().unwrap())
    };
    assert_eq!(names("sort=-id").await, ("three two one".to_owned(), 3));
    assert_eq!(names("count=1&offset=1").await, ("two".to_owned(), 3));
    assert_eq!(names("filter[name]=two").await, ("two".to_owned(), 1));
    assert_eq!(
        names("filter[name:like]=t%25&sort=name").await,
        ("three two".to_owned(), 2)
    );
    assert_eq!(names("filter[id:gt]=2").await, ("three".to_owned(), 1));
    assert_eq!(names("filter[nothing]=2").await.1, 3);
    let (status, refused) = wiki.api("POST", "/books", json!({})).await;
    assert_eq!(status, 422);
    assert!(
        refused["error"]["validation"]["name"][0].is_string(),
        "{refused}"
    );
}

#[tokio::test]
async fn an_attachment_whose_file_is_lost_is_listed_and_cannot_be_read() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (_, page) = wiki.book_and_page().await;
    let id = attach(&wiki, page).await;
    let path = format!("/attachments/{id}");
    let (_, read) = wiki.api("GET", &path, json!(null)).await;
    assert_eq!(
        STANDARD.decode(read["content"].as_str().unwrap()).unwrap(),
        BYTES
    );

    std::fs::remove_dir_all(stack.path("data").join("www/files")).unwrap();
    let (status, error) = wiki.api("GET", &path, json!(null)).await;
    assert_eq!(status, 500, "{error}");
    let (status, list) = wiki.api("GET", "/attachments", json!(null)).await;
    assert_eq!((status.as_u16(), &list["data"][0]["id"]), (200, &json!(id)));
    assert_eq!(
        wiki.api("GET", &format!("/pages/{page}"), json!(null))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_deleted_attachment_takes_its_bytes_along_and_its_id_is_not_given_again() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (_, page) = wiki.book_and_page().await;
    let first = attach(&wiki, page).await;
    let key = wiki.one("SELECT path FROM attachments", Vec::new()).await;
    let file = stack
        .path("data")
        .join(key.replace("uploads/files", "www/files"));
    assert!(file.exists(), "{}", file.display());
    let path = format!("/attachments/{first}");
    assert_eq!(wiki.api("DELETE", &path, json!(null)).await.0, 204);
    assert!(!file.exists());
    assert_eq!(attach(&wiki, page).await, first + 1);
    assert_eq!(wiki.api("GET", &path, json!(null)).await.0, 404);
}

#[tokio::test]
async fn an_image_is_public_until_its_file_is_lost() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (_, page) = wiki.book_and_page().await;
    let fields = [
        ("type", "gallery".to_owned()),
        ("uploaded_to", page.to_string()),
    ];
    let (status, image) = wiki
        .upload("/image-gallery", &fields, ("image", "Exit plan.png", BYTES))
        .await;
    assert_eq!(status, 200, "{image}");
    let url = image["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://wiki.test/uploads/images/gallery/"),
        "{url}"
    );
    let got = wiki.browser().request("GET", url).send().await.unwrap();
    assert_eq!(got.bytes().await.unwrap(), BYTES);
    std::fs::remove_dir_all(stack.path("data").join("www/uploads")).unwrap();
    assert_eq!(wiki.browser().get(url).await.status, 404);
    let path = format!("/image-gallery/{}", image["id"]);
    assert_eq!(wiki.api("GET", &path, json!(null)).await.0, 200);
    assert_eq!(
        wiki.api("GET", &format!("{path}/data"), json!(null))
            .await
            .0,
        404
    );
}

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// As much of S3 as storage asks for: objects by key, and the code of a missing one.
async fn bucket() -> (String, Objects) {
    async fn get(State(objects): State<Objects>, Path(key): Path<String>) -> (StatusCode, Bytes) {
        let missing = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
        match objects.lock().unwrap().get(&key) {
            Some(bytes) => (StatusCode::OK, bytes.clone()),
            None => (StatusCode::NOT_FOUND, Bytes::from(missing)),
        }
    }
    async fn put(State(objects): State<Objects>, Path(key): Path<String>, bytes: Bytes) {
        objects.lock().unwrap().insert(key, bytes);
    }
    let objects = Objects::default();
    let routes = Router::new().route("/{*key}", axum::routing::get(get).put(put));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = routes.with_state(Arc::clone(&objects));
    tokio::spawn(async move { axum::serve(listener, service).await });
    (endpoint, objects)
}

#[tokio::test]
async fn on_s3_the_bytes_are_objects_and_a_lost_object_is_500() {
    let (endpoint, objects) = bucket().await;
    let mut stack = machine();
    for (name, value) in [
        ("STORAGE_TYPE", "s3"),
        ("STORAGE_S3_KEY", "key"),
        ("STORAGE_S3_SECRET", "secret"),
        ("STORAGE_S3_BUCKET", "wiki"),
        ("STORAGE_S3_REGION", "eu-central-1"),
        ("STORAGE_S3_ENDPOINT", endpoint.as_str()),
    ] {
        stack.set(name, value);
    }
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (_, page) = wiki.book_and_page().await;
    let path = format!("/attachments/{}", attach(&wiki, page).await);
    let key = objects.lock().unwrap().keys().next().unwrap().clone();
    assert!(key.starts_with("wiki/uploads/files/"), "{key}");
    assert!(!stack.path("data").join("www/files").exists());
    let (_, read) = wiki.api("GET", &path, json!(null)).await;
    assert_eq!(
        STANDARD.decode(read["content"].as_str().unwrap()).unwrap(),
        BYTES
    );
    objects.lock().unwrap().clear();
    assert_eq!(wiki.api("GET", &path, json!(null)).await.0, 500);
}
