//! The one health path and its many answers.

use std::net::IpAddr;
use std::sync::Arc;

use phoenix_understudies::platform::Cache;
use serde_json::json;

use super::server::{Answer, Server, Stack, answer, until};

const READY: (u16, &str, &str, &str) = (200, "success", "", "");

fn not_ready(words: &str) -> (u16, &str, &str, &str) {
    (500, "error", "SERVER_NOT_READY", words)
}

async fn health(server: &Server) -> Answer {
    server.get("/health").await
}

#[tokio::test]
async fn four_stores_that_answer_are_ready() {
    let stack = Stack::new();
    let server = stack.start().await;
    let answer = health(&server).await;
    assert_eq!(answer.json, json!({"result": "success", "msg": ""}));
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_store_that_nobody_deployed_is_named() {
    for (missing, words) in [
        ("rabbitmq", "Cannot connect to rabbitmq"),
        ("redis", "Cannot query redis"),
        ("memcached", "Cannot query memcached"),
    ] {
        let mut stack = Stack::new();
        match missing {
            "rabbitmq" => stack.machine.backing.rabbitmq = None,
            "redis" => stack.machine.backing.redis = None,
            _ => stack.machine.backing.memcached = None,
        }
        let server = stack.start().await;
        assert_eq!(health(&server).await.told(), not_ready(words));
    }
}

#[tokio::test]
async fn a_store_that_goes_is_named_and_the_first_of_many() {
    let stack = Stack::new();
    let server = stack.start().await;
    assert_eq!(health(&server).await.told(), READY);
    stack.memcached.close();
    let words = "Cannot query memcached";
    assert_eq!(health(&server).await.told(), not_ready(words));
    stack.redis.close();
    let words = "Cannot query redis";
    assert_eq!(health(&server).await.told(), not_ready(words));
    stack.rabbitmq.close();
    let words = "Cannot query rabbitmq";
    assert_eq!(health(&server).await.told(), not_ready(words));
    server
        .execute("DELETE FROM django_migrations", Vec::new())
        .await;
    let words = "Database is empty";
    assert_eq!(health(&server).await.told(), not_ready(words));
    stack.machine.rows.drop().await;
    let words = "Cannot query postgresql";
    assert_eq!(health(&server).await.told(), not_ready(words));
}

/// Takes what it is given, and remembers nothing.
struct Full;

#[async_trait::async_trait]
impl Cache for Full {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: Vec<u8>, _: Option<std::time::Duration>) -> Result<(), String> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    async fn flush(&self) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::test]
async fn a_memcached_that_keeps_nothing_cannot_be_written() {
    let mut stack = Stack::new();
    stack.machine.backing.memcached = Some(Arc::new(Full));
    let server = stack.start().await;
    let words = "Cannot write to memcached";
    assert_eq!(health(&server).await.told(), not_ready(words));
}

#[tokio::test]
async fn before_it_is_up_everything_is_nginx() {
    let stack = Stack::new();
    let database = stack.machine.database();
    stack.machine.rows.hide().await;
    let server = stack.run(database).await.unwrap();
    for path in ["/health", "/", "/api/v1/server_settings"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 502, "{path}");
        assert!(answer.text.contains("502 Bad Gateway"), "{}", answer.text);
    }
    let waited = |line: &String| line.starts_with("Could not connect to database server");
    until(async || server.running.log.lines().iter().any(waited)).await;
    stack.machine.rows.show().await;
    server.is_up().await;
    assert_eq!(health(&server).await.told(), READY);
    let log = server.running.log.lines();
    assert_eq!(log.iter().filter(|line| waited(line)).count(), 1, "{log:?}");
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_bad() {
    let stack = Stack::new();
    let server = stack.start().await;
    for (host, status) in [
        ("chat.test", 200),
        ("CHAT.test:8443", 200),
        ("localhost", 200),
        ("127.0.0.1:80", 200),
        ("10.0.3.17:80", 400),
        ("chat.test.evil.test", 400),
        ("chat.test:x", 400),
    ] {
        let told = answer(server.request_as(host, "GET", "/health")).await;
        assert_eq!(told.status, status, "{host}");
    }
    // What a client claims to have asked for does not help.
    let request = server.request_as("evil.test", "GET", "/health");
    let told = answer(request.header("x-forwarded-host", "chat.test")).await;
    assert_eq!(told.status, 400);
}

#[tokio::test]
async fn only_this_machine_and_the_balancers_may_ask() {
    let mut stack = Stack::new();
    stack
        .machine
        .set("LOADBALANCER_IPS", "127.0.0.1, 127.0.0.9");
    let server = stack.start().await;
    let ask = async |from: [u8; 4], forwarded: Option<&str>, path: &str| {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(IpAddr::from(from))
            .build()
            .unwrap();
        let url = format!("http://{}{path}", server.running.address);
        let mut request = client.get(url).header("host", "chat.test");
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        answer(request).await
    };
    let balancer = [127, 0, 0, 9];
    assert_eq!(ask([127, 0, 0, 1], None, "/health").await.told(), READY);
    assert_eq!(ask(balancer, None, "/health").await.told(), READY);
    let outside = ask([127, 0, 0, 2], None, "/health").await;
    assert_eq!(outside.status, 403);
    assert!(outside.text.contains("403 Forbidden"), "{}", outside.text);
    // What the balancer passes on for somebody is that person's request.
    let passed = ask(balancer, Some("203.0.113.7"), "/health").await;
    assert_eq!(passed.status, 403);
    let lied = ask(balancer, Some("127.0.0.1, 203.0.113.7"), "/health").await;
    assert_eq!(lied.status, 403);
    let own = ask(balancer, Some("203.0.113.7, 127.0.0.1"), "/health").await;
    assert_eq!(own.told(), READY);
    // Everything else is for everybody.
    assert_eq!(ask([127, 0, 0, 2], None, "/").await.status, 404);
}

#[tokio::test]
async fn headers_of_a_proxy_that_nobody_trusts_are_a_misconfiguration() {
    let stack = Stack::new();
    let server = stack.start().await;
    for path in ["/health", "/", "/api/v1/server_settings"] {
        let request = server.request("GET", path);
        let told = answer(request.header("x-forwarded-for", "127.0.0.1")).await;
        assert_eq!(told.status, 500, "{path}");
        let words = "Reverse proxy misconfiguration";
        assert!(told.text.contains(words), "{}", told.text);
    }
    let log = server.running.log.lines();
    assert!(log.iter().any(|line| line.contains("LOADBALANCER_IPS")));
}
