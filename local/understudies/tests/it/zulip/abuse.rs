//! What no client of good faith sends: it is refused in the API's own form, and nothing breaks.

use super::server::{Stack, answer};

#[tokio::test]
async fn what_is_no_json_is_refused_as_such() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let deep = "[".repeat(100_000);
    for (given, words) in [
        ("{", "subscriptions is not valid JSON"),
        ("", "subscriptions is not valid JSON"),
        (deep.as_str(), "subscriptions is not valid JSON"),
        ("{}", "Invalid subscriptions"),
        ("[{}]", "Invalid subscriptions"),
        (r#"[{"name": 7}]"#, "Invalid subscriptions"),
        (r#"[{"name": " "}]"#, "Channel name can't be empty."),
        (
            r#"[{"name": "a\u0000b"}]"#,
            "Invalid character in channel name.",
        ),
    ] {
        let fields = [("subscriptions", given)];
        let told = server.api("POST", "/users/me/subscriptions", &fields).await;
        assert!(told.refused(400).1.contains(words), "{}", told.text);
    }
    let name = format!("[{{\"name\": \"{}\"}}]", "x".repeat(61));
    let fields = [("subscriptions", name.as_str())];
    let told = server.api("POST", "/users/me/subscriptions", &fields).await;
    assert!(told.refused(400).1.contains("too long"));
    assert_eq!(server.one("SELECT COUNT(*) FROM zerver_stream").await, 1);
    for narrow in [
        "{",
        "7",
        r#"[{"operator": "search"}]"#,
        r#"[["search", "x"], 3]"#,
    ] {
        let fields = [
            ("anchor", "newest"),
            ("num_before", "1"),
            ("narrow", narrow),
        ];
        assert_eq!(
            server.api("GET", "/messages", &fields).await.refused(400).0,
            "BAD_REQUEST"
        );
    }
    let narrow = r#"[{"operator": "x' OR 1=1 --", "operand": "y"}]"#;
    let fields = [
        ("anchor", "newest"),
        ("num_before", "1"),
        ("narrow", narrow),
    ];
    assert_eq!(
        server.api("GET", "/messages", &fields).await.refused(400).0,
        "BAD_NARROW"
    );
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let stack = Stack::new();
    let server = stack.settled().await;
    for (method, path, name) in [
        ("POST", "/messages", "type"),
        ("GET", "/messages", "anchor"),
        ("PATCH", "/messages/1", "content"),
        ("POST", "/users/me/subscriptions", "subscriptions"),
        ("POST", "/fetch_api_key", "username"),
    ] {
        let told = server.api(method, path, &[]).await;
        let words = format!("Missing '{name}' argument");
        assert_eq!(
            told.refused(400),
            ("REQUEST_VARIABLE_MISSING", words.as_str())
        );
    }
}

#[tokio::test]
async fn numbers_that_count_nothing_are_refused() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let most = i64::MAX.to_string();
    for (before, after, words) in [
        ("-1", "0", "num_before is too small"),
        ("0", "-5", "num_after is too small"),
        ("x", "0", "num_before is not an integer"),
        ("99999999999999999999", "0", "num_before is not an integer"),
        ("5000", "1", "Too many messages requested"),
        (most.as_str(), most.as_str(), "Too many messages requested"),
    ] {
        let fields = [
            ("anchor", "newest"),
            ("num_before", before),
            ("num_after", after),
        ];
        let told = server.api("GET", "/messages", &fields).await;
        assert!(told.refused(400).1.contains(words), "{}", told.text);
    }
    let fields = [("anchor", "-7"), ("num_before", "5")];
    let none = server.api("GET", "/messages", &fields).await.good();
    assert_eq!(none["messages"].as_array().unwrap().len(), 0);
    for anchor in ["x", "1e3", ""] {
        let fields = [("anchor", anchor), ("num_before", "5")];
        assert_eq!(
            server.api("GET", "/messages", &fields).await.refused(400).1,
            "Invalid anchor"
        );
    }
    for id in ["-1", "x", "99999999999999999999", "1;drop"] {
        let told = server.api("GET", &format!("/messages/{id}"), &[]).await;
        assert_eq!(told.refused(404).1, "Not found", "{id}");
    }
}

