//! Caches and queues on real servers.

use std::net::SocketAddr;
use std::time::Duration;

use bollard::Docker;
use phoenix_engine::environment::DirectCopy;
use phoenix_stores::memory::{MemcachedStore, RabbitStore, RedisStore};
use phoenix_stores::{Form, Store};
use redis::cmd;
use testcontainers::core::IntoContainerPort as _;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use crate::volume::engine;

/// A server in a container; the port is where its own is published.
async fn server(
    name: &str,
    port: u16,
    command: &[&str],
) -> Option<(Docker, ContainerAsync<GenericImage>, SocketAddr)> {
    let docker = engine(&format!("phoenix.local/{name}:current")).await?;
    // A port that the engine chooses anew at each start would be another one after a restore.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let container = GenericImage::new(&*format!("phoenix.local/{name}"), "current")
        .with_cmd(command.iter().copied())
        .with_mapped_port(free.port(), port.tcp())
        .with_label("phoenix.run", "test-memory")
        .start()
        .await
        .unwrap();
    Some((docker, container, free))
}

fn copy(marker: &str, text: &str) -> DirectCopy {
    DirectCopy {
        marker: marker.to_owned(),
        text: text.to_owned(),
    }
}

/// What every cache does.
async fn takes_canaries(store: &dyn Store) {
    let before = store.holds().await.unwrap();
    for copy in [
        copy("b", "of b\r\nEND\r\n"),
        copy("a", "one"),
        copy("a", "two"),
    ] {
        assert!(store.write_direct(&copy).await.unwrap());
    }
    let mut listed = store.list_direct().await.unwrap();
    listed.sort_by(|a, b| a.marker.cmp(&b.marker));
    assert_eq!(listed, [copy("a", "two"), copy("b", "of b\r\nEND\r\n")]);
    assert_eq!(
        store.holds().await.unwrap(),
        before,
        "canaries are not counted"
    );
    assert!(store.find_text("of b").await.unwrap());
    assert!(!store.find_text("nowhere").await.unwrap());
}

