//! What a changed `APP_KEY` takes away, and what it does not.

use serde_json::json;

use super::wiki::{code_now, key_of, machine, start};

#[tokio::test]
async fn a_changed_key_ends_sessions_and_second_factors_and_nothing_else() {
    let mut stack = machine();
    let wiki = start(&stack).await;
    wiki.plant_admin_token().await;
    let (_, page) = wiki.book_and_page().await;
    let new = json!({ "name": "Ada", "email": "ada@x.test", "password": "long enough" });
    wiki.api("POST", "/users", new).await;

    let browser = wiki.browser();
    browser.log_in("ada@x.test", "long enough").await;
    let enrolment = browser.get("/mfa/totp/generate").await;
    let secret = enrolment.secret();
    let wrong = browser
        .post(&enrolment, "/mfa/totp/confirm", &[("code", "000")])
        .await;
    assert_eq!(wrong.location, "http://wiki.test/mfa/totp/generate");
    let code = code_now(&secret, &stack.clock);
    let done = browser
        .post(&enrolment, "/mfa/totp/confirm", &[("code", &code)])
        .await;
    assert_eq!(done.location, "http://wiki.test/mfa/setup");
    let sealed = wiki.one("SELECT value FROM mfa_values", Vec::new()).await;
    assert!(!sealed.is_empty() && !sealed.contains(&secret));

    // The same key, after a restart: the second factor works, and the first alone does not.
    let cookie = session_cookie(&browser.get("/").await.cookies);
    wiki.running.stop().await;
    let wiki = start(&stack).await;
    assert_eq!(profile_status(&wiki, &cookie).await, 200);
    let browser = wiki.browser();
    let stopped = browser.log_in("ada@x.test", "long enough").await;
    assert_eq!(stopped.location, "http://wiki.test/mfa/verify");
    assert_eq!(browser.get("/my-account/profile").await.status, 302);
    let ask = browser.get("/mfa/verify").await;
    let wrong = browser
        .post(&ask, "/mfa/totp/verify", &[("code", "000000x")])
        .await;
    assert_eq!(wrong.location, "http://wiki.test/mfa/verify");
    let code = code_now(&secret, &stack.clock);
    let entered = browser
        .post(&ask, "/mfa/totp/verify", &[("code", &code)])
        .await;
    assert_eq!(entered.status, 302);
    assert!(
        browser
            .get("/my-account/profile")
            .await
            .body
            .contains("ada@x.test")
    );
    wiki.running.stop().await;

    stack.set("APP_KEY", &key_of(8));
    let wiki = start(&stack).await;
    assert_eq!(wiki.browser().get("/status").await.status, 200);
    let (status, read) = wiki
        .api("GET", &format!("/pages/{page}"), json!(null))
        .await;
    assert_eq!(status, 200);
    assert!(read["html"].as_str().unwrap().contains("4711"));
    assert_eq!(profile_status(&wiki, &cookie).await, 302);
    let browser = wiki.browser();
    assert_eq!(
        browser.log_in("admin@admin.com", "password").await.location,
        "http://wiki.test/"
    );
    let browser = wiki.browser();
    let stopped = browser.log_in("ada@x.test", "long enough").await;
    assert_eq!(stopped.location, "http://wiki.test/mfa/verify");
    let ask = browser.get("/mfa/verify").await;
    let code = code_now(&secret, &stack.clock);
    let failed = browser
        .post(&ask, "/mfa/totp/verify", &[("code", &code)])
        .await;
    assert_eq!(failed.status, 500);
    assert!(
        failed.body.contains("The MAC is invalid."),
        "{}",
        failed.body
    );
    let log = wiki.running.log.lines();
    assert!(
        log.iter()
            .any(|line| line == "production.ERROR: The MAC is invalid."),
        "{log:?}"
    );
}

fn session_cookie(cookies: &[String]) -> String {
    let cookie = cookies
        .iter()
        .find(|cookie| cookie.starts_with("bookstack_session="))
        .unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn profile_status(wiki: &super::wiki::Wiki, cookie: &str) -> u16 {
    let request = wiki
        .browser()
        .request("GET", "/my-account/profile")
        .header("cookie", cookie);
    request.send().await.unwrap().status().as_u16()
}
