//! Login by OpenID Connect: the whole dance with Zitadel over TLS, and each way in which it fails.

use phoenix_understudies::platform::Database as _;
use serde_json::{Value, json};

use super::server::{Server, Stack};
use crate::support::browser::{Browser, Page};
use crate::support::machine::Machine;
use crate::support::provider::Provider;
use crate::support::tls::Front;
use crate::zitadel::server::{self as provider, Zitadel, log_in};

const BASE: &str = "https://chat.test";
const COMPLETE: &str = "https://chat.test/complete/oidc/";
const SESSION: &str = "__Host-sessionid";

/// Zitadel and Zulip, each behind TLS, and each other's client.
pub(super) struct Setting {
    pub(super) stack: Stack,
    pub(super) server: Server,
    front: Front,
    zitadel: Zitadel,
    provider: Machine,
}

fn idps(client: &provider::Client, signup: &str) -> String {
    format!(
        "{{'zitadel': {{'oidc_url': 'https://id.test', 'display_name': 'Zitadel', \
         'client_id': '{}', 'secret': '{}', 'auto_signup': {signup}}}}}",
        client.id, client.secret
    )
}

const IDPS: &str = "SETTING_SOCIAL_AUTH_OIDC_ENABLED_IDPS";

fn with_provider(stack: &mut Stack, idps: &str) {
    for (name, value) in [
        ("CERTIFICATES", "manual"),
        (
            "ZULIP_AUTH_BACKENDS",
            "EmailAuthBackend,GenericOpenIdConnectBackend",
        ),
        (IDPS, idps),
    ] {
        stack.machine.set(name, value);
    }
}

/// With Ada at the provider, who may use the chat.
pub(super) async fn setting() -> Setting {
    let provider = provider::machine();
    let zitadel = provider::start(&provider).await;
    let client = ada(&zitadel).await;
    let mut stack = Stack::new();
    with_provider(&mut stack, &idps(&client, "True"));
    let resolver = &stack.machine.resolver;
    resolver.set("id.test", zitadel.front.address);
    stack.machine.trust_pem = vec![zitadel.front.pem.clone()];
    let server = stack.settled().await;
    Setting {
        front: Front::start("chat.test", server.running.address).await,
        stack,
        server,
        zitadel,
        provider,
    }
}

async fn ada(zitadel: &Zitadel) -> provider::Client {
    let project = zitadel.project("stack", true).await;
    let client = zitadel.client(&project, COMPLETE, "BASIC").await;
    let person = zitadel.person("ada", "ada@x.test").await;
    zitadel.grant(&person, &project).await;
    client
}

impl Setting {
    pub(super) fn browser(&self) -> Browser {
        let names = [
            ("chat.test", self.front.address),
            ("id.test", self.zitadel.front.address),
        ];
        Browser::new(BASE, &names, &[&self.front.pem, &self.zitadel.front.pem])
    }

    /// The server anew, with what the machine has now.
    pub(super) async fn restart(&mut self) {
        let next = {
            self.server.running.log.line("restart");
            self.stack.start().await
        };
        std::mem::replace(&mut self.server, next).stop().await;
        self.front.lead_to(self.server.running.address);
        self.server.fetch_key().await;
    }

    async fn set(&mut self, idps: &str) {
        self.stack.machine.set(IDPS, idps);
        self.restart().await;
    }
}

/// Up to the provider; where the browser is sent.
async fn leave(browser: &Browser, next: &str) -> Page {
    let settings = browser.get("/api/v1/server_settings").await;
    let settings: Value = serde_json::from_str(&settings.body).unwrap();
    let method = &settings["external_authentication_methods"][0];
    assert_eq!(method["name"], "oidc:zitadel");
    let start = browser
        .get(&format!("{}{next}", method["login_url"].as_str().unwrap()))
        .await;
    assert_eq!(start.status, 302, "{}", start.body);
    assert!(start.location.starts_with(&format!("{BASE}/login/oidc/")));
    browser.get(&start.location).await
}

/// Through the provider as Ada, and back; the answer of the callback.
async fn back(browser: &Browser) -> Page {
    let sent = leave(browser, "").await;
    assert_eq!(sent.leads_with("scope"), "openid profile email");
    assert_eq!(sent.leads_with("redirect_uri"), COMPLETE);
    let end = log_in(browser, &sent.location, "ada").await;
    browser.get(&end.location).await
}

/// All of it; who is logged in.
async fn dance(browser: &Browser) -> Value {
    let link = back(browser).await;
    let prefix = format!("{BASE}/accounts/login/subdomain/");
    assert!(link.location.starts_with(&prefix), "{}", link.location);
    let entered = browser.get(&link.location).await;
    assert_eq!(entered.location, format!("{BASE}/"));
    me(browser).await
}

