//! Keys and ids that are meant to leave the bucket, or are merely odd.

use std::path::{Path, PathBuf};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;

use super::{BUCKET, code, start};

fn everything_below(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        }
        found.push(path);
    }
    found
}

const KEYS: [&str; 14] = [
    "../../../escaped",
    "/etc/passwd",
    "a/../../b",
    "./.",
    "..",
    "C:\\windows\\system32",
    "log.jsonl",
    "data/x",
    "käse/ümläut/日本語/🔥",
    "with space+plus%2Fpercent&amp;<xml>\"'",
    "trailing/",
    "double//slash",
    "null",
    "new\nline\tand tab",
];

#[tokio::test]
async fn no_key_leaves_its_bucket_and_every_key_comes_back() {
    let running = start(true).await;
    let long = "k".repeat(1024);
    let keys: Vec<&str> = KEYS.into_iter().chain([long.as_str()]).collect();
    for key in &keys {
        running.put(key, &format!("text of {key}")).await;
    }
    for key in &keys {
        assert_eq!(running.get(key, None).await, Ok(format!("text of {key}")));
    }
    let bucket = running.folder.path().join("objects/uploads");
    for path in everything_below(running.folder.path()) {
        assert!(
            path.starts_with(&bucket) || bucket.starts_with(&path),
            "{} is outside of the bucket",
            path.display()
        );
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(name.len() < 64, "no file is called by a key: {name}");
    }
    let list = running.client.list_objects_v2().bucket(BUCKET);
    let listed = list
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .expect("a list");
    let mut told: Vec<String> = listed
        .contents()
        .iter()
        .filter_map(|object| object.key())
        .map(decoded)
        .collect();
    let mut wanted: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    told.sort();
    wanted.sort();
    assert_eq!(told, wanted);
    for key in &keys {
        running.delete(key, None).await;
        assert_eq!(running.get(key, None).await, Err("NoSuchKey".to_owned()));
    }
}

fn decoded(key: &str) -> String {
    url::form_urlencoded::parse(format!("k={key}").as_bytes())
        .next()
        .expect("one")
        .1
        .into_owned()
}

#[tokio::test]
async fn a_key_that_is_too_long_is_refused() {
    let running = start(false).await;
    let put = running
        .client
        .put_object()
        .bucket(BUCKET)
        .key("k".repeat(1025));
    let put = put.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(code(&put.expect_err("too long")), "KeyTooLongError");
    let data = running.folder.path().join("objects/uploads/data");
    assert_eq!(std::fs::read_dir(data).expect("a folder").count(), 0);
}

#[tokio::test]
async fn no_upload_id_is_a_path() {
    let running = start(false).await;
    let secret = running
        .folder
        .path()
        .join("objects/uploads/uploads/../secret");
    std::fs::create_dir_all(&secret).expect("a folder");
    // What an upload of this very key looks like, where no upload is.
    let upload = r#"{"key":"a","headers":{},"metadata":{}}"#;
    std::fs::write(secret.join("upload.json"), upload).expect("written");
    for id in [
        "../secret",
        "..",
        "",
        "../../uploads/uploads",
        &"f".repeat(32),
    ] {
        let abort = running
            .client
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("a");
        assert!(abort.upload_id(id).send().await.is_err(), "{id}");
    }
    assert!(secret.exists());
}

#[tokio::test]
async fn no_name_of_a_bucket_is_a_path() {
    let running = start(false).await;
    for name in ["..", "a/b", "../objects", ".hidden", "UPPER", "x", "a..b"] {
        let stock = &running.objects.stock;
        let versioning = phoenix_embedded::objects::Versioning::Off;
        assert!(stock.create(name, versioning).is_err(), "{name}");
        assert!(stock.bucket(name).is_err(), "{name}");
        assert!(stock.remove(name).is_err(), "{name}");
    }
    assert_eq!(running.objects.stock.names().expect("a list"), [BUCKET]);
}
