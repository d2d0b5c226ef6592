//! The binary under the names of an image's programs, and the servers that it uses there.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use phoenix_understudies::platform::rabbitmq::RabbitSettings;
use phoenix_understudies::platform::redis::RedisSettings;
use phoenix_understudies::platform::{Cache, MemcachedCache, Queue as _, RabbitQueue, RedisCache};
use testcontainers::core::{ContainerPort, ImageExt as _};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage};

fn program(name: &str, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("understudy"))
        .args(["--container", name])
        .args(arguments)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn refused(output: &Output, words: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(words), "{told}");
}

#[test]
fn a_program_that_cannot_run_ends_with_1_and_says_why() {
    let init = [
        "start-from-init",
        "--masterkeyFromEnv",
        "--tlsMode",
        "external",
    ];
    let short = [("ZITADEL_MASTERKEY", "too-short")];
    refused(&program("zitadel", &init, &short), "must be 32 bytes");
    let nobody = [("ZITADEL_PORT", "1")];
    refused(&program("zitadel", &["ready"], &nobody), "not ready");
    let key = (
        "APP_KEY",
        "base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    );
    refused(&program("bookstack", &[], &[]), "APP_KEY is not set");
    refused(&program("bookstack", &[], &[key]), "DB_HOST is not set");
    let source = [(
        "MM_SQLSETTINGS_DATASOURCE",
        "postgres://mm:pa<ss@db:5432/mm",
    )];
    refused(&program("mattermost", &[], &source), "invalid userinfo");
    let status = ["system", "status", "--local"];
    refused(&program("mmctl", &status, &[]), "local mode");
    let local = [
        ("MM_SERVICESETTINGS_ENABLELOCALMODE", "true"),
        ("MM_SERVICESETTINGS_LISTENADDRESS", ":1"),
    ];
    refused(&program("mmctl", &status, &local), "not ready");
    let old = [("DB_HOST", "db")];
    refused(&program("zulip", &[], &old), "was replaced by");
}

/// A server of an image that may have to be built first; `None` where it is not here and need not be.
async fn server(
    name: &str,
    port: u16,
    env: &[(&str, &str)],
    command: &[&str],
) -> Option<(ContainerAsync<GenericImage>, u16)> {
    let mut image = GenericImage::new(format!("phoenix.local/{name}"), "current".to_owned())
        .with_exposed_port(ContainerPort::Tcp(port))
        .with_cmd(command.iter().copied())
        .with_startup_timeout(Duration::from_secs(60));
    for (name, value) in env {
        image = image.with_env_var(*name, *value);
    }
    match image.start().await {
        Ok(container) => {
            let port = container.get_host_port_ipv4(port).await.unwrap();
            Some((container, port))
        }
        Err(why) => {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(!required.contains("docker"), "{name}: {why}");
            eprintln!("skipped: no container of phoenix.local/{name}: {why}");
            None
        }
    }
}

/// Asks until the server, which has just started, answers.
async fn answered<T, F: Future<Output = Result<T, String>>>(mut ask: impl FnMut() -> F) -> T {
    for _ in 0..240 {
        if let Ok(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("the server never answered");
}

async fn keeps_and_forgets(cache: &dyn Cache) {
    answered(|| cache.get("nothing")).await;
    let value = b"two\r\nlines\0END\r\n".to_vec();
    for key in ["plain", "with a space", &"k".repeat(300)] {
        cache.set(key, value.clone(), None).await.unwrap();
        assert_eq!(cache.get(key).await, Ok(Some(value.clone())));
        cache.delete(key).await.unwrap();
        assert_eq!(cache.get(key).await, Ok(None));
    }
    let hour = Some(Duration::from_secs(3600));
    cache.set("kept", value.clone(), hour).await.unwrap();
    assert_eq!(cache.get("kept").await, Ok(Some(value)));
    cache.flush().await.unwrap();
    assert_eq!(cache.get("kept").await, Ok(None));
}

#[tokio::test]
async fn memcached_and_redis_keep_and_forget() {
    if let Some((_container, port)) = server("memcached", 11211, &[], &[]).await {
        let cache = MemcachedCache::new(&format!("127.0.0.1:{port}"));
        keeps_and_forgets(&cache).await;
        assert!(cache.version().await.unwrap().starts_with("1."));
    }
    let command = ["redis-server", "--requirepass", "secret"];
    if let Some((_container, port)) = server("redis", 6379, &[], &command).await {
        let with = |password: &str| {
            let password = Some(password.to_owned());
            let host = "127.0.0.1".to_owned();
            RedisCache::new(&RedisSettings {
                host,
                port,
                password,
            })
            .unwrap()
        };
        keeps_and_forgets(&with("secret")).await;
        assert!(with("wrong").get("kept").await.is_err());
    }
}

#[tokio::test]
async fn a_message_that_nobody_finished_is_given_out_again() {
    let env = [
        ("RABBITMQ_DEFAULT_USER", "zulip"),
        ("RABBITMQ_DEFAULT_PASS", "secret"),
    ];
    let Some((_container, port)) = server("rabbitmq", 5672, &env, &[]).await else {
        return;
    };
    let queue = || {
        Arc::new(RabbitQueue::new(RabbitSettings {
            host: "127.0.0.1".to_owned(),
            port,
            user: "zulip".to_owned(),
            password: "secret".to_owned(),
            virtual_host: "/".to_owned(),
        }))
    };
    let first = queue();
    answered(|| first.ping()).await;
    for message in ["one", "two"] {
        first.publish("work", message.into()).await.unwrap();
    }
    assert_eq!(first.next("work").await, Ok(b"one".to_vec()));
    // Asking for the second is to be through with the first.
    assert_eq!(first.next("work").await, Ok(b"two".to_vec()));
    drop(first);
    let second = queue();
    let again = tokio::time::timeout(Duration::from_secs(20), second.next("work")).await;
    assert_eq!(again.expect("given out again"), Ok(b"two".to_vec()));
}
