//! A Zitadel behind TLS, its administrator's token, and a person who logs in page by page.

use std::sync::Arc;

use phoenix_understudies::platform::{BootError, Running};
use phoenix_understudies::zitadel;
use serde_json::{Value, json};

use crate::support::browser::{Browser, Page, between};
use crate::support::database::TestDatabase;
use crate::support::machine::Machine;
use crate::support::tls::Front;

pub(crate) const ISSUER: &str = "https://id.test";
pub(crate) const MASTERKEY: &str = "the-masterkey-has-thirty-2-bytes";
pub(crate) const PASSWORD: &str = "Correct-horse-9";

pub(crate) fn machine() -> Machine {
    Machine::new(&[
        ("ZITADEL_MASTERKEY", MASTERKEY),
        ("ZITADEL_EXTERNALDOMAIN", "id.test"),
        ("ZITADEL_FIRSTINSTANCE_ORG_MACHINE_MACHINE_USERNAME", "root"),
        ("ZITADEL_FIRSTINSTANCE_PATPATH", "admin.pat"),
        ("ZITADEL_DEFAULTINSTANCE_FEATURES_LOGINV2_REQUIRED", "false"),
    ])
}

pub(crate) struct Zitadel {
    pub(crate) running: Running,
    pub(crate) database: Arc<TestDatabase>,
    pub(crate) front: Front,
    pub(crate) pat: String,
}

pub(crate) async fn try_start(machine: &Machine) -> Result<Zitadel, BootError> {
    let database = machine.database();
    let running = zitadel::start(machine.platform(Arc::clone(&database))).await?;
    let pat = std::fs::read_to_string(machine.path("data/admin.pat")).unwrap_or_default();
    Ok(Zitadel {
        front: Front::start("id.test", running.address).await,
        running,
        database,
        pat: pat.trim().to_owned(),
    })
}

pub(crate) async fn start(machine: &Machine) -> Zitadel {
    try_start(machine).await.unwrap()
}

/// A client at the provider.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) app: String,
}

impl Zitadel {
    pub(crate) fn browser(&self) -> Browser {
        let names = [("id.test", self.front.address)];
        Browser::new(ISSUER, &names, &[&self.front.pem])
    }

    /// Status and JSON of a call of the API with the administrator's token.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.browser().request(method, path).bearer_auth(&self.pat);
        let answer = request.json(&body).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or(Value::Null),
        )
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let (status, made) = self.call("POST", path, body).await;
        assert!(status < 300, "{path}: {status} {made}");
        made
    }

    /// A project; with `checked` only people with a grant may use it.
    pub(crate) async fn project(&self, name: &str, checked: bool) -> String {
        let body = json!({
            "name": name, "projectRoleCheck": checked, "hasProjectCheck": checked,
        });
        text(&self.made("/management/v1/projects", body).await, "id")
    }

    pub(crate) async fn client(&self, project: &str, uri: &str, method: &str) -> Client {
        let body = json!({
            "name": format!("{uri} {method}"), "redirectUris": [uri],
            "authMethodType": format!("OIDC_AUTH_METHOD_TYPE_{method}"),
            "idTokenUserinfoAssertion": true,
        });
        let path = format!("/management/v1/projects/{project}/apps/oidc");
        let made = self.made(&path, body).await;
        Client {
            id: text(&made, "clientId"),
            secret: text(&made, "clientSecret"),
            app: text(&made, "appId"),
        }
    }

    /// A person who is known to every projection; the id.
    pub(crate) async fn person(&self, name: &str, email: &str) -> String {
        let body = json!({
            "username": name, "email": {"email": email, "isVerified": true},
            "profile": {"givenName": "Ada", "familyName": "Lovelace"},
            "password": {"password": PASSWORD, "changeRequired": false},
        });
        let id = text(&self.made("/v2/users/human", body).await, "userId");
        let path = format!("/v2/users/{id}");
        while self.call("GET", &path, json!({})).await.0 == 404 {
            tokio::task::yield_now().await;
        }
        id
    }

    pub(crate) async fn grant(&self, user: &str, project: &str) -> String {
        let path = format!("/management/v1/users/{user}/grants");
        let body = json!({"projectId": project, "roleKeys": []});
        text(&self.made(&path, body).await, "userGrantId")
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.database.close();
    }
}

pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
        .to_owned()
}

/// Logs in at the page that an authorize request leads to; where that ends.
pub(crate) async fn log_in(browser: &Browser, authorize: &str, name: &str) -> Page {
    let sent = browser.get(authorize).await;
    assert!(
        sent.location.starts_with("/ui/login/login?authRequestID="),
        "{} {}",
        sent.status,
        sent.location
    );
    let asked = browser.get(&format!("{ISSUER}{}", sent.location)).await;
    let page = next(
        browser,
        &asked,
        "/ui/login/loginname",
        &[("loginName", name)],
    )
    .await;
    if page.body.contains("lgn-error") {
        return page;
    }
    let fields = [("loginName", name), ("password", PASSWORD)];
    let page = next(browser, &page, "/ui/login/password", &fields).await;
    let page = if page.body.contains("/ui/login/mfa/prompt") {
        next(browser, &page, "/ui/login/mfa/prompt", &[("skip", "true")]).await
    } else {
        page
    };
    if page.location.is_empty() {
        return page;
    }
    browser.get(&format!("{ISSUER}{}", page.location)).await
}

/// Submits the form of a page with these fields.
pub(crate) async fn next(
    browser: &Browser,
    page: &Page,
    path: &str,
    fields: &[(&str, &str)],
) -> Page {
    assert!(
        page.body.contains(&format!("action=\"{path}\"")),
        "no form for {path} in {}",
        page.body
    );
    let token = between(&page.body, "name=\"gorilla.csrf.Token\" value=\"", "\"");
    let request = between(&page.body, "name=\"authRequestID\" value=\"", "\"");
    let mut form = vec![
        ("gorilla.csrf.Token", token.as_str()),
        ("authRequestID", request.as_str()),
    ];
    form.extend(fields);
    browser.submit(&format!("{ISSUER}{path}"), &form).await
}

/// Where an application sends the browser, with parameters of its own.
pub(crate) fn authorize_url(client: &str, uri: &str, extra: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("client_id", client),
        ("redirect_uri", uri),
        ("response_type", "code"),
        ("state", "the state"),
    ];
    if !extra.iter().any(|(name, _)| *name == "scope") {
        all.push(("scope", "openid profile email"));
    }
    all.extend(extra);
    let url = url::Url::parse_with_params(&format!("{ISSUER}/oauth/v2/authorize"), &all);
    url.unwrap().to_string()
}
