//! A BookStack over a SQLite file and a folder.

use std::sync::Arc;

use base64::Engine as _;
use hmac::{Hmac, Mac};
use phoenix_understudies::bookstack;
use phoenix_understudies::platform::{BootError, Clock, Database as _, Platform, Running, Value};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value as Json;
use sha1::Sha1;

use crate::support::browser::{Browser, Page, between};
use crate::support::database::TestDatabase;
use crate::support::machine::Machine;

pub(super) const APP_URL: &str = "http://wiki.test";
pub(super) const TOKEN: &str = "Token canary:secret-of-the-canary";

/// An application key whose 32 bytes are all this one.
pub(super) fn key_of(byte: u8) -> String {
    let key = base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    format!("base64:{key}")
}

/// A machine with what every wiki needs; its one volume is `data`.
pub(crate) fn machine() -> Machine {
    Machine::new(&[
        ("APP_KEY", &key_of(7)),
        ("APP_URL", APP_URL),
        ("BCRYPT_ROUNDS", "4"),
    ])
}

pub(super) async fn try_start(machine: &Machine) -> Result<Running, BootError> {
    let platform = Platform {
        config: machine.path("data"),
        ..machine.platform(machine.database())
    };
    bookstack::start(platform).await
}

pub(crate) async fn start(machine: &Machine) -> Wiki {
    let running = try_start(machine).await.unwrap();
    Wiki {
        database: machine.database(),
        running,
    }
}

/// A running one, and a second connection to its database: the outsider with SQL access.
pub(crate) struct Wiki {
    pub(crate) running: Running,
    pub(super) database: Arc<TestDatabase>,
}

impl Wiki {
    /// The API token of [`TOKEN`] for a user, inserted as a row.
    pub(super) async fn plant_token(&self, token_id: &str, secret: &str, user: i64, expires: &str) {
        let sql = "INSERT INTO api_tokens (name, token_id, secret, user_id, expires_at, \
                   created_at, updated_at) VALUES ('t', ?, ?, ?, ?, '2024-01-01 00:00:00', \
                   '2024-01-01 00:00:00')";
        let values = vec![token_id.into(), secret.into(), user.into(), expires.into()];
        self.database.execute(sql, values).await.unwrap();
    }

    pub(crate) async fn plant_admin_token(&self) {
        let secret = hashed("secret-of-the-canary", bcrypt::Version::TwoY);
        self.plant_token("canary", &secret, 1, "2099-01-01").await;
    }

    pub(super) async fn one(&self, sql: &str, params: Vec<Value>) -> String {
        let rows = self.database.query(sql, params).await.unwrap();
        rows.first().map_or_else(String::new, |row| row.text(0))
    }

    pub(super) fn browser(&self) -> Browser {
        Browser::new(APP_URL, &[("wiki.test", self.running.address)], &[])
    }

    /// A call of the API with the admin's token.
    pub(super) async fn api(&self, method: &str, path: &str, body: Json) -> (StatusCode, Json) {
        let request = self.browser().request(method, &format!("/api{path}"));
        let request = request.header("authorization", TOKEN);
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        answer(request).await
    }

    /// A form with a file.
    pub(super) async fn upload(
        &self,
        path: &str,
        fields: &[(&str, String)],
        file: (&str, &str, &[u8]),
    ) -> (StatusCode, Json) {
        let boundary = "boundary-of-the-test";
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n\
                     {value}\r\n"
                )
                .bytes(),
            );
        }
        let (name, file_name, bytes) = file;
        body.extend(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; \
                 filename=\"{file_name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            )
            .bytes(),
        );
        body.extend(bytes);
        body.extend(format!("\r\n--{boundary}--\r\n").bytes());
        let request = self.browser().request("POST", &format!("/api{path}"));
        let kind = format!("multipart/form-data; boundary={boundary}");
        let request = request
            .header("authorization", TOKEN)
            .header("content-type", kind);
        answer(request.body(body)).await
    }

    /// A book with a page; their ids.
    pub(super) async fn book_and_page(&self) -> (i64, i64) {
        let (status, book) = self
            .api("POST", "/books", serde_json::json!({ "name": "Runbook" }))
            .await;
        assert_eq!(status, 200, "{book}");
        let book = book["id"].as_i64().unwrap();
        let page = serde_json::json!({
            "book_id": book, "name": "Fire drill", "html": "<p>The marker 4711</p>",
            "tags": [{ "name": "nonce", "value": "abc" }],
        });
        let (status, page) = self.api("POST", "/pages", page).await;
        assert_eq!(status, 200, "{page}");
        (book, page["id"].as_i64().unwrap())
    }
}

/// Status and JSON of an API call.
pub(super) async fn answer(request: RequestBuilder) -> (StatusCode, Json) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Json::Null))
}

pub(super) fn hashed(secret: &str, version: bcrypt::Version) -> String {
    bcrypt::hash_with_result(secret, 4)
        .unwrap()
        .format_for_version(version)
}

impl Browser {
    /// Posts a form with the token of a page.
    pub(super) async fn post(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = page.token();
        let mut form = vec![("_token", token.as_str())];
        form.extend(fields);
        self.submit(path, &form).await
    }

    /// Logs in by form; where that led.
    pub(super) async fn log_in(&self, email: &str, password: &str) -> Page {
        let login = self.get("/login").await;
        self.post(
            &login,
            "/login",
            &[("email", email), ("password", password)],
        )
        .await
    }
}

impl Page {
    pub(super) fn token(&self) -> String {
        between(&self.body, "name=\"_token\" value=\"", "\"")
    }

    /// The secret in the `otpauth:` address of an enrolment.
    pub(super) fn secret(&self) -> String {
        between(&self.body, "?secret=", "&amp;")
    }
}

/// The code of a base32 secret now, by RFC 6238.
pub(super) fn code_now(secret: &str, clock: &Clock) -> String {
    let digits = secret.bytes().map(|letter| match letter {
        b'A'..=b'Z' => letter - b'A',
        _ => letter - b'2' + 26,
    });
    let bits: Vec<u8> = digits
        .flat_map(|digit| (0..5).rev().map(move |bit| (digit >> bit) & 1))
        .collect();
    let key: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| byte.iter().fold(0, |all, bit| (all << 1) | bit))
        .collect();
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(&key).unwrap();
    mac.update(&(clock.now_s() / 30).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}
