//! Messages: send, read, list, search, edit, delete.

use serde_json::json;

use super::server::Stack;

#[tokio::test]
async fn a_message_is_read_as_it_was_written_and_as_it_looks() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let id = server.say("a <b> & more\n\n").await;
    let read = server.read(id).await.good();
    let message = &read["message"];
    assert_eq!(message["content"], "a <b> & more", "its end is trimmed");
    assert_eq!(read["raw_content"], "a <b> & more");
    assert_eq!(
        (
            &message["display_recipient"],
            &message["subject"],
            &message["content_type"]
        ),
        (
            &json!("general"),
            &json!("drill"),
            &json!("text/x-markdown")
        )
    );
    let path = format!("/messages/{id}");
    let looks = server.api("GET", &path, &[]).await.good();
    assert_eq!(looks["message"]["content"], "<p>a &lt;b&gt; &amp; more</p>");
    assert_eq!(looks["message"]["content_type"], "text/html");
    assert_eq!(looks["raw_content"], "a <b> & more");
    let none = server.read(id + 1).await;
    assert_eq!(none.refused(400), ("BAD_REQUEST", "Invalid message(s)"));
}

#[tokio::test]
async fn messages_are_listed_around_an_anchor_and_narrowed() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(server.say(&format!("number {number}")).await);
    }
    assert_eq!(server.list("[]").await.len(), 5);
    let anchor = ids[2].to_string();
    for (before, after, expected, oldest, newest) in [
        ("1", "1", &[1, 2, 3][..], false, false),
        ("0", "2", &[2, 3, 4], false, false),
        ("9", "9", &[0, 1, 2, 3, 4], true, true),
    ] {
        let fields = [
            ("anchor", anchor.as_str()),
            ("num_before", before),
            ("num_after", after),
        ];
        let found = server.api("GET", "/messages", &fields).await.good();
        let got: Vec<i64> = found["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["id"].as_i64().unwrap())
            .collect();
        let wanted: Vec<i64> = expected.iter().map(|at| ids[*at]).collect();
        assert_eq!(got, wanted, "{before} {after}");
        assert_eq!(
            (
                &found["found_oldest"],
                &found["found_newest"],
                &found["found_anchor"]
            ),
            (&json!(oldest), &json!(newest), &json!(true))
        );
    }
    let narrow = |operator: &str, operand: &str| {
        json!([{"operator": operator, "operand": operand}]).to_string()
    };
    assert_eq!(server.list(&narrow("topic", "drill")).await.len(), 5);
    assert_eq!(server.list(&narrow("topic", "other")).await.len(), 0);
    assert_eq!(server.list(&narrow("channel", "general")).await.len(), 5);
    assert_eq!(server.list(&narrow("stream", "nowhere")).await.len(), 0);
    assert_eq!(
        server.list(&narrow("search", "number 3")).await,
        ["number 3"]
    );
}

#[tokio::test]
async fn search_finds_other_forms_only_with_the_dictionary() {
    let mut stack = Stack::new();
    let server = stack.settled().await;
    server.say("we walked the drill phx-7f-000001").await;
    let search = |word: &str| json!([{"operator": "search", "operand": word}]).to_string();
    for word in ["walking", "drills", "phx-7f-000001"] {
        assert_eq!(server.list(&search(word)).await.len(), 1, "{word}");
    }
    assert_eq!(server.list(&search("running")).await.len(), 0);
    if crate::support::database::server().is_some() {
        return; // Whether there is a dictionary is the server's to say.
    }
    server.stop().await;
    // Its tables came back by a restore into a server of another image.
    stack.machine.behaviour.dictionary = false;
    let mut server = stack.start().await;
    server.fetch_key().await;
    assert_eq!(server.list(&search("walking")).await.len(), 0);
    for word in ["walked", "phx-7f-000001"] {
        assert_eq!(server.list(&search(word)).await.len(), 1, "{word}");
    }
}

#[tokio::test]
async fn an_edit_and_a_deletion_are_kept_where_no_call_shows_them() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let id = server.say("first").await;
    // Read, and so cached, before each change.
    assert_eq!(server.list("[]").await, ["first"]);
    let path = format!("/messages/{id}");
    server
        .api("PATCH", &path, &[("content", "second")])
        .await
        .good();
    let read = server.read(id).await.good();
    assert_eq!(read["message"]["content"], "second");
    assert!(read["message"]["last_edit_timestamp"].is_i64(), "{read}");
    server.api("PATCH", &path, &[("content", " ")]).await.good();
    assert_eq!(server.read(id).await.good()["raw_content"], "(deleted)");
    server.api("DELETE", &path, &[]).await.good();
    assert_eq!(server.read(id).await.refused(400).1, "Invalid message(s)");
    assert_eq!(server.list("[]").await.len(), 0);
    for path in ["PATCH", "DELETE"] {
        let told = server
            .api(path, &format!("/messages/{id}"), &[("content", "x")])
            .await;
        assert_eq!(told.refused(400).1, "Invalid message(s)");
    }
    let archived = "SELECT COUNT(*) FROM zerver_archivedmessage";
    assert_eq!(server.one(archived).await, 1);
    assert_eq!(
        server.one("SELECT COUNT(*) FROM zerver_usermessage").await,
        0
    );
}

#[tokio::test]
async fn only_the_sender_edits_and_only_the_sender_or_an_admin_deletes() {
    let stack = Stack::new();
    let mut server = stack.settled().await;
    let sql = "INSERT INTO zerver_userprofile (realm_id, delivery_email, full_name, password, \
               api_key, role, is_active, date_joined) VALUES (1, ?, 'Eve', '!', ?, 400, 1, 0)";
    server
        .execute(sql, vec!["eve@x.test".into(), "evekey".into()])
        .await;
    let id = server.say("mine").await;
    let path = format!("/messages/{id}");
    let owner = (server.who.clone(), server.key.clone());
    (server.who, server.key) = ("eve@x.test".to_owned(), "evekey".to_owned());
    let told = server.api("PATCH", &path, &[("content", "hers")]).await;
    assert!(told.refused(400).1.contains("permission to edit"));
    let told = server.api("DELETE", &path, &[]).await;
    assert!(told.refused(400).1.contains("permission to delete"));
    let hers = server.say("hers").await;
    (server.who, server.key) = owner;
    let hers = format!("/messages/{hers}");
    let told = server.api("PATCH", &hers, &[("content", "mine")]).await;
    assert!(told.refused(400).1.contains("permission to edit"));
    server.api("DELETE", &hers, &[]).await.good();
    assert_eq!(server.read(id).await.good()["raw_content"], "mine");
}

#[tokio::test]
async fn a_channel_is_named_in_many_ways_and_has_to_be_there() {
    let stack = Stack::new();
    let server = stack.settled().await;
    for to in ["general", "GENERAL", "\"general\"", "[\"general\"]"] {
        let fields = [("type", "channel"), ("to", to), ("content", "x")];
        let sent = server.api("POST", "/messages", &fields).await.good();
        let read = server.read(sent["id"].as_i64().unwrap()).await.good();
        assert_eq!(read["message"]["subject"], "(no topic)");
    }
    let fields = [("type", "stream"), ("to", "nowhere"), ("content", "x")];
    let told = server.api("POST", "/messages", &fields).await;
    assert_eq!(
        told.refused(400),
        ("STREAM_DOES_NOT_EXIST", "Channel 'nowhere' does not exist")
    );
    let fields = [("type", "direct"), ("to", "general"), ("content", "x")];
    assert_eq!(
        server
            .api("POST", "/messages", &fields)
            .await
            .refused(400)
            .1,
        "Invalid type"
    );
}
