//! Logging in through the provider, hop by hop, and each way in which that fails.

use serde_json::json;

use super::wiki::{Wiki, code_now, machine, start};
use crate::support::browser::{Browser, Page, between};
use crate::support::machine::Machine;
use crate::support::provider::{ISSUER, Provider};

/// A wiki whose people log in through a provider.
pub(crate) struct Setting {
    pub(crate) stack: Machine,
    pub(crate) provider: Provider,
}

pub(crate) async fn setting() -> Setting {
    let provider = Provider::start("http://wiki.test/oidc/callback").await;
    let mut stack = machine();
    for (name, value) in [
        ("AUTH_METHOD", "oidc"),
        ("OIDC_NAME", "Zitadel"),
        ("OIDC_ISSUER", ISSUER),
        ("OIDC_ISSUER_DISCOVER", "true"),
        ("OIDC_CLIENT_ID", "client"),
        ("OIDC_CLIENT_SECRET", "the secret"),
    ] {
        stack.set(name, value);
    }
    stack.resolver.set("id.test", provider.address);
    stack.trust_pem = vec![provider.pem.clone()];
    Setting { stack, provider }
}

/// Up to the provider; where the application sends the browser.
async fn leave(browser: &Browser) -> Page {
    let login = browser.get("/login").await;
    assert!(
        login
            .body
            .contains("action=\"http://wiki.test/oidc/login\""),
        "{}",
        login.body
    );
    browser.post(&login, "/oidc/login", &[]).await
}

/// The whole dance; the answer of the callback.
async fn dance(setting: &Setting, browser: &Browser) -> Page {
    let sent = leave(browser).await;
    assert!(
        sent.location.starts_with("https://id.test/authorize?"),
        "{}",
        sent.location
    );
    let url = url::Url::parse(&sent.location).unwrap();
    let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["scope"], "openid profile email");
    assert_eq!(query["code_challenge_method"], "S256");
    let challenge = query["code_challenge"].clone();
    setting
        .provider
        .state
        .lock()
        .unwrap()
        .codes
        .insert("code".to_owned(), challenge);
    browser
        .get(&format!(
            "/oidc/callback?code=code&state={}",
            query["state"]
        ))
        .await
}

/// What the login page shows as an error.
async fn notice(browser: &Browser) -> String {
    let page = browser.get("/login").await;
    between(&page.body, "role=\"alert\"><span>", "</span>")
}

/// The dance ends at the login page, with these words on it.
async fn refused(setting: &Setting, wiki: &Wiki, words: &str) {
    let browser = wiki.browser();
    let end = dance(setting, &browser).await;
    assert_eq!(
        (end.status.as_u16(), end.location.as_str()),
        (302, "http://wiki.test/login")
    );
    let told = notice(&browser).await;
    assert!(told.contains(words), "{told}");
    assert_eq!(notice(&browser).await, "");
}

#[tokio::test]
async fn a_person_is_registered_once_and_found_again_by_subject_alone() {
    let setting = setting().await;
    let wiki = start(&setting.stack).await;
    let browser = wiki.browser();
    assert_eq!(browser.get("/my-account/profile").await.status, 302);
    setting.provider.says("42", "ada@x.test");
    let end = dance(&setting, &browser).await;
    assert_eq!(end.location, "http://wiki.test/my-account/profile");
    let profile = browser.get("/my-account/profile").await;
    assert!(profile.body.contains("ada@x.test") && profile.body.contains("Ada Lovelace"));
    let role = "SELECT r.display_name FROM roles r JOIN role_user ru ON ru.role_id = r.id \
                JOIN users u ON u.id = ru.user_id WHERE u.external_auth_id = '42'";
    assert_eq!(wiki.one(role, Vec::new()).await, "Viewer");

    setting.provider.says("42", "married@x.test");
    dance(&setting, &wiki.browser()).await;
    assert_eq!(
        wiki.one("SELECT COUNT(*) FROM users", Vec::new()).await,
        "3"
    );

    let home = browser.get("/").await;
    assert!(
        home.body
            .contains("action=\"http://wiki.test/oidc/logout\"")
    );
    assert_eq!(
        browser.post(&home, "/oidc/logout", &[]).await.location,
        "http://wiki.test/"
    );
    assert_eq!(browser.get("/my-account/profile").await.status, 302);

    // The provider was rebuilt: another subject, the same email.
    setting.provider.says("43", "ada@x.test");
    let clash = "A user with the email ada@x.test already exists but with different credentials.";
    refused(&setting, &wiki, clash).await;
}

