//! A server on a machine of its own, which a test can stop, rob and start again.

use std::sync::Arc;

use phoenix_understudies::mattermost;
use phoenix_understudies::platform::{BootError, Running};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::machine::Machine;

/// Where the server believes it is.
pub(super) const SITE: &str = "http://chat.test";

/// A server that runs.
pub(crate) struct Server {
    pub(crate) running: Running,
    database: Arc<TestDatabase>,
    client: reqwest::Client,
    pub(crate) token: String,
}

/// A machine with what every server needs.
pub(crate) fn machine() -> Machine {
    Machine::new(&[
        (
            "MM_SQLSETTINGS_DATASOURCE",
            "postgres://mm:secret@db:5432/mattermost",
        ),
        ("MM_SERVICESETTINGS_SITEURL", SITE),
        ("MM_SERVICESETTINGS_ENABLEUSERACCESSTOKENS", "true"),
        ("MM_FILESETTINGS_ENABLEPUBLICLINK", "true"),
    ])
}

pub(super) async fn try_start(machine: &Machine) -> Result<Server, BootError> {
    let database = machine.database();
    let running = mattermost::start(machine.platform(Arc::clone(&database))).await?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    Ok(Server {
        running,
        database,
        client,
        token: String::new(),
    })
}

pub(crate) async fn start(machine: &Machine) -> Server {
    try_start(machine).await.unwrap()
}

impl Server {
    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.running.address);
        let request = self.client.request(method.parse().unwrap(), url);
        if self.token.is_empty() {
            request
        } else {
            request.bearer_auth(&self.token)
        }
    }

    /// Status and JSON of an answer.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(method, path);
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or(Value::Null),
        )
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, &Value::Null).await
    }

    /// Makes the first account, logs in, and makes a team with a channel: the channel's id.
    pub(crate) async fn settle(&mut self) -> String {
        let admin =
            json!({"email": "root@x.test", "username": "root", "password": "correct horse"});
        let (status, made) = self.call("POST", "/api/v4/users", &admin).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(made["roles"], "system_admin system_user");
        self.log_in().await;
        let team = json!({"name": "ops", "display_name": "Ops", "type": "O"});
        let (_, team) = self.call("POST", "/api/v4/teams", &team).await;
        let channel = json!({
            "team_id": team["id"], "name": "drills", "display_name": "Drills", "type": "O",
        });
        let (status, channel) = self.call("POST", "/api/v4/channels", &channel).await;
        assert_eq!(status, 201, "{channel}");
        channel["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn log_in(&mut self) {
        let login = json!({"login_id": "root", "password": "correct horse"});
        let answer = self
            .request("POST", "/api/v4/users/login")
            .json(&login)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        self.token = answer.headers()["token"].to_str().unwrap().to_owned();
    }

    /// Uploads bytes and posts them; ids of post and file.
    pub(super) async fn post_file(&self, channel: &str, bytes: &[u8]) -> (String, String) {
        let path = format!("/api/v4/files?channel_id={channel}&filename=note.bin");
        let answer = self
            .request("POST", &path)
            .body(bytes.to_vec())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        let body: Value = answer.json().await.unwrap();
        let file = body["file_infos"][0]["id"].as_str().unwrap().to_owned();
        let post = json!({"channel_id": channel, "message": "see", "file_ids": [file]});
        let (status, post) = self.call("POST", "/api/v4/posts", &post).await;
        assert_eq!(status, 201, "{post}");
        (post["id"].as_str().unwrap().to_owned(), file)
    }

    /// Stops the server and closes its database.
    pub(super) async fn stop(self) {
        self.running.stop().await;
        self.database.close();
    }
}
