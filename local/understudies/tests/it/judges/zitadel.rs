//! `zitadel-client` of PyPI, the SDK of the Zitadel project: its v2 services speak Connect.

use serde_json::{Value, json};

use super::python::{Told, python};
use crate::support::tls::Front;
use crate::zitadel::server::{machine, start};

/// What the real server refuses too: the status, and the code by the protocol's name for it.
const REFUSED: &[(&str, u16, &str)] = &[
    ("add_human_user twice", 409, "already_exists"),
    ("create_session old password", 400, "invalid_argument"),
    ("organizations by session", 401, "unauthenticated"),
    ("get_session deleted", 404, "not_found"),
    ("add_key for a human", 400, "failed_precondition"),
    ("organizations by wrong token", 401, "unauthenticated"),
    ("organizations by removed token", 401, "unauthenticated"),
    ("create_project twice", 409, "already_exists"),
    ("get_project deleted", 404, "not_found"),
    ("get_user_by_id deleted", 404, "not_found"),
];
/// Where no token is had: the SDK says so before it calls.
const NO_TOKEN: &[&str] = &[
    "organizations by wrong secret",
    "organizations by removed key",
    "organizations by a secret of nobody",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_of_zitadel_finds_a_zitadel() {
    let Some(python) = python().await else { return };
    let mut machine = machine();
    machine.set("ZITADEL_EXTERNALDOMAIN", "localhost");
    let zitadel = start(&machine).await;
    let front = Front::start("localhost", zitadel.running.address).await;
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), &front.pem).unwrap();
    let issuer = format!("https://localhost:{}", front.address.port());
    let authority = authority.path().to_str().unwrap();
    let arguments = [issuer.as_str(), &zitadel.pat, authority];
    let told = Told::by(&python, "zitadel_sdk.py", &arguments).await;

    let mut calls = 0;
    for line in told.lines() {
        calls += 1;
        let call = line["call"].as_str().unwrap();
        let refused = &line["refused"];
        if let Some((_, status, code)) = REFUSED.iter().find(|(name, ..)| *name == call) {
            let was = (&refused["status"], &refused["body"]["code"]);
            assert_eq!(was, (&json!(status), &json!(code)), "{line}");
        } else if NO_TOKEN.contains(&call) {
            let why = refused["error"].as_str().unwrap_or_default();
            assert!(why.contains("Failed to refresh token"), "{line}");
        } else {
            assert_eq!(refused, &Value::Null, "{line}");
        }
    }
    assert_eq!(calls, 55);
    people(&told);
    machines(&told);
    projects(&told);
}

fn people(told: &Told) {
    let person = &told.answer("add_human_user")["userId"];
    let read = &told.answer("get_user_by_id")["user"];
    assert_eq!(&read["userId"], person);
    assert_eq!(read["human"]["email"]["email"], "ada@judge.test");
    let found = &told.answer("list_users")["result"];
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert_eq!(&found[0]["userId"], person);
    // The first instance's human and machine, and the two that were made here.
    let all = told.answer("list_users all")["result"].as_array().unwrap();
    assert_eq!(all.len(), 4, "{all:?}");
    let metadata = &told.answer("list_user_metadata")["metadata"];
    assert_eq!(metadata[0]["key"], "canary");
    assert_eq!(metadata[0]["value"], "YSB5ZWxsb3cgYmlyZA==");
    let session = &told.answer("get_session")["session"];
    assert_eq!(&session["factors"]["user"]["id"], person);
    let keys = told.answer("list_web_keys")["webKeys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0]["state"], "STATE_ACTIVE");
    let features = told.answer("get_instance_features");
    assert!(features["loginV2"].is_object(), "{features}");
}

fn machines(told: &Told) {
    let organisations = &told.answer("organizations by token")["result"];
    assert_eq!(organisations[0]["name"], "ZITADEL");
    // All three ways in lead to the same organisation.
    for way in ["machine token", "secret", "key"] {
        let seen = &told.answer(&format!("organizations by {way}"))["result"];
        assert_eq!(seen[0]["id"], organisations[0]["id"], "{way}");
    }
    let keys = told.answer("list_keys")["result"].as_array().unwrap();
    let [key] = keys.as_slice() else {
        panic!("{keys:?}")
    };
    assert_eq!(key["id"], told.answer("add_key")["keyId"]);
}

fn projects(told: &Told) {
    let project = &told.answer("create_project")["projectId"];
    let read = &told.answer("get_project")["project"];
    assert_eq!(&read["projectId"], project);
    assert_eq!(read["authorizationRequired"], true);
    let listed = told.answer("list_projects")["projects"].as_array().unwrap();
    let [listed] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!(&listed["projectId"], project);
    let roles = &told.answer("list_project_roles")["projectRoles"];
    assert_eq!(roles[0]["key"], "reader");
    let grant = &told.answer("list_authorizations")["authorizations"][0];
    assert_eq!(grant["user"]["id"], told.answer("add_human_user")["userId"]);
    assert_eq!(grant["roles"][0]["key"], "reader");

    let made = told.answer("create_application");
    let secret = made["oidcConfiguration"]["clientSecret"].as_str().unwrap();
    let again = told.answer("generate_client_secret")["clientSecret"].as_str();
    assert_ne!(again.unwrap(), secret);
    let read = &told.answer("get_application")["application"];
    let uris = &read["oidcConfiguration"]["redirectUris"];
    assert_eq!(uris, &json!(["https://app.judge.test/back"]));
    let listed = &told.answer("list_applications")["applications"];
    assert_eq!(listed[0]["applicationId"], made["applicationId"]);
    assert_eq!(&listed[0]["projectId"], project);
}