#[tokio::test]
async fn a_message_has_its_bounds() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let huge = "ö".repeat(2_000_000);
    let read = server.read(server.say(&huge).await).await.good();
    let kept = read["raw_content"].as_str().unwrap();
    assert_eq!(kept.chars().count(), 10_000);
    assert!(kept.ends_with("ö\n[message truncated]"));
    for content in ["", " \n\t ", "\n"] {
        let fields = [("type", "stream"), ("to", "general"), ("content", content)];
        let told = server.api("POST", "/messages", &fields).await;
        assert_eq!(told.refused(400).1, "Message must not be empty");
    }
    let fields = [("type", "stream"), ("to", "general"), ("content", "a\0b")];
    let told = server.api("POST", "/messages", &fields).await;
    assert_eq!(told.refused(400).1, "Message must not contain null bytes");
    let topic = "t".repeat(200);
    let fields = [
        ("type", "stream"),
        ("to", "general"),
        ("topic", &topic),
        ("content", "x"),
    ];
    let sent = server.api("POST", "/messages", &fields).await.good();
    let read = server.read(sent["id"].as_i64().unwrap()).await.good();
    assert_eq!(read["message"]["subject"].as_str().unwrap().len(), 60);
}

#[tokio::test]
async fn bytes_that_are_no_text_become_signs_and_break_nothing() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let request = server.request("POST", "/api/v1/messages");
    let request = request
        .basic_auth(&server.who, Some(&server.key))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(b"type=stream&to=general&content=%FF%FE\xff&content=%FFlast".to_vec());
    let sent = answer(request).await.good();
    let read = server.read(sent["id"].as_i64().unwrap()).await.good();
    assert_eq!(read["raw_content"], "\u{fffd}last");
    let request = server.request("GET", "/api/v1/messages/%FF");
    let told = answer(request.basic_auth(&server.who, Some(&server.key))).await;
    assert!([400, 404].contains(&told.status), "{}", told.text);
    let request = server.request("GET", "/complete/oidc/?state=%FF&state=x&code=a&code=b");
    assert_eq!(answer(request).await.status, 302);
}

#[tokio::test]
async fn an_upload_stays_in_its_folder() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let long = "x".repeat(5000);
    for (given, end) in [
        ("../../../escaped", "/escaped"),
        ("..\\..\\escaped", "/escaped"),
        ("/etc/passwd", "/passwd"),
        ("..", "/uploaded-file"),
        (".", "/uploaded-file"),
        (long.as_str(), "x"),
    ] {
        let uploaded = server.upload(given, b"bytes").await.good();
        let url = uploaded["url"].as_str().unwrap();
        assert!(url.ends_with(end) && !url.contains(".."), "{url}");
        assert_eq!(url.split('/').count(), 6, "{url}");
        let address = server.address(url).await;
        assert_eq!(server.get(&address).await.text, "bytes", "{given}");
    }
    let outside = stack.machine.path("escaped");
    assert!(!outside.exists());
    for path in [
        "/user_uploads/1/../../zulip-secrets.conf",
        "/user_uploads/1/%2e%2e/%2e%2e/zulip-secrets.conf",
        "/user_uploads/..%2f..%2fzulip-secrets.conf",
        "/user_uploads/x",
        "/user_uploads/-1/x",
    ] {
        let told = server.api("GET", path, &[]).await;
        assert_eq!(told.refused(404).0, "BAD_REQUEST", "{path}");
    }
}

#[tokio::test]
async fn a_form_that_is_none_is_refused() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let upload = || {
        let request = server.request("POST", "/api/v1/user_uploads");
        request.basic_auth(&server.who, Some(&server.key))
    };
    let kind = "multipart/form-data; boundary=b";
    for request in [
        upload().body("no form"),
        upload().header("content-type", kind).body("--b\r\nhalf a"),
        upload().header("content-type", kind).body("--b--\r\n"),
    ] {
        let told = answer(request).await;
        assert_eq!(told.refused(400).0, "BAD_REQUEST", "{}", told.text);
    }
    assert_eq!(
        server.one("SELECT COUNT(*) FROM zerver_attachment").await,
        0
    );
    let told = answer(server.request("GET", "/api/v1/nowhere")).await;
    assert_eq!(told.refused(404).1, "Not found");
}
