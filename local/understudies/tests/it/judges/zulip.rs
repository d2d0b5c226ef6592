//! `zulip` of PyPI, the client of the Zulip project.

use serde_json::{Value, json};

use super::python::{Told, python};
use crate::support::tls::Front;
use crate::zulip::server::{OWNER, Stack};

/// What the real server refuses too, and with which code.
const REFUSED: &[(&str, &str)] = &[
    ("get_raw_message deleted", "BAD_REQUEST"),
    ("get_events deregistered", "BAD_EVENT_QUEUE_ID"),
    ("send_message nowhere", "STREAM_DOES_NOT_EXIST"),
    // Only accounts that a command on the server let may do it.
    ("create_user", "BAD_REQUEST"),
    ("get_profile wrong key", "INVALID_API_KEY"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_zulip_finds_a_zulip() {
    let Some(python) = python().await else { return };
    let stack = Stack::new();
    let server = stack.settled().await;
    let front = Front::start("localhost", server.running.address).await;
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), &front.pem).unwrap();
    let site = format!("https://localhost:{}", front.address.port());
    let authority = authority.path().to_str().unwrap();
    let arguments = [site.as_str(), OWNER, &server.key, authority];
    let told = Told::by(&python, "zulip_client.py", &arguments).await;

    let mut calls = 0;
    for line in told
        .lines()
        .iter()
        .filter(|line| line["call"] != "download")
    {
        calls += 1;
        let (call, answer) = (line["call"].as_str().unwrap(), &line["answer"]);
        match REFUSED.iter().find(|(refused, _)| *refused == call) {
            None => assert_eq!(answer["result"], "success", "{call}: {answer}"),
            Some((_, code)) => assert_eq!(
                (&answer["result"], &answer["code"]),
                (&json!("error"), &json!(code)),
                "{call}: {answer}"
            ),
        }
    }
    assert_eq!(calls, 37);
    content(&told);
    events(&told);
}

/// What the answers hold, beyond that they came.
fn content(told: &Told) {
    let me = told.answer("get_profile");
    assert_eq!(me["delivery_email"], OWNER);
    let members = &told.answer("get_members")["members"];
    assert_eq!(members[0]["user_id"], me["user_id"]);
    assert_eq!(told.answer("get_user_by_id")["user"]["full_name"], "Root");

    let id = me["user_id"].to_string();
    let first = told.answer("add_subscriptions");
    assert_eq!(first["subscribed"][&id], json!(["judged"]));
    let again = told.answer("add_subscriptions again");
    assert_eq!(again["already_subscribed"][&id], json!(["judged"]));
    let channel = &told.answer("get_stream_id")["stream_id"];
    for (call, list) in [
        ("get_streams", "streams"),
        ("get_subscriptions", "subscriptions"),
    ] {
        let list = told.answer(call)[list].as_array().unwrap();
        let found = list.iter().find(|one| one["name"] == "judged").unwrap();
        assert_eq!(&found["stream_id"], channel, "{call}");
    }
    let members = &told.answer("get_subscribers")["subscribers"];
    assert_eq!(members, &json!([me["user_id"]]));

    let sent = &told.answer("send_message")["id"];
    let written = "It was **burning** <br> & sent.";
    assert_eq!(told.answer("get_raw_message")["raw_content"], written);
    let list = told.answer("get_messages")["messages"].as_array().unwrap();
    let [only] = list.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!((&only["id"], &only["content"]), (sent, &json!(written)));
    let pairs = &told.answer("get_messages in pairs")["messages"][0];
    assert!(!pairs["content"].as_str().unwrap().contains("<br>"));
    let found = &told.answer("get_messages search")["messages"][0];
    assert_eq!(&found["id"], sent);
    let history = &told.answer("get_message_history")["message_history"];
    assert_eq!(history[0]["content"], written);
    assert_eq!(history[1]["prev_content"], written);
    assert_eq!(history[1]["content"], "It is *restored*.");
    assert_eq!(history.as_array().unwrap().len(), 2);
    let topics = &told.answer("get_stream_topics")["topics"];
    assert_eq!(
        (&topics[0]["name"], &topics[0]["max_id"]),
        (&json!("clients"), sent)
    );
    let rendered = &told.answer("render_message")["rendered"];
    assert_eq!(rendered, "<p>a &lt; b</p>");

    let download = told.answer("download");
    assert_eq!(download, &json!({"status": 200, "same": true}));
    let attachment = &told.answer("get_attachments")["attachments"][0];
    assert_eq!(attachment["name"], "evidence.bin");
    assert_eq!(attachment["size"], 256 * 64);
    let linked = &told.answer("send_message link")["id"];
    assert_eq!(&attachment["messages"][0]["id"], linked);
    let removed = told.answer("remove_subscriptions");
    assert_eq!(removed["removed"], json!(["judged"]));
}

/// Each thing that was done was told of, once, and nothing else was.
fn events(told: &Told) {
    assert_eq!(told.answer("register")["last_event_id"], -1);
    let event = |call: &str| -> Value {
        let events = told.answer(call)["events"].as_array().unwrap();
        let [only] = events.as_slice() else {
            panic!("{call}: {events:?}")
        };
        only.clone()
    };
    let sent = &told.answer("send_message")["id"];
    let message = event("get_events message");
    assert_eq!(message["type"], "message");
    assert_eq!(&message["message"]["id"], sent);
    let changed = event("get_events update_message");
    assert_eq!(changed["type"], "update_message");
    assert_eq!(changed["content"], "It is *restored*.");
    let gone = event("get_events delete_message");
    assert_eq!(gone["type"], "delete_message");
    assert_eq!(&gone["message_id"], sent);
    let queue = &told.answer("register")["queue_id"];
    assert_eq!(&told.answer("get_events deregistered")["queue_id"], queue);
}
