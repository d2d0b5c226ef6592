//! Discovery, key set, and what the authorize endpoint lets through.

use serde_json::{Value, json};

use super::server::{self, Zitadel, authorize_url, machine};

const APP: &str = "https://app.test/callback";

#[tokio::test]
async fn discovery_and_keys_are_as_clients_expect_them() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let browser = zitadel.browser();
    let answer = browser.get("/.well-known/openid-configuration").await;
    let found: Value = serde_json::from_str(&answer.body).unwrap();
    for (name, path) in [
        ("issuer", ""),
        ("authorization_endpoint", "/oauth/v2/authorize"),
        ("token_endpoint", "/oauth/v2/token"),
        ("introspection_endpoint", "/oauth/v2/introspect"),
        ("userinfo_endpoint", "/oidc/v1/userinfo"),
        ("revocation_endpoint", "/oauth/v2/revoke"),
        ("end_session_endpoint", "/oidc/v1/end_session"),
        (
            "device_authorization_endpoint",
            "/oauth/v2/device_authorization",
        ),
        ("jwks_uri", "/oauth/v2/keys"),
    ] {
        assert_eq!(found[name], format!("https://id.test{path}"), "{name}");
    }
    let methods = json!([
        "none",
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt"
    ]);
    assert_eq!(found["token_endpoint_auth_methods_supported"], methods);
    assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));

    let answer = browser
        .request("GET", "/oauth/v2/keys")
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.headers()["cache-control"],
        "max-age=300, must-revalidate"
    );
    let set: Value = answer.json().await.unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
    for key in keys {
        assert_eq!(
            (&key["use"], &key["kty"], &key["alg"]),
            (&json!("sig"), &json!("RSA"), &json!("RS256"))
        );
        assert!(key["n"].is_string() && key["e"] == "AQAB", "{key}");
    }
    let (_, listed) = zitadel.call("GET", "/v2/web_keys", Value::Null).await;
    assert_eq!(listed["webKeys"][0]["state"], "STATE_ACTIVE");
    assert_eq!(listed["webKeys"][1]["state"], "STATE_INITIAL");
}

async fn client(zitadel: &Zitadel) -> server::Client {
    let project = zitadel.project("stack", false).await;
    zitadel.client(&project, APP, "BASIC").await
}

#[tokio::test]
async fn an_unknown_client_or_address_is_told_to_the_person_and_never_redirected() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let client = client(&zitadel).await;
    let browser = zitadel.browser();
    for (id, uri) in [
        ("4711", APP),
        (client.id.as_str(), "https://evil.test/callback"),
        (client.id.as_str(), "https://app.test/callback/"),
        (client.id.as_str(), "https://app.test/callback?x"),
        (client.id.as_str(), ""),
    ] {
        let told = browser.get(&authorize_url(id, uri, &[])).await;
        assert_eq!(
            (told.status.as_u16(), told.location.as_str()),
            (400, ""),
            "{uri}"
        );
        let told: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(told["error"], "invalid_request");
    }
    let url = authorize_url(&client.id, APP, &[]).replace("=code", "=token");
    let told = browser.get(&url).await;
    assert_eq!(told.status, 400);
}

#[tokio::test]
async fn plain_addresses_need_the_development_mode() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let project = zitadel.project("stack", false).await;
    let path = format!("/management/v1/projects/{project}/apps/oidc");
    let mut app = json!({"name": "plain", "redirectUris": ["http://app.test/callback"]});
    let (status, told) = zitadel.call("POST", &path, app.clone()).await;
    assert_eq!((status, &told["code"]), (400, &json!(3)));
    app["devMode"] = true.into();
    let (status, _) = zitadel.call("POST", &path, app).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_login_is_where_the_instance_and_the_header_say() {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let client = client(&zitadel).await;
    let browser = zitadel.browser();
    let url = authorize_url(&client.id, APP, &[]);
    let first = browser.get(&url).await;
    assert_eq!(first.status, 302);
    assert!(first.location.starts_with("/ui/login/login?authRequestID="));
    let cookie = first.cookies.first().unwrap();
    assert!(cookie.starts_with("__Host-zitadel.useragent="), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
    let second = browser
        .request("GET", &url)
        .header("x-zitadel-login-client", "4711");
    let second = second.send().await.unwrap();
    let location = second.headers()["location"].to_str().unwrap();
    assert!(
        location.starts_with("/ui/v2/login/login?authRequest=V2_"),
        "{location}"
    );

    let on = json!({"loginV2": {"required": true}});
    let (status, _) = zitadel.call("PUT", "/v2/features/instance", on).await;
    assert_eq!(status, 200);
    let sent = browser.get(&url).await;
    assert!(
        sent.location
            .starts_with("/ui/v2/login/login?authRequest=V2_")
    );
    // Without the second container nobody answers there.
    let nobody = browser.get(&sent.location).await;
    assert_eq!(nobody.status, 404);
    let told: Value = serde_json::from_str(&nobody.body).unwrap();
    assert_eq!(
        (&told["code"], &told["message"]),
        (&json!(5), &json!("Not Found"))
    );
}