#[tokio::test]
async fn the_local_login_is_closed_and_a_get_is_405() {
    let setting = setting().await;
    let wiki = start(&setting.stack).await;
    let browser = wiki.browser();
    let login = browser.get("/login").await;
    let fields = [("email", "admin@admin.com"), ("password", "password")];
    let closed = browser.post(&login, "/login", &fields).await;
    assert_eq!(
        (closed.status.as_u16(), closed.location.as_str()),
        (302, "http://wiki.test/")
    );
    assert_eq!(browser.get("/").await.status, 302);
    assert!(
        notice(&browser)
            .await
            .contains("You do not have permission")
    );
    assert_eq!(browser.get("/oidc/login").await.status, 405);
}

#[tokio::test]
async fn a_state_is_for_one_callback_and_for_the_next_request_only() {
    let setting = setting().await;
    let wiki = start(&setting.stack).await;
    setting.provider.says("42", "ada@x.test");
    let browser = wiki.browser();
    let forged = browser.get("/oidc/callback?code=code&state=forged").await;
    assert_eq!(forged.location, "http://wiki.test/login");
    assert_eq!(
        notice(&browser).await,
        "Login using Zitadel failed, system did not provide successful authorization"
    );
    let sent = leave(&browser).await;
    let state = between(&format!("{}&", sent.location), "&state=", "&");
    browser.get("/login").await;
    let late = browser
        .get(&format!("/oidc/callback?code=code&state={state}"))
        .await;
    assert_eq!(late.location, "http://wiki.test/login");
}

#[tokio::test]
async fn two_audiences_are_refused_until_the_theme_trims_them() {
    let mut setting = setting().await;
    let wiki = start(&setting.stack).await;
    setting.provider.says("42", "ada@x.test");
    setting.provider.state.lock().unwrap().claims["aud"] = json!(["client", "project"]);
    refused(
        &setting,
        &wiki,
        "Token audience value has 2 values, Expected 1",
    )
    .await;
    wiki.running.stop().await;

    setting.stack.set("APP_THEME", "zitadel");
    let wiki = start(&setting.stack).await;
    refused(
        &setting,
        &wiki,
        "Token audience value has 2 values, Expected 1",
    )
    .await;
    wiki.running.stop().await;

    let theme = setting.stack.path("data").join("themes/zitadel");
    std::fs::create_dir_all(&theme).unwrap();
    let php = "<?php Theme::listen(ThemeEvents::OIDC_ID_TOKEN_PRE_VALIDATE, fn () => 1);";
    std::fs::write(theme.join("functions.php"), php).unwrap();
    let wiki = start(&setting.stack).await;
    assert_eq!(
        dance(&setting, &wiki.browser()).await.location,
        "http://wiki.test/"
    );
}

#[tokio::test]
async fn a_new_signing_key_fails_for_fifteen_minutes_or_until_the_cache_is_cleared() {
    let mut setting = setting().await;
    setting.stack.set("HOSTNAME", "container-1");
    let wiki = start(&setting.stack).await;
    setting.provider.says("42", "ada@x.test");
    assert_eq!(
        dance(&setting, &wiki.browser()).await.location,
        "http://wiki.test/"
    );
    assert_eq!(setting.provider.state.lock().unwrap().discoveries, 1);
    setting.provider.rekey();
    let stale = "Token signature could not be validated using the provided keys";
    refused(&setting, &wiki, stale).await;
    wiki.running.stop().await;
    let wiki = start(&setting.stack).await;
    refused(&setting, &wiki, stale).await;
    assert_eq!(setting.provider.state.lock().unwrap().discoveries, 1);

    let platform = setting.stack.platform(setting.stack.database());
    phoenix_understudies::bookstack::clear_cache(&platform)
        .await
        .unwrap();
    assert_eq!(
        dance(&setting, &wiki.browser()).await.location,
        "http://wiki.test/"
    );

    setting.provider.rekey();
    refused(&setting, &wiki, stale).await;
    setting.stack.clock.shift_ms(15 * 60 * 1000 + 1000);
    assert_eq!(
        dance(&setting, &wiki.browser()).await.location,
        "http://wiki.test/"
    );
    setting.stack.clock.shift_ms(0);

    setting.provider.rekey();
    refused(&setting, &wiki, stale).await;
    wiki.running.stop().await;
    setting.stack.set("HOSTNAME", "container-2");
    let wiki = start(&setting.stack).await;
    assert_eq!(
        dance(&setting, &wiki.browser()).await.location,
        "http://wiki.test/"
    );
}

#[tokio::test]
async fn a_wrong_client_secret_is_500_with_the_providers_word() {
    let mut setting = setting().await;
    setting
        .stack
        .set("OIDC_CLIENT_SECRET", "of before the disaster");
    let wiki = start(&setting.stack).await;
    setting.provider.says("42", "ada@x.test");
    let end = dance(&setting, &wiki.browser()).await;
    assert_eq!(end.status, 500);
    assert!(end.body.contains("invalid_client"), "{}", end.body);
}

