//! The key chain: what another master key, or lost encryption keys, break, and what goes on.

use phoenix_understudies::platform::Database as _;
use serde_json::{Value, json};

use super::server::{self, Client, Zitadel, authorize_url, log_in, machine};
use crate::support::machine::Machine;

const APP: &str = "https://app.test/callback";

struct Before {
    machine: Machine,
    zitadel: Zitadel,
    client: Client,
    keys: String,
}

async fn before() -> Before {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let project = zitadel.project("stack", false).await;
    let client = zitadel.client(&project, APP, "BASIC").await;
    zitadel.person("ada", "ada@x.test").await;
    let keys = zitadel.browser().get("/oauth/v2/keys").await.body;
    Before {
        machine,
        zitadel,
        client,
        keys,
    }
}

/// Everything a look from outside sees is well: health, discovery, key set, the password.
async fn looks_well(zitadel: &Zitadel, keys: &str, client: &Client) -> (u16, Value) {
    let browser = zitadel.browser();
    for path in [
        "/debug/healthz",
        "/debug/ready",
        "/.well-known/openid-configuration",
    ] {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    assert_eq!(browser.get("/oauth/v2/keys").await.body, keys);
    let end = log_in(&browser, &authorize_url(&client.id, APP, &[]), "ada").await;
    let code = end.leads_with("code");
    let form = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", APP),
        ("code", &code),
    ];
    let request = browser.request("POST", "/oauth/v2/token");
    let request = request.basic_auth(&client.id, Some(&client.secret));
    let answer = request.form(&form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn cannot_sign(zitadel: &Zitadel, keys: &str, client: &Client, pat: &str) {
    let (status, told) = looks_well(zitadel, keys, client).await;
    assert_eq!(
        (status, &told["error"]),
        (500, &json!("server_error")),
        "{told}"
    );
    assert_eq!(told["error_description"], "Errors.Internal");
    let log = zitadel.running.log.lines();
    assert!(
        log.iter().any(|line| line.contains("QUERY-Iuk0s")),
        "{log:?}"
    );
    let request = zitadel
        .browser()
        .request("GET", "/management/v1/orgs/me")
        .bearer_auth(pat);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["code"], 16);
    assert!(refused["message"].as_str().unwrap().contains("AUTH-7fs1e"));
}

#[tokio::test]
async fn another_master_key_says_nothing_until_a_token_is_wanted() {
    let Before {
        mut machine,
        zitadel,
        client,
        keys,
    } = before().await;
    assert_eq!(looks_well(&zitadel, &keys, &client).await.0, 200);
    let pat = zitadel.pat.clone();
    zitadel.stop().await;
    machine.set("ZITADEL_MASTERKEY", "another-key-of-thirty-two-bytes!");
    let zitadel = server::start(&machine).await;
    cannot_sign(&zitadel, &keys, &client, &pat).await;
    zitadel.stop().await;
    // Nothing was spoiled: with the right key everything is as it was.
    machine.set("ZITADEL_MASTERKEY", server::MASTERKEY);
    let zitadel = server::start(&machine).await;
    assert_eq!(looks_well(&zitadel, &keys, &client).await.0, 200);
    assert_eq!(
        zitadel
            .call("GET", "/management/v1/orgs/me", Value::Null)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn lost_encryption_keys_are_made_anew_without_a_word() {
    let Before {
        machine,
        zitadel,
        client,
        keys,
    } = before().await;
    let pat = zitadel.pat.clone();
    let delete = "DELETE FROM system_encryption_keys";
    assert_eq!(zitadel.database.execute(delete, Vec::new()).await, Ok(11));
    zitadel.stop().await;
    let zitadel = server::start(&machine).await;
    let count = "SELECT count(*) FROM system_encryption_keys";
    let rows = zitadel.database.query(count, Vec::new()).await.unwrap();
    assert_eq!(rows[0].integer(0), 11);
    cannot_sign(&zitadel, &keys, &client, &pat).await;
}
