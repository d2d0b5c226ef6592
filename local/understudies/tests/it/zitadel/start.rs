//! Variables, health, the first instance, the name that it is reached by.

use std::sync::Arc;
use std::time::Duration;

use phoenix_understudies::platform::BootError;
use serde_json::{Value, json};

use super::server::{self, MASTERKEY, machine, text};

#[tokio::test]
async fn a_master_key_has_thirty_two_bytes() {
    for (key, length) in [
        ("", 0),
        ("short", 5),
        (&format!("{MASTERKEY}\n"), 33),
        ("ömlaut-key-of-thirty-two-letters", 33),
    ] {
        let mut machine = machine();
        machine.set("ZITADEL_MASTERKEY", key);
        match server::try_start(&machine).await.err() {
            Some(BootError::Configuration(words)) => {
                let expected = format!("masterkey must be 32 bytes, but is {length}");
                assert_eq!(words, expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn health_is_of_the_process_and_readiness_of_the_database() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let browser = zitadel.browser();
    // Whatever the host: these paths never look for an instance.
    let ask = async |path: &str| {
        let request = browser.request("GET", path).header("host", "10.0.0.7");
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ask("/debug/healthz").await, (200, "ok".to_owned()));
    assert_eq!(ask("/debug/ready").await, (200, "\"ok\"".to_owned()));
    assert_eq!(ask("/debug/validate").await, (200, "\"ok\"".to_owned()));
    assert_eq!(ask("/debug/metrics").await.0, 200);
    machine.rows.drop().await;
    assert_eq!(ask("/debug/healthz").await, (200, "ok".to_owned()));
    let (status, words) = ask("/debug/ready").await;
    assert_eq!(status, 412);
    assert!(words.contains("API-F24h2") && words.contains("DB CONNECTION ERROR"));
    let (status, words) = ask("/debug/validate").await;
    assert_eq!(status, 200);
    let errors: Vec<String> = serde_json::from_str(&words).unwrap();
    assert!(errors[0].contains("API-F24h2"), "{words}");
    assert_eq!(ask("/debug/metrics").await.0, 200);
}

#[tokio::test]
async fn it_listens_last_and_waits_only_as_long_as_it_is_told() {
    let mut machine = machine();
    machine.database().close();
    // Before it is hidden: opened afterwards, a file would be made anew.
    let (first, second) = (machine.database(), machine.database());
    machine.rows.hide().await;
    let platform = machine.platform(first);
    let gone = phoenix_understudies::zitadel::start(platform).await.err();
    assert!(matches!(gone, Some(BootError::GaveUp(_))), "{gone:?}");
    machine.set("ZITADEL_DATABASE_POSTGRES_AWAITINITIALCONN", "30s");
    let mut platform = machine.platform(Arc::clone(&second));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    platform.listen = free.local_addr().unwrap();
    drop(free);
    let address = platform.listen;
    let starting = tokio::spawn(phoenix_understudies::zitadel::start(platform));
    // It is seen by its first question, not by the time that one takes on a busy machine.
    let asked = tokio::time::timeout(Duration::from_secs(25), second.refused()).await;
    assert!(asked.is_ok(), "it asks for its database");
    let refused = tokio::net::TcpStream::connect(address).await;
    assert!(refused.is_err(), "nothing listens while it starts");
    assert!(!starting.is_finished());
    machine.rows.show().await;
    let started = tokio::time::timeout(Duration::from_secs(60), starting).await;
    let running = started.unwrap().unwrap().unwrap();
    let log = running.log.lines();
    assert!(
        log[0].starts_with("unable to connect to database"),
        "{log:?}"
    );
    assert_eq!(log.last().unwrap(), "server is listening");
}

#[tokio::test]
async fn the_first_instance_is_made_once_and_its_token_written_once() {
    let mut machine = machine();
    let zitadel = server::start(&machine).await;
    let written = std::fs::read_to_string(machine.path("data/admin.pat")).unwrap();
    assert!(
        written.ends_with('\n') && written.trim() == zitadel.pat,
        "{written:?}"
    );
    let org = || {
        async |zitadel: &server::Zitadel| {
            let (status, org) = zitadel
                .call("GET", "/management/v1/orgs/me", Value::Null)
                .await;
            assert_eq!(status, 200, "{org}");
            org["org"].clone()
        }
    };
    let first = org()(&zitadel).await;
    assert_eq!(first["name"], "ZITADEL");
    assert_eq!(first["primaryDomain"], "zitadel.id.test");
    let pat = zitadel.pat.clone();
    zitadel.stop().await;

    machine.rob("data");
    machine.set("ZITADEL_FIRSTINSTANCE_ORG_NAME", "Another");
    machine.set("ZITADEL_DEFAULTINSTANCE_FEATURES_LOGINV2_REQUIRED", "true");
    let mut zitadel = server::start(&machine).await;
    assert_eq!(zitadel.pat, "", "no token is written over data");
    zitadel.pat = pat;
    assert_eq!(org()(&zitadel).await, first, "and the old one still opens");
    let (_, features) = zitadel
        .call("GET", "/v2/features/instance", Value::Null)
        .await;
    assert_eq!(features["loginV2"], json!({}));
    let old = zitadel.pat.clone();
    zitadel.stop().await;

    machine.rows.drop().await;
    let mut zitadel = server::start(&machine).await;
    let new = org()(&zitadel).await;
    assert_eq!(new["name"], "Another");
    assert_ne!(new["id"], first["id"]);
    zitadel.pat = old;
    let (status, refused) = zitadel
        .call("GET", "/management/v1/orgs/me", Value::Null)
        .await;
    assert_eq!((status, &refused["code"]), (401, &json!(16)));
}

#[tokio::test]
async fn without_a_path_the_first_token_is_in_the_log() {
    let mut machine = machine();
    machine.env.remove("ZITADEL_FIRSTINSTANCE_PATPATH");
    let mut zitadel = server::start(&machine).await;
    let lines = zitadel.running.log.lines();
    let at = lines
        .iter()
        .position(|line| line == "migration started: 03_default_instance");
    zitadel.pat = lines[at.unwrap() + 1].clone();
    let (status, _) = zitadel
        .call("GET", "/admin/v1/instances/me", Value::Null)
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn another_host_is_no_instance() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let browser = zitadel.browser();
    let ask = async |path: &str, host: &str| {
        let request = browser.request("GET", path).header("host", host);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let discovery = "/.well-known/openid-configuration";
    let (status, words) = ask(discovery, "evil.test").await;
    assert_eq!(status, 404);
    assert!(words.starts_with("unable to set instance using origin evil.test"));
    assert!(words.contains("(ExternalDomain is id.test)"), "{words}");
    let (status, words) = ask("/management/v1/orgs/me", "evil.test").await;
    let refused: Value = serde_json::from_str(&words).unwrap();
    assert_eq!((status, &refused["code"]), (404, &json!(5)));
    // The issuer is what was asked for, port and all.
    let (status, found) = ask(discovery, "id.test:8443").await;
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        (status, &found["issuer"]),
        (200, &json!("https://id.test:8443"))
    );
}

#[tokio::test]
async fn what_is_there_already_is_a_conflict_and_what_is_not_is_not_found() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let project = zitadel.project("stack", false).await;
    let (status, told) = zitadel
        .call("POST", "/management/v1/projects", json!({"name": "stack"}))
        .await;
    assert_eq!((status, &told["code"]), (409, &json!(6)));
    let person = zitadel.person("ada", "ada@x.test").await;
    zitadel.grant(&person, &project).await;
    let path = format!("/management/v1/users/{person}/grants");
    let (status, _) = zitadel
        .call("POST", &path, json!({"projectId": project}))
        .await;
    assert_eq!(status, 409);
    let (status, told) = zitadel.call("GET", "/v2/users/4711", Value::Null).await;
    assert_eq!((status, &told["code"]), (404, &json!(5)));
    let empty = json!({"queries": [{"nameQuery": {"name": "none"}}]});
    let (_, none) = zitadel
        .call("POST", "/management/v1/projects/_search", empty)
        .await;
    assert_eq!(
        none,
        json!({"details": {"totalResult": "0"}}),
        "no `result`"
    );
    let (status, told) = zitadel.call("GET", "/ui/v2/login/login", Value::Null).await;
    assert_eq!(
        (status, &told["code"], &told["message"]),
        (404, &json!(5), &json!("Not Found"))
    );
    // An id can be chosen: a provider built anew keeps the applications' links to its people.
    let chosen = json!({
        "userId": "123456789012345678", "username": "bob", "email": {"email": "b@x.test"},
        "profile": {"givenName": "Bob", "familyName": "B"},
    });
    let (status, made) = zitadel.call("POST", "/v2/users/human", chosen).await;
    assert_eq!(
        (status, text(&made, "userId").as_str()),
        (201, "123456789012345678")
    );
}