async fn me(browser: &Browser) -> Value {
    let me = browser.get("/json/users/me").await;
    serde_json::from_str(&me.body).unwrap()
}

pub(super) async fn account(setting: &Setting, name: &str) -> Value {
    let me = dance(&setting.browser()).await;
    assert_eq!(me["delivery_email"], format!("{name}@x.test"), "{me}");
    me
}

/// The dance ends at the login page, with these words in the log, and nobody is in.
async fn refused(setting: &Setting, words: &str) {
    let browser = setting.browser();
    let end = back(&browser).await;
    ended(&browser, &setting.server, &end, words).await;
}

async fn ended(browser: &Browser, server: &Server, end: &Page, words: &str) {
    assert_eq!(end.location, format!("{BASE}/login/"), "{}", end.body);
    let log = server.running.log.lines();
    assert!(log.last().unwrap().contains(words), "{log:?}");
    assert_eq!(me(browser).await["code"], "UNAUTHORIZED");
}

#[tokio::test]
async fn a_person_is_registered_once_and_has_a_session() {
    let setting = setting().await;
    let browser = setting.browser();
    assert_eq!(me(&browser).await["code"], "UNAUTHORIZED");
    let first = dance(&browser).await;
    assert_eq!(
        (
            &first["delivery_email"],
            &first["full_name"],
            &first["is_admin"]
        ),
        (&json!("ada@x.test"), &json!("Ada Lovelace"), &json!(false))
    );
    let home = browser.get("/").await;
    assert!(
        home.body.contains("data-email=\"ada@x.test\""),
        "{}",
        home.body
    );
    let again = account(&setting, "ada").await;
    assert_eq!(again["user_id"], first["user_id"]);
    let login = setting.browser().get("/login/").await;
    assert!(login.body.contains("Log in with Zitadel"), "{}", login.body);
}

#[tokio::test]
async fn one_cookie_names_the_login_under_way_and_the_session() {
    let setting = setting().await;
    let browser = setting.browser();
    let sent = leave(&browser, "?next=/%23narrow/channel/general").await;
    let cookie = |page: &Page| {
        let line = page.cookies.first().unwrap().clone();
        assert!(line.starts_with(&format!("{SESSION}=")), "{line}");
        assert!(
            line.contains("; Secure") && line.contains("; Path=/"),
            "{line}"
        );
        line
    };
    let under_way = cookie(&sent);
    let end = log_in(&browser, &sent.location, "ada").await;
    let link = browser.get(&end.location).await;
    let entered = browser.get(&link.location).await;
    assert_ne!(cookie(&entered), under_way, "it is rotated at the login");
    assert_eq!(entered.location, format!("{BASE}/#narrow/channel/general"));
    // The link is good once.
    assert_eq!(setting.browser().get(&link.location).await.status, 400);
    for next in ["https://evil.test/", "//evil.test", "/\\evil.test"] {
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let browser = setting.browser();
        let path = format!("/accounts/login/social/oidc/zitadel?next={encoded}");
        assert_eq!(browser.get(&path).await.leads_with("next"), "/", "{next}");
    }
}

#[tokio::test]
async fn a_rebuilt_provider_still_lets_people_into_their_accounts() {
    let mut setting = setting().await;
    let first = account(&setting, "ada").await;
    let fresh = provider::machine();
    let zitadel = provider::start(&fresh).await;
    let client = ada(&zitadel).await;
    setting
        .stack
        .machine
        .resolver
        .set("id.test", zitadel.front.address);
    setting.stack.machine.trust_pem = vec![zitadel.front.pem.clone()];
    setting.zitadel = zitadel;
    setting.provider = fresh;
    setting.set(&idps(&client, "True")).await;
    assert_eq!(account(&setting, "ada").await["user_id"], first["user_id"]);
}

#[tokio::test]
async fn a_changed_email_is_another_account() {
    let setting = setting().await;
    let first = account(&setting, "ada").await;
    let rows = setting.provider.database();
    let email = async |email: &str| {
        let sql = "UPDATE projections_users14 SET email = ? WHERE username = 'ada'";
        assert_eq!(rows.execute(sql, vec![email.into()]).await, Ok(1));
    };
    email("married@x.test").await;
    let second = account(&setting, "married").await;
    assert_ne!(second["user_id"], first["user_id"]);
    email("ADA@x.test").await;
    assert_eq!(account(&setting, "ada").await["user_id"], first["user_id"]);
}

