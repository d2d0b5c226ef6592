//! What production gets from code and from people: the clients at the provider, the canary person,
//! an API token. Every call is safe to repeat.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use phoenix_engine::application::Person;
use phoenix_engine::network::Network;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::call::{Answer, NoAnswer, client, failed, send};

/// An OIDC client that an application needs.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Its name in the project.
    pub name: String,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// How it proves itself at the token endpoint.
    pub auth: ClientAuth,
}

/// How a client sends its secret: the provider takes only the way that it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// HTTP Basic.
    Basic,
    /// In the form: what Mattermost's GitLab adapter does.
    Post,
}

impl ClientAuth {
    fn zitadel(self) -> &'static str {
        match self {
            Self::Basic => "OIDC_AUTH_METHOD_TYPE_BASIC",
            Self::Post => "OIDC_AUTH_METHOD_TYPE_POST",
        }
    }
}

/// The client that an application needs at the provider; `None` for one that logs nobody in through
/// a provider.
#[must_use]
pub fn client_of(app: &str, name: &str, url: &str) -> Option<ClientSpec> {
    let (callback, auth) = match app {
        "bookstack" => ("/oidc/callback", ClientAuth::Basic),
        "mattermost" => ("/signup/gitlab/complete", ClientAuth::Post),
        "zulip" => ("/complete/oidc/", ClientAuth::Basic),
        _ => return None,
    };
    Some(ClientSpec {
        name: name.to_owned(),
        redirect_uris: vec![format!("{}{callback}", url.trim_end_matches('/'))],
        auth,
    })
}

/// Client id and secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMade {
    /// Client id.
    pub id: String,
    /// Client secret: shown once.
    pub secret: String,
}

/// Whether the provider knows the project already, asked with the token of the service user: also
/// the proof that this token still opens the management API.
///
/// # Errors
/// The call that failed, and its answer: a token that the provider does not know is refused.
pub async fn zitadel_knows(
    network: &Network,
    url: &Url,
    pat: &str,
    project: &str,
) -> Result<bool, String> {
    let http = client(network)?;
    let base = url.as_str().trim_end_matches('/');
    let query = json!({"queries": [{"nameQuery": {
        "name": project, "method": "TEXT_QUERY_METHOD_EQUALS"}}]});
    let answer = send(|| {
        http.post(format!("{base}/management/v1/projects/_search"))
            .bearer_auth(pat)
            .json(&query)
    })
    .await;
    match answer {
        Ok(answer) if answer.ok() => Ok(answer.json().pointer("/result/0/id").is_some()),
        other => Err(failed("search for the project", &other).to_string()),
    }
}

/// What code made at the provider.
#[derive(Clone, Debug)]
pub struct Made {
    /// Id of the project.
    pub project: String,
    /// The clients by their names.
    pub clients: BTreeMap<String, ClientMade>,
}

/// Makes project, role, clients, canary person and grant at Zitadel, as the operator's Terraform
/// does with the provider's token.
///
/// # Errors
/// The call that failed, and its answer.
pub async fn zitadel(
    network: &Network,
    url: &Url,
    pat: &str,
    project_name: &str,
    clients: &[ClientSpec],
    person: &Person,
) -> Result<Made, String> {
    let http = client(network)?;
    let base = url.as_str().trim_end_matches('/').to_owned();
    let call = async |method: Method, path: String, body: Value| -> Result<Answer, String> {
        let answer = send(|| {
            let request = http
                .request(method.clone(), format!("{base}{path}"))
                .bearer_auth(pat);
            if body.is_null() {
                request
            } else {
                request.json(&body)
            }
        })
        .await;
        match answer {
            Ok(answer) if answer.ok() || answer.status == 409 => Ok(answer),
            other => Err(failed(&format!("{method} {path}"), &other).to_string()),
        }
    };
    for action in ["numericUserId", "singleAudience"] {
        call(
            Method::POST,
            "/management/v1/actions".to_owned(),
            json!({"name": action}),
        )
        .await?;
    }
    let features = json!({"loginV2": {"required": false}});
    call(Method::PUT, "/v2/features/instance".to_owned(), features).await?;
    let project = json!({
        "name": project_name, "projectRoleAssertion": true, "projectRoleCheck": true,
        "hasProjectCheck": true,
    });
    let made = call(Method::POST, "/management/v1/projects".to_owned(), project).await?;
    let project = if made.status == 409 {
        let query = json!({"queries": [{"nameQuery": {
            "name": project_name, "method": "TEXT_QUERY_METHOD_EQUALS"}}]});
        let found = call(
            Method::POST,
            "/management/v1/projects/_search".to_owned(),
            query,
        )
        .await?;
        text(&found.json(), "/result/0/id")
    } else {
        text(&made.json(), "/id")
    };
    let role = json!({"roleKey": "user", "displayName": "User"});
    call(
        Method::POST,
        format!("/management/v1/projects/{project}/roles"),
        role,
    )
    .await?;
    let mut all = BTreeMap::new();
    for spec in clients {
        let app = json!({
            "name": spec.name, "redirectUris": spec.redirect_uris,
            "responseTypes": ["OIDC_RESPONSE_TYPE_CODE"],
            "grantTypes": ["OIDC_GRANT_TYPE_AUTHORIZATION_CODE"],
            "appType": "OIDC_APP_TYPE_WEB", "authMethodType": spec.auth.zitadel(),
            "devMode": false, "idTokenUserinfoAssertion": true,
            "accessTokenType": "OIDC_TOKEN_TYPE_BEARER",
        });
        let path = format!("/management/v1/projects/{project}/apps/oidc");
        let made = call(Method::POST, path, app).await?.json();
        let client = ClientMade {
            id: text(&made, "/clientId"),
            secret: text(&made, "/clientSecret"),
        };
        if client.secret.is_empty() {
            return Err(format!(
                "the client {} exists already, its secret is unknown",
                spec.name
            ));
        }
        all.insert(spec.name.clone(), client);
    }
    let management = Management {
        http,
        base,
        pat: pat.to_owned(),
    };
    management.person(&project, person).await?;
    Ok(Made {
        project,
        clients: all,
    })
}

