//! Posts, edits, deletes, files, tokens, search.

use serde_json::{Value, json};

use super::server::{SITE, machine, start};

#[tokio::test]
async fn a_post_lives_through_edit_delete_and_restart() {
    let machine = machine();
    let mut server = start(&machine).await;
    let channel = server.settle().await;
    let body = json!({"channel_id": channel, "message": "first words"});
    let (status, post) = server.call("POST", "/api/v4/posts", &body).await;
    assert_eq!(status, 201);
    let id = post["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v4/posts/{id}");
    let patch = json!({"message": "second words"});
    let (status, patched) = server.call("PUT", &format!("{path}/patch"), &patch).await;
    assert_eq!((status, &patched["id"]), (200, &json!(id)));
    server.stop().await;

    let mut server = start(&machine).await;
    server.log_in().await;
    let (_, read) = server.get(&path).await;
    assert_eq!(read["message"], "second words");
    let (_, all) = server
        .get(&format!("/api/v4/channels/{channel}/posts"))
        .await;
    assert_eq!(all["order"], json!([id]), "the old version is no post");
    let (status, _) = server.call("DELETE", &path, &Value::Null).await;
    assert_eq!(status, 200);
    let (status, gone) = server.get(&path).await;
    assert_eq!((status, &gone["status_code"]), (404, &json!(404)));
    let (_, all) = server
        .get(&format!("/api/v4/channels/{channel}/posts"))
        .await;
    assert_eq!(all["order"], json!([]));
}

#[tokio::test]
async fn search_finds_whole_words() {
    let machine = machine();
    let mut server = start(&machine).await;
    let channel = server.settle().await;
    let body = json!({"channel_id": channel, "message": "The phx-0badcafe-000001 burns"});
    server.call("POST", "/api/v4/posts", &body).await;
    let (_, team) = server.get("/api/v4/teams/name/ops").await;
    let path = format!(
        "/api/v4/teams/{}/posts/search",
        team["id"].as_str().unwrap()
    );
    for (terms, found) in [
        ("phx-0badcafe-000001", 1),
        ("phx-0badcafe", 0),
        ("the burns", 1),
    ] {
        let query = json!({"terms": terms, "is_or_search": false});
        let (_, answer) = server.call("POST", &path, &query).await;
        assert_eq!(answer["order"].as_array().unwrap().len(), found, "{terms}");
    }
}

#[tokio::test]
async fn rows_of_files_outlive_their_bytes() {
    let machine = machine();
    let mut server = start(&machine).await;
    let channel = server.settle().await;
    let (post, file) = server.post_file(&channel, b"\x00bytes\xff").await;
    let path = format!("/api/v4/files/{file}");
    let bytes = server.request("GET", &path).send().await.unwrap();
    assert_eq!(bytes.bytes().await.unwrap().as_ref(), b"\x00bytes\xff");
    let (_, info) = server.get(&format!("{path}/info")).await;
    assert_eq!(info["post_id"], json!(post));
    machine.rob("data");
    assert_eq!(server.get(&path).await.0, 404);
    assert_eq!(server.get(&format!("{path}/info")).await.0, 200);
}

#[tokio::test]
async fn a_public_link_dies_with_the_config_volume() {
    let machine = machine();
    let mut server = start(&machine).await;
    let channel = server.settle().await;
    let (_, file) = server.post_file(&channel, b"shown").await;
    let (_, link) = server.get(&format!("/api/v4/files/{file}/link")).await;
    let link = link["link"]
        .as_str()
        .unwrap()
        .strip_prefix(SITE)
        .unwrap()
        .to_owned();
    server.token.clear();
    assert_eq!(server.get(&link).await.0, 200, "nobody has to log in");
    assert_eq!(server.get(&format!("{link}x")).await.0, 400);
    server.stop().await;

    let server = start(&machine).await;
    assert_eq!(server.get(&link).await.0, 200, "a restart changes nothing");
    server.stop().await;
    machine.rob("config");
    let server = start(&machine).await;
    assert_eq!(server.get(&link).await.0, 400, "another salt");
}

#[tokio::test]
async fn a_personal_token_is_good_without_a_session() {
    let machine = machine();
    let mut server = start(&machine).await;
    server.settle().await;
    let (_, me) = server.get("/api/v4/users/me").await;
    let path = format!("/api/v4/users/{}/tokens", me["id"].as_str().unwrap());
    let (status, made) = server
        .call("POST", &path, &json!({"description": "drill"}))
        .await;
    assert_eq!(status, 200);
    server.token = made["token"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/v4/users/me").await.1["id"], me["id"]);
    server.token = "nobody".to_owned();
    let (status, refused) = server.get("/api/v4/users/me").await;
    assert_eq!(
        (status, refused["id"].as_str().unwrap()),
        (401, "api.context.session_expired.app_error")
    );
}

#[tokio::test]
async fn strangers_do_not_sign_up_where_the_server_is_closed() {
    let machine = machine();
    let mut server = start(&machine).await;
    server.settle().await;
    server.token.clear();
    let stranger = json!({"email": "eve@x.test", "username": "eve", "password": "long enough"});
    assert_eq!(server.call("POST", "/api/v4/users", &stranger).await.0, 403);
}

#[tokio::test]
async fn a_file_name_is_never_a_path() {
    let machine = machine();
    let mut server = start(&machine).await;
    let channel = server.settle().await;
    let path = format!("/api/v4/files?channel_id={channel}&filename=../../../escaped");
    let answer = server
        .request("POST", &path)
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    assert!(!machine.path("escaped").exists());
    let bad = format!("/api/v4/files?channel_id={channel}&filename=..");
    let answer = server.request("POST", &bad).body("x").send().await.unwrap();
    assert_eq!(answer.status(), 400);
}