#[tokio::test]
async fn a_plain_issuer_is_500_and_discovery_tells_what_is_wrong() {
    let mut setting = setting().await;
    setting.stack.set("OIDC_ISSUER", "http://id.test");
    let wiki = start(&setting.stack).await;
    let browser = wiki.browser();
    let end = leave(&browser).await;
    assert_eq!(end.status, 500);
    assert!(
        end.body.contains("Issuer value must start with https://"),
        "{}",
        end.body
    );
    wiki.running.stop().await;

    setting.stack.set("OIDC_ISSUER", ISSUER);
    let wiki = start(&setting.stack).await;
    let discovery = setting.provider.state.lock().unwrap().discovery.clone();
    let told = async |discovery: serde_json::Value| {
        setting.provider.state.lock().unwrap().discovery = discovery;
        let browser = wiki.browser();
        let end = leave(&browser).await;
        assert_eq!(
            (end.status.as_u16(), end.location.as_str()),
            (302, "http://wiki.test/login")
        );
        notice(&browser).await
    };
    assert_eq!(
        told(json!("not found")).await,
        "OIDC Discovery Error: Error discovering provider settings from issuer at URL \
         https://id.test/.well-known/openid-configuration"
    );
    let mut slash = discovery.clone();
    slash["issuer"] = json!("https://id.test/");
    assert_eq!(
        told(slash).await,
        "OIDC Discovery Error: Unexpected issuer value found on discovery response"
    );
    setting.stack.resolver.remove("id.test");
    let unreachable = told(discovery.clone()).await;
    let words = "OIDC Discovery Error: HTTP request failed during discovery with error: ";
    assert!(
        unreachable.starts_with(words) && unreachable.contains("id.test"),
        "{unreachable}"
    );
    // A failure is not cached.
    setting
        .stack
        .resolver
        .set("id.test", setting.provider.address);
    assert_eq!(dance_starts(&wiki).await, 302);
}

async fn dance_starts(wiki: &Wiki) -> u16 {
    let sent = leave(&wiki.browser()).await;
    assert!(
        sent.location.starts_with("https://id.test/authorize?"),
        "{}",
        sent.location
    );
    sent.status.as_u16()
}

#[tokio::test]
async fn what_the_token_lacks_comes_from_userinfo_and_without_an_email_there_is_no_login() {
    let setting = setting().await;
    let wiki = start(&setting.stack).await;
    setting.provider.says("42", "ada@x.test");
    let none = json!({ "sub": "42", "name": "Ada" });
    {
        let mut state = setting.provider.state.lock().unwrap();
        state.claims.as_object_mut().unwrap().remove("email");
        state.userinfo = none;
    }
    refused(&setting, &wiki, "Could not find an email address").await;
    setting.provider.state.lock().unwrap().userinfo = json!({ "sub": "7", "email": "a@x.test" });
    refused(
        &setting,
        &wiki,
        "Subject value provided in the userinfo endpoint does not match",
    )
    .await;
    setting.provider.state.lock().unwrap().userinfo = json!({ "sub": "42", "email": "a@x.test" });
    let browser = wiki.browser();
    dance(&setting, &browser).await;
    assert!(
        browser
            .get("/my-account/profile")
            .await
            .body
            .contains("a@x.test")
    );
}

#[tokio::test]
async fn the_second_factor_stands_behind_the_dance_as_well() {
    let setting = setting().await;
    let wiki = start(&setting.stack).await;
    setting.provider.says("42", "ada@x.test");
    let browser = wiki.browser();
    dance(&setting, &browser).await;
    let enrolment = browser.get("/mfa/totp/generate").await;
    let secret = enrolment.secret();
    let code = code_now(&secret, &setting.stack.clock);
    browser
        .post(&enrolment, "/mfa/totp/confirm", &[("code", &code)])
        .await;
    let browser = wiki.browser();
    let end = dance(&setting, &browser).await;
    assert_eq!(end.location, "http://wiki.test/mfa/verify");
    assert_eq!(browser.get("/my-account/profile").await.status, 302);
    let ask = browser.get("/mfa/verify").await;
    let code = code_now(&secret, &setting.stack.clock);
    let entered = browser
        .post(&ask, "/mfa/totp/verify", &[("code", &code)])
        .await;
    assert_eq!(entered.location, "http://wiki.test/my-account/profile");
    assert!(
        browser
            .get("/my-account/profile")
            .await
            .body
            .contains("ada@x.test")
    );
}
