//! Uploads: rows, and bytes apart from them, in a folder or in a bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::server::{Server, Stack};

/// Uploads and reads back; the path of the upload.
async fn round_trip(server: &Server) -> String {
    let uploaded = server.upload("note.bin", b"\0\xffbytes").await.good();
    let url = uploaded["url"].as_str().unwrap().to_owned();
    assert!(
        url.starts_with("/user_uploads/1/") && url.ends_with("/note.bin"),
        "{url}"
    );
    assert_eq!(
        (&uploaded["uri"], &uploaded["filename"]),
        (&uploaded["url"], &"note.bin".into())
    );
    let address = server.address(&url).await;
    let answer = server.request("GET", &address).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(&answer.bytes().await.unwrap()[..], b"\0\xffbytes");
    url
}

#[tokio::test]
async fn a_row_survives_its_bytes() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let url = round_trip(&server).await;
    let id = server
        .say(&format!("see [it]({url}) and again [it]({url})"))
        .await;
    let links = "SELECT COUNT(*) FROM zerver_attachment_messages";
    assert_eq!(server.one(links).await, 1);
    assert_eq!(server.one("SELECT COUNT(*) FROM zerver_message").await, id);
    stack.machine.rob("data");
    let address = server.address(&url).await;
    let gone = server.get(&address).await;
    assert_eq!(gone.refused(404).1, "File not found.");
    // And the other way round: bytes without their row are never served.
    let url = round_trip(&server).await;
    server
        .execute("DELETE FROM zerver_attachment", Vec::new())
        .await;
    let gone = server.api("GET", &url, &[]).await;
    assert_eq!(gone.refused(404).1, "File not found.");
}

#[tokio::test]
async fn an_address_is_good_for_a_minute_and_for_its_key() {
    let mut stack = Stack::new();
    let server = stack.settled().await;
    let url = round_trip(&server).await;
    let address = server.address(&url).await;
    stack.machine.clock.shift_ms(30_000);
    assert_eq!(server.get(&address).await.status, 200);
    stack.machine.clock.shift_ms(62_000);
    assert_eq!(server.get(&address).await.refused(400).1, "Invalid token");
    stack.machine.clock.shift_ms(0);
    assert_eq!(server.get(&address).await.status, 200);
    let mut bent = address.clone();
    bent.replace_range(
        30..31,
        if bent.as_bytes()[30] == b'A' {
            "B"
        } else {
            "A"
        },
    );
    assert_eq!(server.get(&bent).await.refused(400).1, "Invalid token");
    server.stop().await;
    stack.machine.set("SECRETS_secret_key", "another");
    let mut server = stack.start().await;
    assert_eq!(server.get(&address).await.refused(400).1, "Invalid token");
    // The content does not need the key.
    server.fetch_key().await;
    let address = server.address(&url).await;
    assert_eq!(server.get(&address).await.status, 200);
}

/// A bucket: objects by path.
type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

async fn object(State(objects): State<Objects>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut objects = objects.lock().unwrap();
    let key = uri.path().to_owned();
    if method == Method::PUT {
        objects.insert(key, body);
        return StatusCode::OK.into_response();
    }
    match objects.get(&key) {
        Some(bytes) => bytes.clone().into_response(),
        None => {
            let why = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>";
            (StatusCode::NOT_FOUND, why).into_response()
        }
    }
}

#[tokio::test]
async fn bytes_are_kept_in_a_bucket_where_one_is_set() {
    let objects = Objects::default();
    let routes = Router::new()
        .fallback(object)
        .with_state(Arc::clone(&objects));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut stack = Stack::new();
    for (name, value) in [
        ("SETTING_S3_AUTH_UPLOADS_BUCKET", "uploads"),
        ("SETTING_S3_ENDPOINT_URL", endpoint.as_str()),
        ("SECRETS_s3_key", "key"),
        ("SECRETS_s3_secret_key", "secret"),
    ] {
        stack.machine.set(name, value);
    }
    let server = stack.settled().await;
    let url = round_trip(&server).await;
    let key = url.replace("/user_uploads/", "/uploads/");
    assert!(objects.lock().unwrap().contains_key(&key));
    assert!(!stack.machine.path("data/uploads").exists());
    let address = server.address(&url).await;
    objects.lock().unwrap().clear();
    assert_eq!(server.get(&address).await.status, 404);
    serving.abort();
    let _ended = serving.await;
    assert_eq!(
        server.get(&address).await.status,
        500,
        "not gone, but out of reach"
    );
}
