//! Login V1 page by page, and the session API.

use serde_json::{Value, json};

use super::server::{
    self, Client, ISSUER, PASSWORD, Zitadel, authorize_url, log_in, machine, next, text,
};
use crate::support::browser::{Browser, Page};

const APP: &str = "https://app.test/callback";

async fn setting(checked: bool) -> (crate::support::machine::Machine, Zitadel, Client, String) {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let project = zitadel.project("stack", checked).await;
    let client = zitadel.client(&project, APP, "BASIC").await;
    zitadel.person("ada", "ada@x.test").await;
    (machine, zitadel, client, project)
}

fn error(page: &Page) -> &str {
    assert_eq!(page.status, 200, "every error page is");
    let marked = page.body.contains("class=\"lgn-error\"");
    assert!(
        marked && page.body.contains("lgn-error-message"),
        "{}",
        page.body
    );
    &page.body
}

/// The first page of a login.
async fn first(browser: &Browser, client: &Client) -> Page {
    let sent = browser.get(&authorize_url(&client.id, APP, &[])).await;
    browser.get(&sent.location).await
}

#[tokio::test]
async fn the_pages_lead_back_with_a_code_and_the_prompt_comes_once() {
    let (_machine, zitadel, client, _) = setting(false).await;
    let browser = zitadel.browser();
    let page = first(&browser, &client).await;
    let cookie = page.cookies.first().unwrap();
    assert!(cookie.starts_with("__Host-zitadel.login.csrf="), "{cookie}");
    let page = next(
        &browser,
        &page,
        "/ui/login/loginname",
        &[("loginName", "ada")],
    )
    .await;
    assert_eq!(
        (page.status.as_u16(), page.location.as_str()),
        (200, ""),
        "no redirect"
    );
    let fields = [("loginName", "ada"), ("password", PASSWORD)];
    let page = next(&browser, &page, "/ui/login/password", &fields).await;
    assert_eq!(page.status, 200);
    let page = next(&browser, &page, "/ui/login/mfa/prompt", &[("skip", "true")]).await;
    let prefix = "/oauth/v2/authorize/callback?id=";
    assert!(page.location.starts_with(prefix), "{}", page.location);
    let end = browser.get(&page.location).await;
    assert!(end.location.starts_with(APP), "{}", end.location);
    assert_eq!(end.leads_with("state"), "the state");
    assert!(!end.leads_with("code").is_empty());
    // Skipped once, it is not shown again: the password leads straight back.
    let browser = zitadel.browser();
    let page = first(&browser, &client).await;
    let page = next(
        &browser,
        &page,
        "/ui/login/loginname",
        &[("loginName", "ada@x.test")],
    )
    .await;
    let page = next(&browser, &page, "/ui/login/password", &fields).await;
    assert!(
        page.location.starts_with(prefix),
        "{} {}",
        page.status,
        page.body
    );
}

#[tokio::test]
async fn mistakes_are_pages_of_their_own() {
    let (_machine, zitadel, client, _) = setting(false).await;
    let browser = zitadel.browser();
    let page = first(&browser, &client).await;
    let told = next(
        &browser,
        &page,
        "/ui/login/loginname",
        &[("loginName", "eve")],
    )
    .await;
    assert!(error(&told).contains("User could not be found"));
    let page = next(
        &browser,
        &page,
        "/ui/login/loginname",
        &[("loginName", "ada")],
    )
    .await;
    let fields = [("loginName", "ada"), ("password", "wrong")];
    let told = next(&browser, &page, "/ui/login/password", &fields).await;
    assert!(error(&told).contains("Password is invalid"));
    let forged = [("gorilla.csrf.Token", "Zm9yZ2Vk"), ("loginName", "ada")];
    let told = browser.submit("/ui/login/loginname", &forged).await;
    assert!(error(&told).contains("CSRF"));
    // Another browser has neither the cookie of the form nor the one of the request.
    let stranger = zitadel.browser();
    let sent = browser.get(&authorize_url(&client.id, APP, &[])).await;
    let told = stranger.get(&sent.location).await;
    assert!(error(&told).contains("Auth Request not found"));
    let id = url::Url::parse(ISSUER)
        .unwrap()
        .join(&sent.location)
        .unwrap();
    let id = id.query_pairs().next().unwrap().1.into_owned();
    for browser in [&browser, &stranger] {
        let early = browser
            .get(&format!("/oauth/v2/authorize/callback?id={id}"))
            .await;
        assert_eq!(early.leads_with("error"), "interaction_required");
    }
    let none = browser.get("/oauth/v2/authorize/callback?id=4711").await;
    assert_eq!(none.status, 400);
}

