//! What is written, read back and removed.

use reqwest::Method;
use serde_json::json;

use super::{BACK, authorize, gateway};
use crate::ask::{Asker, Not, insist, unique};
use crate::call::{Call, Came};

/// Written, found, used for the first step of a login, removed.
pub(super) async fn round(it: &mut Asker<'_>, token: &str) {
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
