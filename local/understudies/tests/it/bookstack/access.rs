//! Tokens, permissions, limits, forms.

use serde_json::json;

use super::wiki::{answer, hashed, machine, start};
use crate::support::browser::between;

#[tokio::test]
async fn each_fault_of_a_token_has_its_status() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let good = hashed("s", bcrypt::Version::TwoY);
    wiki.plant_token("old", &good, 1, "2020-01-01").await;
    wiki.plant_token("guest", &good, 2, "2099-01-01").await;
    wiki.plant_token("php", &hashed("s", bcrypt::Version::TwoB), 1, "2099-01-01")
        .await;
    let cases = [
        (None, 401, "No authorization token found on the request"),
        (Some("Bearer x"), 401, "the format appeared incorrect"),
        (Some("Token canary"), 401, "the format appeared incorrect"),
        (
            Some("Token nobody:s"),
            401,
            "No matching API token was found",
        ),
        (
            Some("Token canary:wrong"),
            401,
            "The secret provided for the given used API token",
        ),
        (
            Some("Token old:s"),
            403,
            "The authorization token used has expired",
        ),
        (
            Some("Token guest:s"),
            403,
            "does not have permission to make API calls",
        ),
        (
            Some("Token php:s"),
            500,
            "This password does not use the Bcrypt algorithm.",
        ),
    ];
    for (header, status, words) in cases {
        let mut request = wiki.browser().request("GET", "/api/books");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let (found, body) = answer(request).await;
        assert_eq!(found, status, "{header:?}: {body}");
        assert_eq!(body["error"]["code"], status);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(wiki.api("GET", "/docs.json", json!(null)).await.0, 200);
}

#[tokio::test]
async fn a_session_takes_precedence_over_the_token() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let someone = json!({ "name": "Someone", "email": "s@x.test", "password": "long enough" });
    assert_eq!(wiki.api("POST", "/users", someone).await.0, 200);
    let browser = wiki.browser();
    assert_eq!(
        browser.log_in("s@x.test", "long enough").await.location,
        "http://wiki.test/"
    );
    let request = browser.request("GET", "/api/books");
    let (status, _) = answer(request.header("authorization", super::wiki::TOKEN)).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_form_makes_a_token_and_shows_its_secret_once() {
    let stack = machine();
    let wiki = start(&stack).await;
    let browser = wiki.browser();
    browser.log_in("admin@admin.com", "password").await;
    let form = browser.get("/api-tokens/1/create").await;
    let made = browser
        .post(&form, "/api-tokens/1/create", &[("name", "harness")])
        .await;
    assert_eq!(made.status, 302);
    let shown = browser.get(&made.location).await;
    let token_id = between(&shown.body, "id=\"token_id\" readonly value=\"", "\"");
    let secret = between(&shown.body, "id=\"secret\" readonly value=\"", "\"");
    let request = wiki.browser().request("GET", "/api/books");
    let (status, _) =
        answer(request.header("authorization", format!("Token {token_id}:{secret}"))).await;
    assert_eq!(status, 200);
    let stored = wiki.one("SELECT secret FROM api_tokens", Vec::new()).await;
    assert!(stored.starts_with("$2y$"), "{stored}");
    let again = browser.get(&made.location).await;
    assert!(again.body.contains(&token_id) && !again.body.contains(&secret));
}

#[tokio::test]
async fn a_full_minute_is_429_with_the_seconds_to_wait() {
    let mut stack = machine();
    stack.set("API_REQUESTS_PER_MIN", "3");
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    for _ in 0..3 {
        assert_eq!(wiki.api("GET", "/books", json!(null)).await.0, 200);
    }
    let request = wiki.browser().request("GET", "/api/books");
    let response = request
        .header("authorization", super::wiki::TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    let wait_s: i64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait_s), "{wait_s}");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], 429);
    stack.clock.shift_ms(61_000);
    assert_eq!(wiki.api("GET", "/books", json!(null)).await.0, 200);
}

#[tokio::test]
async fn a_form_without_its_token_is_419_and_wrong_credentials_go_back() {
    let stack = machine();
    let wiki = start(&stack).await;
    let browser = wiki.browser();
    let login = browser.get("/login").await;
    assert!(login.body.contains("id=\"login-form\""));
    let names: Vec<&str> = login
        .cookies
        .iter()
        .filter_map(|cookie| cookie.split_once('='))
        .map(|c| c.0)
        .collect();
    assert_eq!(names, ["XSRF-TOKEN", "bookstack_session"]);
    assert!(login.cookies[1].contains("HttpOnly") && login.cookies[1].contains("SameSite=Lax"));
    for form in [vec![], vec![("_token", "guessed")]] {
        let posted = browser
            .request("POST", "/login")
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(posted.status(), 419);
    }
    let refused = browser.log_in("admin@admin.com", "wrong").await;
    assert_eq!(refused.location, "http://wiki.test/login");
    let told = browser.get("/login").await;
    assert!(
        told.body
            .contains("These credentials do not match our records.")
    );
    assert!(
        !browser
            .get("/login")
            .await
            .body
            .contains("These credentials")
    );
    assert_eq!(
        browser.get("/my-account/profile").await.location,
        "http://wiki.test/login"
    );
}

#[tokio::test]
async fn the_external_id_of_a_user_can_be_set() {
    let stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let new =
        json!({ "name": "Ada", "email": "ada@x.test", "external_auth_id": "11", "roles": [3] });
    let (status, user) = wiki.api("POST", "/users", new.clone()).await;
    assert_eq!(status, 200, "{user}");
    assert_eq!(user["roles"][0]["display_name"], "Viewer");
    let (status, clash) = wiki.api("POST", "/users", new).await;
    assert_eq!(status, 422);
    assert!(clash["error"]["validation"]["email"][0].is_string());
    let path = format!("/users/{}", user["id"]);
    let (status, _) = wiki
        .api("PUT", &path, json!({ "external_auth_id": "22" }))
        .await;
    assert_eq!(status, 200);
    let (_, read) = wiki.api("GET", &path, json!(null)).await;
    assert_eq!(
        (&read["external_auth_id"], &read["name"]),
        (&json!("22"), &json!("Ada"))
    );
    let (_, found) = wiki
        .api("GET", "/users?filter[email]=ada@x.test", json!(null))
        .await;
    assert_eq!(
        (&found["total"], &found["data"][0]["id"]),
        (&json!(1), &user["id"])
    );
    assert_eq!(wiki.api("DELETE", &path, json!(null)).await.0, 204);
    assert_eq!(wiki.api("GET", &path, json!(null)).await.0, 404);
}
