//! Login through the adapter, and each way in which it fails.

use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::server::{SITE, Server, machine, start};
use crate::support::machine::Machine;

/// A provider that says whatever a test wants of the person.
#[derive(Clone)]
struct Provider {
    person: Arc<Mutex<Value>>,
    base: String,
}

impl Provider {
    async fn start() -> Self {
        let person = Arc::new(Mutex::new(json!({})));
        let routes = Router::new()
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&person));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            person,
            base: format!("http://{address}"),
        }
    }

    fn says(&self, person: Value) {
        *self.person.lock().unwrap() = person;
    }
}

async fn token(Form(form): Form<BTreeMap<String, String>>) -> (StatusCode, Json<Value>) {
    let expected = [
        ("client_id", "client"),
        ("client_secret", "the secret"),
        ("code", "code"),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "http://chat.test/signup/gitlab/complete"),
    ];
    let right = expected
        .iter()
        .all(|(name, value)| form.get(*name).is_some_and(|given| given == value));
    if right {
        let tokens = json!({"access_token": "at", "token_type": "Bearer"});
        (StatusCode::OK, Json(tokens))
    } else {
        let error = json!({"error": "invalid_client"});
        (StatusCode::UNAUTHORIZED, Json(error))
    }
}

async fn userinfo(State(person): State<Arc<Mutex<Value>>>) -> Json<Value> {
    Json(person.lock().unwrap().clone())
}

async fn setting() -> (Machine, Provider) {
    let provider = Provider::start().await;
    let mut machine = machine();
    let base = &provider.base;
    for (name, value) in [
        ("ENABLE", "true"),
        ("ID", "client"),
        ("SECRET", "the secret"),
        ("SCOPE", "profile email"),
        ("AUTHENDPOINT", &format!("{base}/authorize")),
        ("TOKENENDPOINT", &format!("{base}/token")),
        ("USERAPIENDPOINT", &format!("{base}/userinfo")),
    ] {
        machine.set(&format!("MM_GITLABSETTINGS_{name}"), value);
    }
    (machine, provider)
}

/// Status, place, page and session token at the end of a login.
async fn dance(server: &Server) -> (u16, String, String, Option<String>) {
    let start = server
        .request("GET", "/oauth/gitlab/login")
        .send()
        .await
        .unwrap();
    assert_eq!(start.status(), 302);
    let cookie = start.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let location = start.headers()["location"].to_str().unwrap();
    let url = url::Url::parse(location).unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query["scope"], "profile email");
    assert_eq!(
        query["redirect_uri"],
        format!("{SITE}/signup/gitlab/complete")
    );
    back(server, &query["state"], &cookie).await
}

async fn back(server: &Server, state: &str, cookie: &str) -> (u16, String, String, Option<String>) {
    let end = server
        .request("GET", "/signup/gitlab/complete")
        .query(&[("code", "code"), ("state", state)])
        .header("cookie", cookie)
        .send()
        .await
        .unwrap();
    let status = end.status().as_u16();
    let place = end
        .headers()
        .get("location")
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default();
    let session = end
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|value| value.to_str().unwrap().strip_prefix("MMAUTHTOKEN="))
        .filter_map(|value| value.split(';').next().map(str::to_owned))
        .next();
    (status, place, end.text().await.unwrap(), session)
}

fn ada(id: impl Into<Value>) -> Value {
    json!({"sub": "s", "id": id.into(), "email": "ada@x.test", "name": "Ada", "username": "ada"})
}

async fn me(server: &mut Server, session: Option<String>) -> Value {
    server.token = session.unwrap();
    let (_, me) = server.get("/api/v4/users/me").await;
    server.token.clear();
    me
}

#[tokio::test]
async fn a_person_is_registered_once_and_found_again_by_number() {
    let (machine, provider) = setting().await;
    let mut server = start(&machine).await;
    provider.says(ada(42));
    let (status, place, _, session) = dance(&server).await;
    assert_eq!((status, place.as_str()), (307, "http://chat.test/"));
    let first = me(&mut server, session).await;
    assert_eq!(
        (&first["email"], &first["auth_service"], &first["auth_data"]),
        (&json!("ada@x.test"), &json!("gitlab"), &json!("42"))
    );
    // A number that a rebuilt provider gave to somebody else opens the first one's account.
    provider.says(json!({"id": 42, "email": "eve@x.test", "username": "eve"}));
    let (_, _, _, session) = dance(&server).await;
    assert_eq!(me(&mut server, session).await["id"], first["id"]);
    // Another number with a known e-mail is refused.
    provider.says(ada(43));
    let (status, _, page, _) = dance(&server).await;
    assert_eq!(status, 400);
    assert!(page.contains("already an account associated"), "{page}");
}

#[tokio::test]
async fn only_a_number_is_an_id() {
    let (machine, provider) = setting().await;
    let server = start(&machine).await;
    for (person, words) in [
        (ada("42"), "of type int64"),
        (ada(0), "can&#39;t be 0"),
        (ada(Value::Null), "can&#39;t be 0"),
        (json!({"id": 7}), "e-mail should not be empty"),
    ] {
        provider.says(person.clone());
        let (status, _, page, session) = dance(&server).await;
        assert_eq!((status, session), (400, None), "{person}");
        assert!(page.contains(words), "{person}: {page}");
    }
}

#[tokio::test]
async fn a_scope_of_openid_is_another_edition() {
    let (mut machine, _provider) = setting().await;
    machine.set("MM_GITLABSETTINGS_SCOPE", "openid profile email");
    let server = start(&machine).await;
    let answer = server
        .request("GET", "/oauth/gitlab/login")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 501);
}

#[tokio::test]
async fn a_wrong_secret_is_a_bad_response() {
    let (mut machine, provider) = setting().await;
    machine.set("MM_GITLABSETTINGS_SECRET", "another");
    let server = start(&machine).await;
    provider.says(ada(42));
    let (status, _, page, _) = dance(&server).await;
    assert_eq!(status, 500);
    assert!(page.contains("Bad response from token request"), "{page}");
}

#[tokio::test]
async fn a_state_is_good_once_and_for_its_own_browser() {
    let (machine, provider) = setting().await;
    let server = start(&machine).await;
    provider.says(ada(42));
    let start = server
        .request("GET", "/oauth/gitlab/login")
        .send()
        .await
        .unwrap();
    let url = url::Url::parse(start.headers()["location"].to_str().unwrap()).unwrap();
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let (status, _, page, _) = back(&server, &query["state"], "MMOAUTH=somebody-else").await;
    assert_eq!(status, 400);
    assert!(page.contains("Invalid state token"), "{page}");
    let cookie = start.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let (status, ..) = back(&server, &query["state"], cookie).await;
    assert_eq!(status, 400, "it was used up");
}
