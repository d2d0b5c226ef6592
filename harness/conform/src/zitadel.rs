//! Zitadel's contract.

mod openid;
mod round;

use openid::{openid, refusals};
use reqwest::Method;
use round::round;
use serde_json::json;

use crate::ask::{Asker, Not, insist, unique};
use crate::call::{Call, Came};

const SOURCE: &str = "zitadel/zitadel v4.13";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const KNOWN: &[&str] = &["who-am-i", "no-such-user", "empty-list", "connect-list"];
const ROUND: &[&str] = &[
    "create-project",
    "create-twice",
    "find-project",
    "create-app",
    "authorize",
    "login-page",
    "create-person",
    "read-person",
    "write-metadata",
    "read-metadata",
    "delete-person",
    "delete-project",
];
const BACK: &str = "https://conform.invalid/back";

pub(crate) async fn ask(it: &mut Asker<'_>) {
    it.source = SOURCE;
    it.check(
        "live",
        "200 with the text ok",
        Call::get("/debug/healthz"),
        |came| {
            came.status(200)?;
            insist(came.text.trim() == "ok", "it says something else")
        },
    )
    .await;
    for (name, path) in [("ready", "/debug/ready"), ("valid", "/debug/validate")] {
        it.check(name, "200 with the JSON text ok", Call::get(path), |came| {
            came.status(200)?;
            came.holds("", &json!("ok"))
        })
        .await;
    }
    let elsewhere = Call::get(DISCOVERY).header("host", "elsewhere.invalid");
    let contract = "a name that no instance has is 404, as plain text that says so";
    it.check("host", contract, elsewhere, |came| {
        if [404, 421].contains(&came.status) && !came.text.contains("instance") {
            return Err(Not::Asked("a router before it refused the name".to_owned()));
        }
        came.status(404)?;
        insist(
            came.text.starts_with("unable to set instance"),
            "it says something else",
        )
    })
    .await;
    openid(it).await;
    refusals(it).await;
    if let Some(token) = it.secret("a personal access token of an IAM_OWNER", KNOWN) {
        known(it, &token).await;
        if it.writes(ROUND) {
            round(it, &token).await;
        }
    } else if !it.target.writes {
        it.writes(ROUND);
    }
}

/// An error as the gateway writes it.
fn gateway(came: &Came, status: u16, code: i64) -> Result<(), Not> {
    came.status(status)?;
    came.holds("/code", &json!(code))?;
    came.text("/message").map(|_| ())
}

fn authorize(client: &str) -> String {
    let fields = [
        ("client_id", client),
        ("redirect_uri", BACK),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "conform"),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    format!("/oauth/v2/authorize?{}", query.finish())
}

async fn known(it: &mut Asker<'_>, token: &str) {
    let bearer = format!("Bearer {token}");
    let call = |method: Method, path: &str| {
        Call::new(method, path).header("authorization", bearer.as_str())
    };
    let org = call(Method::GET, "/management/v1/orgs/me");
    it.check(
        "who-am-i",
        "200 with the organisation of the token",
        org,
        |came| {
            came.status(200)?;
            came.text("/org/id")?;
            came.text("/org/primaryDomain")?;
            came.holds("/org/state", &json!("ORG_STATE_ACTIVE"))
        },
    )
    .await;
    let nobody = call(Method::GET, "/v2/users/100000000000000001");
    let contract = "404 with code 5";
    it.check("no-such-user", contract, nobody, |came| {
        gateway(came, 404, 5)
    })
    .await;
    let query = json!({"queries": [{"nameQuery": {
        "name": unique(), "method": "TEXT_QUERY_METHOD_EQUALS",
    }}]});
    let nothing = call(Method::POST, "/management/v1/projects/_search").json(query);
    it.check(
        "empty-list",
        "200; a list of nothing has no result",
        nothing,
        |came| {
            came.status(200)?;
            insist(came.json.get("details").is_some(), "it has no details")?;
            insist(came.json.get("result").is_none(), "it has a result")
        },
    )
    .await;
    let list = call(
        Method::POST,
        "/zitadel.project.v2.ProjectService/ListProjects",
    );
    let contract = "200 with how many there are";
    it.check("connect-list", contract, list.json(json!({})), |came| {
        came.status(200)?;
        insist(
            came.json.pointer("/pagination").is_some(),
            "it has no pagination",
        )
    })
    .await;
}
