//! Zitadel's contract.

use reqwest::Method;
use serde_json::json;
use url::Url;

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

async fn openid(it: &mut Asker<'_>) {
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

/// An error as the gateway writes it.
fn gateway(came: &Came, status: u16, code: i64) -> Result<(), Not> {
    came.status(status)?;
    came.holds("/code", &json!(code))?;
    came.text("/message").map(|_| ())
}

async fn refusals(it: &mut Asker<'_>) {
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

/// Written, found, used for the first step of a login, removed.
async fn round(it: &mut Asker<'_>, token: &str) {
    let bearer = format!("Bearer {token}");
    let call = |method: Method, path: &str| {
        Call::new(method, path).header("authorization", bearer.as_str())
    };
    let name = unique();
    let new = json!({"name": name});
    let create = || call(Method::POST, "/management/v1/projects").json(new.clone());
    let project = it.check("create-project", "200 with its id", create(), |came| {
        came.status(200)?;
        came.text("/id")
    });
    let Some(project) = project.await else { return };
    let contract = "a name that is taken is 409 with code 6";
    it.check("create-twice", contract, create(), |came| {
        gateway(came, 409, 6)
    })
    .await;
    let query = json!({"queries": [{"nameQuery": {
        "name": name, "method": "TEXT_QUERY_METHOD_EQUALS",
    }}]});
    let find = call(Method::POST, "/management/v1/projects/_search").json(query);
    lagging(
        it,
        "find-project",
        "200; it is found by its name, a moment later",
        find,
        |came| {
            came.status(200)?;
            came.holds("/result/0/id", &json!(project))
        },
    )
    .await;
    application(it, &project, &call).await;
    person(it, &name, &call).await;
    let delete = call(
        Method::POST,
        "/zitadel.project.v2.ProjectService/DeleteProject",
    );
    let delete = delete.json(json!({"projectId": project}));
    let gone = it
        .check("delete-project", "200", delete, |came| came.status(200))
        .await;
    if gone.is_none() {
        it.leaves(format!("the project {name}"));
    }
}

async fn application(it: &mut Asker<'_>, project: &str, call: &impl Fn(Method, &str) -> Call) {
    let new = json!({
        "name": "conform", "redirectUris": [BACK], "appType": "OIDC_APP_TYPE_WEB",
        "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
        "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"],
        "authMethodType": "OIDC_AUTH_METHOD_TYPE_BASIC",
    });
    let path = format!("/management/v1/projects/{project}/apps/oidc");
    let create = call(Method::POST, &path).json(new);
    let contract = "200 with a client id, and a secret that is never shown again";
    let client = it.check("create-app", contract, create, |came| {
        came.status(200)?;
        came.text("/appId")?;
        came.text("/clientSecret")?;
        came.text("/clientId")
    });
    let Some(client) = client.await else { return };
    let contract = "302 to the page of a login, with a cookie that the login is bound to";
    let begin = Call::get(authorize(&client)).browsing();
    let page = lagging(it, "authorize", contract, begin, |came| {
        came.status(302)?;
        insist(
            came.sets("zitadel.useragent"),
            "it sets no cookie zitadel.useragent",
        )?;
        let location = came.header("location");
        insist(location.contains("/ui/"), "it leads elsewhere")?;
        Ok(location.to_owned())
    });
    let Some(page) = page.await else { return };
    let contract = "a form for the login name, with its token and the request that it is of";
    it.check(
        "login-page",
        contract,
        Call::get(page.clone()).browsing(),
        |came| {
            if page.contains("/ui/v2/") {
                return Err(Not::Asked("Login V2 is required there".to_owned()));
            }
            came.status(200)?;
            insist(
                came.sets("zitadel.login.csrf"),
                "it sets no cookie zitadel.login.csrf",
            )?;
            for field in ["gorilla.csrf.Token", "authRequestID", "loginName"] {
                insist(
                    came.text.contains(&format!("name=\"{field}\"")),
                    format!("it has no field {field}"),
                )?;
            }
            insist(
                came.text.contains("/ui/login/loginname"),
                "it does not post to loginname",
            )
        },
    )
    .await;
}

async fn person(it: &mut Asker<'_>, name: &str, call: &impl Fn(Method, &str) -> Call) {
    let new = json!({
        "username": name, "profile": {"givenName": "Con", "familyName": "Form"},
        "email": {"email": format!("{name}@conform.invalid"), "isVerified": true},
        "password": {"password": "Conform-4711!", "changeRequired": false},
    });
    let create = call(Method::POST, "/v2/users/human").json(new);
    let contract = "200 or 201 with the id";
    let id = it.check("create-person", contract, create, |came| {
        insist(
            [200, 201].contains(&came.status),
            format!("the status is {}", came.status),
        )?;
        came.text("/userId")
    });
    let Some(id) = id.await else { return };
    let path = format!("/v2/users/{id}");
    let contract = "200 with the account, a moment later";
    lagging(
        it,
        "read-person",
        contract,
        call(Method::GET, &path),
        |came| {
            came.status(200)?;
            came.holds("/user/userId", &json!(id))?;
            came.holds("/user/username", &json!(name))
        },
    )
    .await;
    let value = json!([{"key": "canary", "value": "NDcxMQ=="}]);
    let write = call(Method::POST, &format!("{path}/metadata")).json(json!({"metadata": value}));
    it.check("write-metadata", "200", write, |came| came.status(200))
        .await;
    let read = call(Method::POST, &format!("{path}/metadata/search")).json(json!({}));
    lagging(
        it,
        "read-metadata",
        "200 with what was written, a moment later",
        read,
        |came| {
            came.status(200)?;
            came.holds("/metadata/0/key", &json!("canary"))?;
            came.holds("/metadata/0/value", &json!("NDcxMQ=="))
        },
    )
    .await;
    let delete = call(Method::DELETE, &path);
    let gone = it
        .check("delete-person", "200", delete, |came| came.status(200))
        .await;
    if gone.is_none() {
        it.leaves(format!("the account {name}"));
    }
}

/// A check of a read, which may lag behind the write by some seconds.
async fn lagging<T>(
    it: &mut Asker<'_>,
    name: &'static str,
    contract: &'static str,
    call: Call,
    judge: impl Fn(&Came) -> Result<T, Not>,
) -> Option<T> {
    const LAG: std::time::Duration = std::time::Duration::from_secs(5);
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
    let until = std::time::Instant::now() + LAG;
    while std::time::Instant::now() < until {
        match it.target.send(&call).await {
            Ok(came) if judge(&came).is_err() => tokio::time::sleep(PAUSE).await,
            _ => break,
        }
    }
    it.check(name, contract, call, judge).await
}