#[tokio::test]
async fn a_project_that_asks_for_a_grant_lets_nobody_in_without() {
    let (_machine, zitadel, client, project) = setting(true).await;
    let url = authorize_url(&client.id, APP, &[]);
    let told = log_in(&zitadel.browser(), &url, "ada").await;
    assert!(error(&told).contains("grant required"));
    let (_, found) = zitadel.call("POST", "/v2/users", json!({})).await;
    let ada = found["result"]
        .as_array()
        .unwrap()
        .iter()
        .find(|user| user["username"] == "ada")
        .unwrap();
    zitadel.grant(&text(ada, "userId"), &project).await;
    let end = log_in(&zitadel.browser(), &url, "ada").await;
    assert!(end.location.starts_with(APP), "{}", end.location);
}

#[tokio::test]
async fn a_password_that_has_to_be_changed_is_changed_on_the_way() {
    let (_machine, zitadel, client, _) = setting(false).await;
    let human = json!({
        "userName": "bob", "profile": {"firstName": "Bob", "lastName": "B"},
        "email": {"email": "bob@x.test"}, "password": "Old-1", "passwordChangeRequired": true,
    });
    let (status, _) = zitadel
        .call("POST", "/management/v1/users/human/_import", human)
        .await;
    assert_eq!(status, 200);
    let browser = zitadel.browser();
    let mut page = first(&browser, &client).await;
    // Projections lag behind the write for a moment.
    page = loop {
        let named = next(
            &browser,
            &page,
            "/ui/login/loginname",
            &[("loginName", "bob")],
        )
        .await;
        if !named.body.contains("lgn-error") {
            break named;
        }
    };
    let fields = [("loginName", "bob"), ("password", "Old-1")];
    page = next(&browser, &page, "/ui/login/password", &fields).await;
    let change = |again: &'static str| {
        [
            ("loginName", "bob"),
            ("change-old-password", "Old-1"),
            ("change-new-password", PASSWORD),
            ("change-password-confirmation", again),
        ]
    };
    let path = "/ui/login/password/change";
    let told = next(&browser, &page, path, &change("another")).await;
    assert!(error(&told).contains("Password is invalid"));
    let page = next(&browser, &page, path, &change(PASSWORD)).await;
    assert!(page.body.contains("/ui/login/mfa/prompt"), "{}", page.body);
    let url = authorize_url(&client.id, APP, &[]);
    let end = log_in(&zitadel.browser(), &url, "bob").await;
    assert!(end.location.starts_with(APP), "{}", end.location);
}

#[tokio::test]
async fn a_session_of_the_api_finishes_a_request_once() {
    let (_machine, zitadel, client, _) = setting(false).await;
    let machine_user = {
        let (_, found) = zitadel.call("POST", "/v2/users", json!({})).await;
        let users = found["result"].as_array().unwrap().clone();
        let root = users.iter().find(|user| user["username"] == "root");
        text(root.unwrap(), "userId")
    };
    let app = zitadel.browser();
    let sent = app
        .request("GET", &authorize_url(&client.id, APP, &[]))
        .header("x-zitadel-login-client", machine_user)
        .send()
        .await
        .unwrap();
    let location = sent.headers()["location"].to_str().unwrap();
    let id = location.split_once("authRequest=").unwrap().1.to_owned();
    let path = format!("/v2/oidc/auth_requests/{id}");
    let (status, read) = zitadel.call("GET", &path, Value::Null).await;
    assert_eq!(
        (status, text(&read["authRequest"], "clientId")),
        (200, client.id)
    );
    let checks = |password: &str| {
        json!({"checks": {
            "user": {"loginName": "ada"}, "password": {"password": password},
        }})
    };
    let (status, _) = zitadel.call("POST", "/v2/sessions", checks("wrong")).await;
    assert_eq!(status, 400);
    let (status, session) = zitadel.call("POST", "/v2/sessions", checks(PASSWORD)).await;
    assert_eq!(status, 201);
    let finish = json!({"session": {
        "sessionId": session["sessionId"], "sessionToken": session["sessionToken"],
    }});
    let (status, finished) = zitadel.call("POST", &path, finish.clone()).await;
    assert_eq!(status, 200, "{finished}");
    assert!(text(&finished, "callbackUrl").starts_with(APP));
    let (status, again) = zitadel.call("POST", &path, finish).await;
    assert_eq!(status, 400);
    assert!(text(&again, "message").contains("already been handled"));
}
