//! Keys, accounts, channels, and how often one may ask.

use serde_json::json;

use super::server::{OWNER, PASSWORD, Stack, answer};

#[tokio::test]
async fn a_password_gives_a_key_and_a_key_says_who() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let fetched = server.password("ROOT@chat.test", PASSWORD).await.good();
    assert_eq!(fetched["email"], OWNER);
    assert_eq!(fetched["api_key"], server.key);
    let me = server.api("GET", "/users/me", &[]).await.good();
    assert_eq!(
        (&me["email"], &me["delivery_email"]),
        (&json!(OWNER), &json!(OWNER))
    );
    assert_eq!(me["user_id"], fetched["user_id"]);
    let all = server.api("GET", "/users", &[]).await.good();
    assert_eq!(all["members"].as_array().unwrap().len(), 1);
    assert_eq!(all["members"][0]["delivery_email"], OWNER);
}

#[tokio::test]
async fn whoever_is_not_known_is_refused() {
    let stack = Stack::new();
    let mut server = stack.settled().await;
    let wrong = server.password(OWNER, "wrong").await;
    assert_eq!(
        wrong.refused(401),
        (
            "AUTHENTICATION_FAILED",
            "Your username or password is incorrect"
        )
    );
    let nobody = server.password("nobody@chat.test", PASSWORD).await;
    assert_eq!(
        nobody.refused(401),
        wrong.refused(401),
        "it is not told which"
    );
    let anonymous = answer(server.request("GET", "/api/v1/users/me")).await;
    assert_eq!(anonymous.refused(401).0, "UNAUTHORIZED");
    for scheme in ["Bearer abc", "Basic !!!", "Basic bm9jb2xvbg=="] {
        let request = server.request("GET", "/api/v1/users/me");
        let told = answer(request.header("authorization", scheme)).await;
        assert_eq!(told.refused(401).0, "INVALID_API_KEY", "{scheme}");
    }
    let key = std::mem::replace(&mut server.key, "another".to_owned());
    let told = server.api("GET", "/users/me", &[]).await;
    assert_eq!(told.refused(401), ("INVALID_API_KEY", "Invalid API key"));
    server.key = key;
    server
        .execute("UPDATE zerver_userprofile SET is_active = 0", Vec::new())
        .await;
    let told = server.api("GET", "/users/me", &[]).await;
    assert_eq!(
        told.refused(401),
        ("USER_DEACTIVATED", "Account is deactivated")
    );
    let told = server.password(OWNER, PASSWORD).await;
    assert_eq!(told.refused(401).0, "USER_DEACTIVATED");
}

#[tokio::test]
async fn passwords_can_be_switched_off() {
    let mut stack = Stack::new();
    stack.settled().await.stop().await;
    stack
        .machine
        .set("ZULIP_AUTH_BACKENDS", "GenericOpenIdConnectBackend");
    let server = stack.start().await;
    let told = server.password(OWNER, PASSWORD).await;
    assert_eq!(told.refused(401).0, "PASSWORD_AUTH_DISABLED");
    let settings = server.get("/api/v1/server_settings").await.good();
    assert_eq!(settings["authentication_methods"]["password"], false);
}

#[tokio::test]
async fn channels_are_made_and_joined_once() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let me = server.api("GET", "/users/me", &[]).await.good()["user_id"].to_string();
    let wanted = [(
        "subscriptions",
        r#"[{"name": "drills"}, {"name": "General"}]"#,
    )];
    let joined = server
        .api("POST", "/users/me/subscriptions", &wanted)
        .await
        .good();
    assert_eq!(joined["subscribed"][&me], json!(["drills"]));
    assert_eq!(joined["already_subscribed"][&me], json!(["General"]));
    let again = server
        .api("POST", "/users/me/subscriptions", &wanted)
        .await
        .good();
    assert_eq!(again["subscribed"][&me], json!([]));
    assert_eq!(server.one("SELECT COUNT(*) FROM zerver_stream").await, 2);
}

#[tokio::test]
async fn too_many_calls_have_to_wait() {
    let stack = Stack::new();
    let server = stack.settled().await;
    for _ in 0..200 {
        assert_eq!(server.api("GET", "/users/me", &[]).await.status, 200);
    }
    let told = server.api("GET", "/users/me", &[]).await;
    assert_eq!(
        told.refused(429),
        ("RATE_LIMIT_HIT", "API usage exceeded rate limit")
    );
    let wait = told.json["retry-after"].as_u64().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(told.retry_after, Some(wait.to_string()));
    stack.machine.clock.shift_ms(61_000);
    assert_eq!(server.api("GET", "/users/me", &[]).await.status, 200);
}

#[tokio::test]
async fn wrong_passwords_lock_a_name_out_for_many_minutes() {
    let stack = Stack::new();
    let server = stack.settled().await;
    for _ in 0..5 {
        assert_eq!(server.password(OWNER, "wrong").await.status, 401);
    }
    let told = server.password(OWNER, PASSWORD).await;
    assert_eq!(told.refused(429).0, "RATE_LIMIT_HIT");
    let wait: u64 = told.retry_after.unwrap().parse().unwrap();
    assert!(wait > 20 * 60, "{wait}");
    stack.machine.clock.shift_ms(31 * 60 * 1000);
    // The right one starts the count anew.
    for _ in 0..6 {
        assert_eq!(server.password(OWNER, PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let mut by_setting = Stack::new();
    by_setting.machine.set("SETTING_RATE_LIMITING", "False");
    let mut by_platform = Stack::new();
    by_platform.machine.behaviour.rate_limits = false;
    for stack in [by_setting, by_platform] {
        let server = stack.settled().await;
        for _ in 0..205 {
            assert_eq!(server.api("GET", "/users/me", &[]).await.status, 200);
        }
        for _ in 0..6 {
            assert_eq!(server.password(OWNER, "wrong").await.status, 401);
        }
    }
}