async fn keeps_nothing(store: &dyn Store) {
    let folder = tempfile::tempdir().unwrap();
    let error = store
        .backup(Form::Logical, folder.path())
        .await
        .unwrap_err();
    assert_eq!(error.why, "a cache keeps no recovery point");
    assert_eq!(store.fingerprint().await.unwrap(), None);
    assert!(store.restore(folder.path()).await.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memcached() {
    let Some((_docker, container, address)) = server("memcached", 11211, &["memcached"]).await
    else {
        return;
    };
    let store = MemcachedStore::new(address);
    store.ready(Duration::from_secs(20)).await.unwrap();
    takes_canaries(&store).await;
    keeps_nothing(&store).await;
    assert!(store.write_direct(&copy("a b", "")).await.is_err());
    let first = store.identity().await.unwrap();
    assert_eq!(store.identity().await.unwrap(), first);
    container.stop().await.unwrap();
    assert!(store.holds().await.is_err());
    container.start().await.unwrap();
    store.ready(Duration::from_secs(20)).await.unwrap();
    assert_eq!(store.list_direct().await.unwrap(), []);
    assert_ne!(store.identity().await.unwrap(), first);
}

/// Says something to a Redis.
async fn say(address: SocketAddr, words: &str) {
    let client = redis::Client::open(format!("redis://:some-password@{address}")).unwrap();
    let mut link = client.get_multiplexed_async_connection().await.unwrap();
    for line in words.split(';') {
        let mut words = line.split_whitespace();
        let mut command = cmd(words.next().unwrap());
        for word in words {
            command.arg(word);
        }
        let _: redis::Value = command.query_async(&mut link).await.unwrap();
    }
}

const REDIS: &[&str] = &["redis-server", "--requirepass", "some-password"];
const PASSWORD: Option<&str> = Some("some-password");

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_a_cache() {
    let Some((_docker, _container, address)) = server("redis", 6379, REDIS).await else {
        return;
    };
    let store = RedisStore::cache(address, PASSWORD);
    store.ready(Duration::from_secs(20)).await.unwrap();
    takes_canaries(&store).await;
    keeps_nothing(&store).await;
    let wrong = RedisStore::cache(address, Some("a-wrong-secret"));
    let error = wrong.holds().await.unwrap_err();
    assert!(!error.to_string().contains("a-wrong-secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_kept() {
    let (Some(old), Some(new)) = (
        server("redis", 6379, REDIS).await,
        server("redis", 6379, REDIS).await,
    ) else {
        return;
    };
    let kept =
        |(docker, container, address): &(Docker, ContainerAsync<GenericImage>, SocketAddr)| {
            RedisStore::kept(*address, PASSWORD, docker.clone(), container.id())
        };
    let (store, fresh) = (kept(&old), kept(&new));
    store.ready(Duration::from_secs(20)).await.unwrap();
    fresh.ready(Duration::from_secs(20)).await.unwrap();
    say(
        old.2,
        "SET s one; RPUSH l a b a; SADD t x y z; HSET h f 1 g 2; ZADD z 1.5 a 2 b; XADD q 5-1 k v; \
         SET e x PXAT 4102444800000; SELECT 3; SET s three",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let taken = store
        .backup(Form::Physical, folder.path())
        .await
        .unwrap()
        .fingerprint
        .unwrap();
    assert!(
        taken.covers.starts_with("8 keys, 1 of which expire"),
        "{}",
        taken.covers
    );
    fresh.restore(folder.path()).await.unwrap();
    let now = fresh.fingerprint().await.unwrap().unwrap();
    assert_eq!(fresh.compare(&taken, &now), Vec::<String>::new());
    assert_eq!(now, taken);
    assert!(
        fresh
            .restore(folder.path())
            .await
            .unwrap_err()
            .why
            .contains("fresh server only")
    );

    let mut before = taken;
    for (change, named) in [
        ("SET s ONE", "0/s has other content"),
        ("LSET l 0 b", "0/l has other content"),
        ("SADD t w", "0/t has other content"),
        ("HSET h f 2", "0/h has other content"),
        ("ZADD z 1.25 a", "0/z has other content"),
        ("XADD q 6-1 k v", "0/q has other content"),
        ("PERSIST e", "0/e expires at another time"),
        ("DEL t; SET t x", "0/t is a string, a set before"),
        ("SET n n", "0/n is new"),
        ("SELECT 3; DEL s", "3/s is missing"),
    ] {
        say(old.2, change).await;
        let after = store.fingerprint().await.unwrap().unwrap();
        assert_eq!(store.compare(&before, &after), [named], "{change}");
        before = after;
    }
    // Other orders of writing are no differences, and what had to expire is not missed.
    say(old.2, "DEL h; HSET h g 2 f 2; SET soon x PX 1").await;
    let after = store.fingerprint().await.unwrap().unwrap();
    assert_eq!(store.compare(&before, &after), Vec::<String>::new());

    // A dump that is none: the server does not come up, and nobody says that it did.
    say(new.2, "FLUSHALL").await;
    std::fs::write(folder.path().join("dump.rdb"), b"REDIS0011 nonsense").unwrap();
    assert!(fresh.restore(folder.path()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq() {
    let Some((docker, container, _)) = server("rabbitmq", 5672, &["rabbitmq-server"]).await else {
        return;
    };
    let store = RabbitStore::new(docker, container.id());
    store.ready(Duration::from_secs(120)).await.unwrap();
    assert_eq!(store.holds().await.unwrap(), 0);
    let declare = "rabbitmqctl eval 'X = rabbit_misc:r(<<\"/\">>, queue, <<\"own-queue\">>), \
                   rabbit_amqqueue:declare(X, true, false, [], none, <<\"test\">>).'";
    let declared = std::process::Command::new("docker")
        .args(["exec", container.id(), "sh", "-c", declare])
        .output()
        .unwrap();
    assert!(declared.status.success(), "{declared:?}");
    assert!(store.find_text("own-queue").await.unwrap());
    assert!(!store.find_text("other-queue").await.unwrap());
    assert!(!store.write_direct(&copy("a", "one")).await.unwrap());
    keeps_nothing(&store).await;
    let first = store.identity().await.unwrap();
    container.stop().await.unwrap();
    let error = store.holds().await.unwrap_err();
    assert!(error.doing.contains("RabbitMQ"), "{error}");
    container.start().await.unwrap();
    assert_ne!(store.identity().await.unwrap(), first);
}
