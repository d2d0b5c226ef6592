//! What anybody is told: the provider's documents and keys, and its refusals.

use serde_json::json;
use url::Url;

use super::{BACK, DISCOVERY, authorize, gateway};
use crate::ask::{Asker, insist};
use crate::call::Call;

pub(super) async fn openid(it: &mut Asker<'_>) {
    let asked = Url::parse(it.target.base()).map(|url| url.authority().to_owned());
    let asked = asked.unwrap_or_default();
    let contract = "200; the issuer is the name that was asked for, and has all the endpoints";
    it.check("discovery", contract, Call::get(DISCOVERY), |came| {
        came.status(200)?;
        let issuer = came.text("/issuer")?;
        let named = issuer.split_once("://").map_or("", |(_, name)| name);
        insist(
            named == asked,
            format!("the issuer is {issuer}, and {asked} was asked"),
        )?;
        for (field, path) in [
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
            came.holds(&format!("/{field}"), &json!(format!("{issuer}{path}")))?;
        }
        let methods = came.list("/token_endpoint_auth_methods_supported")?;
        for method in [
            "none",
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ] {
            insist(
                methods.contains(&method.into()),
                format!("it lacks the method {method}"),
            )?;
        }
        let challenges = came.list("/code_challenge_methods_supported")?;
        insist(challenges.contains(&"S256".into()), "it lacks S256")
    })
    .await;
    let contract = "200; RSA keys for signatures, each with an id; not to be kept for long";
    it.check("keys", contract, Call::get("/oauth/v2/keys"), |came| {
        came.status(200)?;
        let keys = came.list("/keys")?;
        insist(!keys.is_empty(), "there is no key")?;
        for key in keys {
            let good = key["use"] == "sig" && key["kty"] == "RSA" && key["alg"] == "RS256";
            insist(good && key["kid"].is_string(), "a key is of another kind")?;
        }
        let caching = came.header("cache-control");
        insist(
            caching.contains("max-age"),
            format!("Cache-Control is `{caching}`"),
        )
    })
    .await;
    it.check("home", "302 to /ui/login", Call::get("/"), |came| {
        came.status(302)?;
        insist(
            came.header("location").contains("/ui/login"),
            "it leads elsewhere",
        )
    })
    .await;
}

pub(super) async fn refusals(it: &mut Asker<'_>) {
    let org = || Call::get("/management/v1/orgs/me");
    let contract = "401 with code 16";
    it.check("no-token", contract, org(), |came| gateway(came, 401, 16))
        .await;
    let wrong = org().header("authorization", "Bearer of-nobody");
    it.check("wrong-token", contract, wrong, |came| {
        gateway(came, 401, 16)
    })
    .await;
    let list = || Call::post("/zitadel.project.v2.ProjectService/ListProjects").json(json!({}));
    let wrong = list().header("authorization", "Bearer of-nobody");
    let contract = "401 with the code unauthenticated, as Connect names it";
    it.check("connect-wrong-token", contract, wrong, |came| {
        came.status(401)?;
        came.holds("/code", &json!("unauthenticated"))
    })
    .await;
    let fields = [
        ("grant_type", "password"),
        ("username", "x"),
        ("password", "y"),
    ];
    let contract = "400 with the error unsupported_grant_type: nobody logs in by password alone";
    let grant = Call::post("/oauth/v2/token").form(&fields);
    it.check("password-grant", contract, grant, |came| {
        came.status(400)?;
        came.holds("/error", &json!("unsupported_grant_type"))
    })
    .await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "none"),
        ("redirect_uri", BACK),
        ("client_id", "100000000000000001"),
        ("client_secret", "none"),
    ];
    let contract = "400 or 401 with the error invalid_client";
    let grant = Call::post("/oauth/v2/token").form(&fields);
    it.check("unknown-client", contract, grant, |came| {
        insist(
            [400, 401].contains(&came.status),
            format!("the status is {}", came.status),
        )?;
        came.holds("/error", &json!("invalid_client"))
    })
    .await;
    let authorize = Call::get(authorize("100000000000000001"));
    let contract = "a client that nobody knows is 400, and leads nowhere";
    it.check("authorize-unknown", contract, authorize, |came| {
        came.status(400)?;
        insist(came.header("location").is_empty(), "it leads somewhere")?;
        came.text("/error").map(|_| ())
    })
    .await;
    let userinfo = Call::get("/oidc/v1/userinfo").header("authorization", "Bearer of-nobody");
    it.check("userinfo-wrong-token", "401", userinfo, |came| {
        came.status(401)
    })
    .await;
}