#[tokio::test]
async fn whoever_is_deactivated_stays_out() {
    let setting = setting().await;
    let browser = setting.browser();
    dance(&browser).await;
    let sql = "UPDATE zerver_userprofile SET is_active = 0 WHERE delivery_email = 'ada@x.test'";
    setting.server.execute(sql, Vec::new()).await;
    assert_eq!(
        me(&browser).await["code"],
        "UNAUTHORIZED",
        "the session ends"
    );
    let end = back(&setting.browser()).await;
    assert_eq!(
        end.location,
        format!("{BASE}/login/?is_deactivated=ada%40x.test")
    );
}

#[tokio::test]
async fn without_sign_up_a_form_stands_in_between() {
    let mut setting = setting().await;
    let known = setting.stack.machine.env[IDPS].replace("True", "False");
    account(&setting, "ada").await;
    setting.set(&known).await;
    account(&setting, "ada").await;
    let sql = "DELETE FROM zerver_userprofile WHERE delivery_email = 'ada@x.test'";
    setting.server.execute(sql, Vec::new()).await;
    let browser = setting.browser();
    let form = back(&browser).await;
    assert_eq!(form.status, 200);
    assert!(form.body.contains("Create your account"), "{}", form.body);
    assert_eq!(me(&browser).await["code"], "UNAUTHORIZED");
}

#[tokio::test]
async fn a_state_is_good_once_and_for_its_own_browser() {
    let setting = setting().await;
    let browser = setting.browser();
    let sent = leave(&browser, "").await;
    let end = log_in(&browser, &sent.location, "ada").await;
    let stranger = setting.browser();
    let told = stranger.get(&end.location).await;
    ended(&stranger, &setting.server, &told, "state missing").await;
    let wrong = end.location.replace("state=", "state=x");
    let told = browser.get(&wrong).await;
    ended(&browser, &setting.server, &told, "Wrong state parameter").await;
    let told = browser.get(&end.location).await;
    ended(&browser, &setting.server, &told, "state missing").await;
    let sent = leave(&browser, "").await;
    let state = sent.leads_with("state");
    let told = browser
        .get(&format!("{COMPLETE}?error=access_denied&state={state}"))
        .await;
    ended(&browser, &setting.server, &told, "access_denied").await;
}

#[tokio::test]
async fn a_redis_that_goes_takes_the_login_under_way_along() {
    use phoenix_understudies::platform::Cache as _;
    let setting = setting().await;
    let browser = setting.browser();
    let sent = leave(&browser, "").await;
    let end = log_in(&browser, &sent.location, "ada").await;
    setting.stack.redis.flush().await.unwrap();
    let told = browser.get(&end.location).await;
    ended(&browser, &setting.server, &told, "state missing").await;
    // And in the last hop.
    let link = back(&browser).await;
    setting.stack.redis.flush().await.unwrap();
    let told = browser.get(&link.location).await;
    assert_eq!(told.status, 400, "{}", told.body);
    assert_eq!(me(&browser).await["code"], "UNAUTHORIZED");
    // Who is in needs no Redis.
    dance(&browser).await;
    setting.stack.redis.close();
    assert_eq!(me(&browser).await["delivery_email"], "ada@x.test");
    assert_eq!(leave(&setting.browser(), "").await.status, 500);
}

#[tokio::test]
async fn another_secret_key_ends_sessions_and_nothing_else() {
    let mut setting = setting().await;
    let browser = setting.browser();
    let first = dance(&browser).await;
    let id = setting.server.say("content").await;
    setting.restart().await;
    assert_eq!(
        me(&browser).await["user_id"],
        first["user_id"],
        "a restart ends none"
    );
    setting.stack.machine.set("SECRETS_secret_key", "another");
    let key = setting.server.key.clone();
    setting.restart().await;
    assert_eq!(me(&browser).await["code"], "UNAUTHORIZED");
    assert_eq!(setting.server.key, key, "keys are rows");
    assert_eq!(
        setting.server.read(id).await.good()["raw_content"],
        "content"
    );
    assert_eq!(dance(&browser).await["user_id"], first["user_id"]);
}

#[tokio::test]
async fn a_wrong_client_secret_or_client_is_told() {
    let mut setting = setting().await;
    let right = setting.stack.machine.env[IDPS].clone();
    let wrong = right.replace("'secret': '", "'secret': 'x");
    setting.set(&wrong).await;
    refused(&setting, "Authentication failed: invalid_client").await;
    setting
        .set(&right.replace("'client_id': '", "'client_id': '9"))
        .await;
    let sent = leave(&setting.browser(), "").await;
    let told = setting.browser().get(&sent.location).await;
    assert_eq!(told.status, 400, "the provider knows no such client");
    setting.set(&right).await;
    account(&setting, "ada").await;
}

