//! The token endpoint, the claims, userinfo, and the operator's actions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use phoenix_understudies::shared::oidc::{Jwk, challenge, verified_claims};
use serde_json::{Value, json};

use super::server::{self, Client, ISSUER, Zitadel, authorize_url, log_in, machine, text};

const APP: &str = "https://app.test/callback";

/// How a client proves itself.
#[derive(Clone, Copy)]
enum Proof<'a> {
    Basic(&'a str),
    Post(&'a str),
    None,
    Both,
}

struct Setting {
    _machine: crate::support::machine::Machine,
    zitadel: Zitadel,
    project: String,
}

async fn setting() -> Setting {
    let machine = machine();
    let zitadel = server::start(&machine).await;
    let project = zitadel.project("stack", false).await;
    zitadel.person("ada", "ada@x.test").await;
    Setting {
        _machine: machine,
        zitadel,
        project,
    }
}

impl Setting {
    /// A code, as Ada.
    async fn code(&self, client: &Client, extra: &[(&str, &str)]) -> String {
        let url = authorize_url(&client.id, APP, extra);
        let end = log_in(&self.zitadel.browser(), &url, "ada").await;
        end.leads_with("code")
    }

    /// Status and answer of an exchange.
    async fn exchange(
        &self,
        client: &Client,
        proof: Proof<'_>,
        fields: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut form = vec![("grant_type", "authorization_code"), ("redirect_uri", APP)];
        form.extend(fields);
        let browser = self.zitadel.browser();
        let mut request = browser.request("POST", "/oauth/v2/token");
        match proof {
            Proof::Basic(secret) => request = request.basic_auth(&client.id, Some(secret)),
            Proof::Post(secret) => {
                form.extend([("client_id", client.id.as_str()), ("client_secret", secret)]);
            }
            Proof::None => form.push(("client_id", client.id.as_str())),
            Proof::Both => {
                request = request.basic_auth(&client.id, Some(&client.secret));
                form.push(("client_secret", client.secret.as_str()));
            }
        }
        let answer = request.form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Tokens of a login as Ada.
    async fn tokens(&self, client: &Client, extra: &[(&str, &str)]) -> Value {
        let code = self.code(client, extra).await;
        let proof = Proof::Basic(&client.secret);
        let (status, tokens) = self.exchange(client, proof, &[("code", &code)]).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// The claims of an ID token, whose signature fits the key set.
    async fn claims(&self, tokens: &Value) -> Value {
        let set = self.zitadel.browser().get("/oauth/v2/keys").await;
        let set: Value = serde_json::from_str(&set.body).unwrap();
        let keys: Vec<Jwk> = serde_json::from_value(set["keys"].clone()).unwrap();
        verified_claims(&text(tokens, "id_token"), &keys, true).unwrap()
    }

    async fn userinfo(&self, token: &str) -> (u16, Value) {
        let browser = self.zitadel.browser();
        let request = browser
            .request("GET", "/oidc/v1/userinfo")
            .bearer_auth(token);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        if status == 200 {
            assert_eq!(answer.headers()["content-type"], "application/json");
        }
        (status, answer.json().await.unwrap())
    }

    async fn action(&self, name: &str) {
        let body = json!({"name": name});
        let (status, _) = self
            .zitadel
            .call("POST", "/management/v1/actions", body)
            .await;
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn a_secret_is_good_wherever_it_is_sent_but_not_twice() {
    let setting = setting().await;
    for method in ["BASIC", "POST"] {
        let client = setting.zitadel.client(&setting.project, APP, method).await;
        for proof in [Proof::Basic(&client.secret), Proof::Post(&client.secret)] {
            let code = setting.code(&client, &[]).await;
            let (status, tokens) = setting.exchange(&client, proof, &[("code", &code)]).await;
            assert_eq!((status, &tokens["token_type"]), (200, &json!("Bearer")));
            // A code is good once.
            let (status, told) = setting.exchange(&client, proof, &[("code", &code)]).await;
            assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
        }
        let code = setting.code(&client, &[]).await;
        let fields = [("code", code.as_str())];
        for (proof, error) in [
            (Proof::Both, "invalid_request"),
            (Proof::Basic("wrong"), "invalid_client"),
            (Proof::Post("wrong"), "invalid_client"),
            (Proof::Post(""), "invalid_client"),
            (Proof::None, "invalid_client"),
        ] {
            let (status, told) = setting.exchange(&client, proof, &fields).await;
            assert_eq!((status, &told["error"]), (400, &json!(error)), "{told}");
            assert!(told["error_description"].is_string(), "{told}");
        }
        // None of that used the code up.
        let proof = Proof::Basic(&client.secret);
        assert_eq!(setting.exchange(&client, proof, &fields).await.0, 200);
    }
    let client = setting.zitadel.client(&setting.project, APP, "NONE").await;
    let stranger = Client {
        id: "4711".to_owned(),
        ..client
    };
    let (status, told) = setting.exchange(&stranger, Proof::Post("x"), &[]).await;
    assert_eq!((status, &told["error"]), (400, &json!("invalid_client")));
}

#[tokio::test]
async fn a_client_without_a_secret_needs_the_proof_key() {
    let setting = setting().await;
    let client = setting.zitadel.client(&setting.project, APP, "NONE").await;
    let verifier = "a-verifier-that-is-long-enough-for-anybody-who-counts";
    let challenge = challenge(verifier);
    let pkce = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let code = setting.code(&client, &pkce).await;
    let fields = [("code", code.as_str()), ("code_verifier", verifier)];
    assert_eq!(setting.exchange(&client, Proof::None, &fields).await.0, 200);
    for (extra, verifier) in [(&pkce[..], "another"), (&pkce, ""), (&[], verifier)] {
        let code = setting.code(&client, extra).await;
        let fields = [("code", code.as_str()), ("code_verifier", verifier)];
        let (status, told) = setting.exchange(&client, Proof::None, &fields).await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_grant")));
    }
    // Who sends a challenge is held to it, secret or not.
    let client = setting.zitadel.client(&setting.project, APP, "BASIC").await;
    let code = setting.code(&client, &pkce).await;
    let proof = Proof::Basic(&client.secret);
    let (status, _) = setting.exchange(&client, proof, &[("code", &code)]).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_code_is_for_its_client_and_its_address_and_a_minute() {
    let setting = setting().await;
    let client = setting.zitadel.client(&setting.project, APP, "BASIC").await;
    let other = setting.zitadel.client(&setting.project, APP, "POST").await;
    let proof = Proof::Basic(&client.secret);
    let code = setting.code(&client, &[]).await;
    let stolen = Proof::Basic(&other.secret);
    let (_, told) = setting.exchange(&other, stolen, &[("code", &code)]).await;
    assert_eq!(told["error"], "invalid_grant");
    let code = setting.code(&client, &[]).await;
    let fields = [
        ("code", code.as_str()),
        ("redirect_uri", "https://evil.test"),
    ];
    let (_, told) = setting.exchange(&client, proof, &fields).await;
    assert_eq!(told["error"], "invalid_grant");
    let code = setting.code(&client, &[]).await;
    setting._machine.clock.shift_ms(61_000);
    let (_, told) = setting.exchange(&client, proof, &[("code", &code)]).await;
    assert_eq!(told["error"], "invalid_grant");
    let fields = [("grant_type", "password")];
    let (status, told) = setting.exchange(&client, proof, &fields).await;
    assert_eq!(
        (status, &told["error"]),
        (400, &json!("unsupported_grant_type"))
    );
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one() {
    let setting = setting().await;
    let client = setting.zitadel.client(&setting.project, APP, "BASIC").await;
    let path = format!(
        "/management/v1/projects/{}/apps/{}/oidc_config/_generate_client_secret",
        setting.project, client.app
    );
    let (status, made) = setting.zitadel.call("POST", &path, json!({})).await;
    assert_eq!(status, 200);
    let secret = text(&made, "clientSecret");
    let code = setting.code(&client, &[]).await;
    let fields = [("code", code.as_str())];
    let (_, told) = setting
        .exchange(&client, Proof::Basic(&client.secret), &fields)
        .await;
    assert_eq!(told["error"], "invalid_client");
    let (status, _) = setting
        .exchange(&client, Proof::Basic(&secret), &fields)
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn the_id_token_says_who_for_whom_and_how() {
    let setting = setting().await;
    let client = setting.zitadel.client(&setting.project, APP, "BASIC").await;
    let other = setting.zitadel.client(&setting.project, APP, "POST").await;
    let tokens = setting.tokens(&client, &[("nonce", "the nonce")]).await;
    let claims = setting.claims(&tokens).await;
    assert_eq!(
        (
            &claims["iss"],
            &claims["azp"],
            &claims["client_id"],
            &claims["nonce"]
        ),
        (
            &json!(ISSUER),
            &json!(client.id),
            &json!(client.id),
            &json!("the nonce")
        )
    );
    let mut expected = vec![client.id.clone(), other.id, setting.project.clone()];
    let mut audience: Vec<String> = serde_json::from_value(claims["aud"].clone()).unwrap();
    expected.sort();
    audience.sort();
    assert_eq!(
        audience, expected,
        "every client of the project, and the project"
    );
    assert_eq!(
        (&claims["email"], &claims["name"]),
        (&json!("ada@x.test"), &json!("Ada Lovelace"))
    );
    for name in ["sub", "sid", "at_hash"] {
        assert!(claims[name].is_string(), "{name} in {claims}");
    }
    let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(Some(lasts), tokens["expires_in"].as_i64());
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert!(
        claims.get("groups").is_none() && claims.get("id").is_none(),
        "{claims}"
    );
    let head = text(&tokens, "id_token");
    let head = URL_SAFE_NO_PAD
        .decode(head.split('.').next().unwrap())
        .unwrap();
    let head: Value = serde_json::from_slice(&head).unwrap();
    assert_eq!(head["alg"], "RS256");

    setting.action("singleAudience").await;
    let claims = setting.claims(&setting.tokens(&client, &[]).await).await;
    assert_eq!(claims["aud"], json!([client.id]));
}

#[tokio::test]
async fn userinfo_has_what_the_scope_asks_for_and_a_number_only_with_the_action() {
    let setting = setting().await;
    let client = setting.zitadel.client(&setting.project, APP, "BASIC").await;
    let token = text(&setting.tokens(&client, &[]).await, "access_token");
    let (status, all) = setting.userinfo(&token).await;
    assert_eq!(status, 200);
    assert_eq!(
        (
            &all["email"],
            &all["email_verified"],
            &all["preferred_username"]
        ),
        (&json!("ada@x.test"), &json!(true), &json!("ada"))
    );
    assert!(all["sub"].is_string() && all.get("id").is_none(), "{all}");
    // A scope that is not known is dropped without a word.
    let scope = [("scope", "openid read_user")];
    let few = text(&setting.tokens(&client, &scope).await, "access_token");
    let (_, few) = setting.userinfo(&few).await;
    assert_eq!(few, json!({"sub": all["sub"]}));
    setting.action("numericUserId").await;
    let (_, numbered) = setting.userinfo(&token).await;
    assert!(numbered["id"].as_i64().unwrap() > 0, "{numbered}");
    for token in ["", "rubbish", &setting.zitadel.pat] {
        assert_eq!(setting.userinfo(token).await.0, 401);
    }
    setting._machine.clock.shift_ms(13 * 3600 * 1000);
    assert_eq!(setting.userinfo(&token).await.0, 401);
    let (status, _) = setting
        .zitadel
        .call("POST", "/management/v1/actions", json!({"name": "else"}))
        .await;
    assert_eq!(status, 400);
}