/// The management API of a Zitadel (v4).
pub(crate) struct Management {
    pub(crate) http: reqwest::Client,
    /// Its address, without a slash at its end.
    pub(crate) base: String,
    /// A token that may make people.
    pub(crate) pat: String,
}

impl Management {
    /// Makes a person with a verified e-mail and the project's role, and waits until they show up.
    pub(crate) async fn person(&self, project: &str, person: &Person) -> Result<(), String> {
        let human = json!({
            "username": person.login_name,
            "profile": {"givenName": "Canary", "familyName": "Person"},
            "email": {"email": person.email, "isVerified": true},
            "password": {"password": person.password, "changeRequired": false},
        });
        let made = self.call(Method::POST, "/v2/users/human", &human).await;
        let user = match &made {
            Ok(answer) if answer.ok() => text(&answer.json(), "/userId"),
            other => return Err(failed("make a person", other).to_string()),
        };
        // Projections follow a moment later, and a login asks them.
        let path = format!("/v2/users/{user}");
        for _ in 0..100 {
            match &self.call(Method::GET, &path, &Value::Null).await {
                Ok(answer) if answer.ok() => break,
                Ok(answer) if answer.status == 404 => {
                    phoenix_engine::pause(std::time::Duration::from_millis(20)).await;
                }
                other => return Err(failed("find the new person", other).to_string()),
            }
        }
        let path = format!("/management/v1/users/{user}/grants");
        let grant = json!({"projectId": project, "roleKeys": ["user"]});
        match self.call(Method::POST, &path, &grant).await {
            Ok(answer) if answer.ok() => Ok(()),
            other => Err(failed("grant the project", &other).to_string()),
        }
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        send(|| {
            let request = self
                .http
                .request(method.clone(), format!("{}{path}", self.base))
                .bearer_auth(&self.pat);
            if body.is_null() {
                request
            } else {
                request.json(body)
            }
        })
        .await
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Makes the first account of a Mattermost, which is its administrator. On a database that has
/// accounts already it changes nothing.
///
/// # Errors
/// When the server cannot be reached or fails; a server that takes no strangers is none.
pub async fn mattermost_admin(
    network: &Network,
    url: &Url,
    name: &str,
    password: &str,
) -> Result<(), String> {
    let http = client(network)?;
    let base = url.as_str().trim_end_matches('/');
    let account = json!({
        "email": format!("{name}@harness.localhost"), "username": name, "password": password,
    });
    let answer = send(|| http.post(format!("{base}/api/v4/users")).json(&account)).await;
    match answer {
        Ok(answer) if answer.status < 500 => Ok(()),
        other => Err(failed("make the first account", &other).to_string()),
    }
}

/// How long a Zulip that was started from nothing is given to migrate its database.
const ZULIP_UP_WITHIN: Duration = Duration::from_secs(60);
const ZULIP_POLL: Duration = Duration::from_millis(20);

/// Waits until a Zulip has its application behind its web server: before that there is no table
/// that an organisation could be put into.
///
/// # Errors
/// What it last answered when its time was over.
pub async fn zulip_up(network: &Network, url: &Url) -> Result<(), String> {
    let http = client(network)?;
    let health = format!("{}/health", url.as_str().trim_end_matches('/'));
    let deadline = Instant::now() + ZULIP_UP_WITHIN;
    loop {
        let answer = send(|| http.get(&health)).await;
        match answer {
            Ok(answer) if answer.ok() => return Ok(()),
            other if Instant::now() > deadline => {
                return Err(failed("wait for the application", &other).to_string());
            }
            _ => phoenix_engine::pause(ZULIP_POLL).await,
        }
    }
}

/// The row that gives the harness an API token of BookStack's first administrator: no command of
/// the application makes one without a person. Statement and values, all text but the user's id.
///
/// # Errors
/// When the secret cannot be hashed.
pub fn bookstack_token(
    token_id: &str,
    secret: &str,
) -> Result<(&'static str, Vec<String>), String> {
    let parts = bcrypt::hash_with_result(secret, 4).map_err(|error| error.to_string())?;
    // The hasher accepts this prefix only.
    let hash = parts.format_for_version(bcrypt::Version::TwoY);
    let now = "2025-01-01 00:00:00";
    Ok((
        "INSERT INTO api_tokens (name, token_id, secret, user_id, expires_at, created_at, \
         updated_at) VALUES (?, ?, ?, 1, ?, ?, ?)",
        vec![
            "phoenix".to_owned(),
            token_id.to_owned(),
            hash,
            "2099-12-31".to_owned(),
            now.to_owned(),
            now.to_owned(),
        ],
    ))
}