#[tokio::test]
async fn clocks_that_disagree_end_the_login() {
    let setting = setting().await;
    let clock = &setting.stack.machine.clock;
    clock.shift_ms(11 * 60 * 1000);
    refused(&setting, "Token error: Incorrect id_token: iat").await;
    clock.shift_ms(-5 * 60 * 1000);
    refused(&setting, "Token error: The token is not yet valid (iat)").await;
    clock.shift_ms(13 * 60 * 60 * 1000);
    refused(&setting, "Token error: Signature has expired").await;
    clock.shift_ms(60 * 1000);
    account(&setting, "ada").await;
}

#[tokio::test]
async fn a_provider_out_of_reach_is_a_configuration_error() {
    let mut setting = setting().await;
    let page = format!("{BASE}/config-error/oidc");
    setting.stack.machine.resolver.remove("id.test");
    let sent = leave(&setting.browser(), "").await;
    assert_eq!(sent.location, page);
    let told = setting.browser().get(&sent.location).await;
    assert!(
        told.body.contains("not configured correctly"),
        "{}",
        told.body
    );
    let log = setting.server.running.log.lines();
    assert!(
        log.last().unwrap().contains("could not resolve host"),
        "{log:?}"
    );
    let address = setting.zitadel.front.address;
    setting.stack.machine.resolver.set("id.test", address);
    setting.stack.machine.trust_pem = Vec::new();
    setting.restart().await;
    assert_eq!(leave(&setting.browser(), "").await.location, page);
    let other = setting.browser();
    let sent = other.get("/accounts/login/social/oidc/another").await;
    assert_eq!(sent.location, page);
}

#[tokio::test]
async fn without_the_backend_there_is_no_such_login() {
    let stack = Stack::new();
    let server = stack.settled().await;
    let settings = server.get("/api/v1/server_settings").await.good();
    assert_eq!(settings["external_authentication_methods"], json!([]));
    for path in ["/accounts/login/social/oidc/zitadel", "/login/oidc/"] {
        let told = server.get(path).await;
        assert!(told.refused(404).1.contains("not enabled"));
    }
}

/// A Zulip whose provider says whatever a test wants.
async fn bent() -> (Stack, Server, Front, Provider) {
    let provider = Provider::start(COMPLETE).await;
    provider.state.lock().unwrap().kid = "other".to_owned();
    let mut stack = Stack::new();
    let client = provider::Client {
        id: "client".to_owned(),
        secret: "the secret".to_owned(),
        app: String::new(),
    };
    with_provider(&mut stack, &idps(&client, "True"));
    stack.machine.resolver.set("id.test", provider.address);
    stack.machine.trust_pem = vec![provider.pem.clone()];
    let server = stack.settled().await;
    let front = Front::start("chat.test", server.running.address).await;
    (stack, server, front, provider)
}

#[tokio::test]
async fn a_token_has_to_be_of_this_provider_for_this_client_and_this_login() {
    let (_stack, server, front, provider) = bent().await;
    for (claim, value, words) in [
        ("nonce", json!("another"), "Incorrect id_token: nonce"),
        ("nonce", Value::Null, "Incorrect id_token: nonce"),
        ("aud", json!(["another"]), "Audience doesn't match"),
        ("iss", json!("https://evil.test"), "Invalid issuer"),
        ("at_hash", json!("of another token"), "Invalid access token"),
        ("exp", json!(1), "Signature has expired"),
        ("key", Value::Null, "Token error: Signature"),
        ("", Value::Null, ""),
    ] {
        let names = [("chat.test", front.address)];
        let browser = Browser::new(BASE, &names, &[&front.pem]);
        let sent = leave(&browser, "").await;
        provider.says("42", "ada@x.test");
        {
            let mut state = provider.state.lock().unwrap();
            state.codes.insert("code".to_owned(), String::new());
            state.userinfo = json!({"sub": "42", "email": "ada@x.test", "name": "Ada"});
            state.claims["nonce"] = sent.leads_with("nonce").into();
            state.claims["aud"] = json!(["client", "another"]);
            if !claim.is_empty() {
                state.claims[claim] = value;
            }
        }
        if claim == "key" {
            provider.sign_with_a_key_that_is_not_shown();
        }
        let state = sent.leads_with("state");
        let end = browser
            .get(&format!("{COMPLETE}?code=code&state={state}"))
            .await;
        if claim.is_empty() {
            let link = format!("{BASE}/accounts/login/subdomain/");
            assert!(
                end.location.starts_with(&link),
                "{} {}",
                end.location,
                end.body
            );
        } else {
            ended(&browser, &server, &end, words).await;
        }
    }
}
