//! What the containers of a stack can reach beyond it: what the environment file allows.

use std::collections::HashMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkCreateRequest, NetworkingConfig,
};
use futures::future::join_all;
use phoenix_compose::Compose;
use phoenix_compose::engine::{Engine, RUN};
use phoenix_engine::environment::{DriverError, Environment as _};
use phoenix_engine::lower;
use phoenix_language::vocabulary::parse_environment;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::filling;

const IMAGE: &str = "phoenix.local/socat:current";

const SERVICES: &str = r#"
services:
  inside: { image: registry.invalid/socat:1, entrypoint: [sleep, "600"], volumes: ["kept:/kept"], networks: [near] }
  apart: { image: registry.invalid/socat:1, entrypoint: [sleep, "600"], networks: [far] }
networks: { near: , far: }
volumes: { kept: }
"#;

/// Something outside of every run: a program on the machine of the engine, on all of its addresses.
async fn outside(says: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = stream.write_all(says.as_bytes()).await;
        }
    });
    port
}

/// The address that the engine keeps for its machine on a network.
async fn host_on(engine: &Engine, network: &str) -> String {
    let found = engine
        .docker()
        .inspect_network(network, None)
        .await
        .unwrap();
    let configured = found.ipam.unwrap().config.unwrap();
    configured[0].gateway.clone().unwrap()
}

/// What a container gets to read when it calls a place.
async fn heard(engine: &Engine, container: &str, host: &str, port: u16) -> String {
    let call = format!("TCP:{host}:{port},connect-timeout=2");
    let words = ["timeout", "8", "socat", "-t", "2", "-u", &call, "-"];
    engine
        .exec(container, None, &words, &[])
        .await
        .unwrap()
        .output
}

async fn id(engine: &Engine, service: &str) -> String {
    engine.container(service).await.unwrap().unwrap().id
}

/// A driver over the services with these ways out, nothing built.
async fn driver(folder: &Path, run: &str, egress: &str) -> Result<Compose, DriverError> {
    let environment = format!(
        "environment: closed\n\
         driver:\n  compose: {{ files: [compose.yaml], airgapped: [airgapped.yaml], egress: {egress} }}\n\
         stores:\n  kept: {{ volume: {{ name: kept }} }}\n\
         services: {{}}\n\
         profiles:\n  today: {{ default: {{ keep: nothing }} }}\n"
    );
    let airgapped = format!(
        "services:\n  inside: {{ image: \"{IMAGE}\" }}\n  apart: {{ image: \"{IMAGE}\" }}\n"
    );
    fs::write(folder.join("compose.yaml"), SERVICES).unwrap();
    fs::write(folder.join("airgapped.yaml"), airgapped).unwrap();
    let file = folder.join("environment.yaml").display().to_string();
    let source = parse_environment(&file, &environment).unwrap();
    let stack = lower::stack(&source, "today").unwrap();
    let cycle = folder.join(format!("cycle-{run}"));
    fs::create_dir(&cycle).unwrap();
    Compose::new(run, "0badcafe", stack, &cycle, &|_| {}).await
}

/// A network of this run as the engine makes it by itself: with an address of the engine's machine on it.
async fn network(engine: &Engine, name: &str, internal: bool) -> String {
    let network = NetworkCreateRequest {
        name: engine.network_name(name),
        internal: Some(internal),
        labels: Some(labels(engine)),
        ..NetworkCreateRequest::default()
    };
    engine.docker().create_network(network).await.unwrap();
    host_on(engine, &engine.network_name(name)).await
}

fn labels(engine: &Engine) -> HashMap<String, String> {
    HashMap::from([(RUN.to_owned(), engine.run().to_owned())])
}

/// A container on such a network.
async fn on(engine: &Engine, network: &str) -> String {
    let name = engine.network_name(network);
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        entrypoint: Some(["sleep", "600"].map(str::to_owned).to_vec()),
        labels: Some(labels(engine)),
        host_config: Some(HostConfig {
            init: Some(true),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(name, EndpointSettings::default())])),
        }),
        ..ContainerCreateBody::default()
    };
    let docker = engine.docker();
    let made = docker.create_container(None, body).await.unwrap();
    docker.start_container(&made.id, None).await.unwrap();
    made.id
}

#[tokio::test]
async fn nothing_is_reached_without_a_way_out_and_the_host_neither() {
    let run = filling::run("closed");
    let Some(engine) = filling::engine(&format!("{run}-0badcafe"), IMAGE).await else {
        return;
    };
    let port = outside("outside").await;
    let elsewhere = network(&engine, "elsewhere", false).await;
    let there = network(&engine, "internal", true).await;
    let folder = tempfile::tempdir().unwrap();
    let driver = driver(folder.path(), &run, "[]").await.unwrap();
    let built = driver.build().await;
    let seen = async {
        built?;
        let inside = id(&engine, "inside").await;
        let own = host_on(&engine, &engine.network_name("near")).await;
        let mut heard_of = Vec::new();
        for host in [&own, &elsewhere] {
            heard_of.push(heard(&engine, &inside, host, port).await);
        }
        // The same calls find their way where the engine keeps its address on the network.
        let open = on(&engine, "internal").await;
        let control = heard(&engine, &open, &there, port).await;
        Ok::<_, DriverError>((heard_of, control))
    }
    .await;
    driver.reap().await.unwrap();
    let (heard_of, control) = seen.unwrap();
    assert_eq!(control, "outside", "the listener is there");
    for said in heard_of {
        assert!(!said.contains("outside"), "{said}");
    }
    assert_eq!(driver.egress(), Some(Vec::new()));
}

#[tokio::test]
async fn what_is_allowed_is_reached_by_its_name_and_nothing_else() {
    let run = filling::run("allowed");
    let Some(engine) = filling::engine(&format!("{run}-0badcafe"), IMAGE).await else {
        return;
    };
    let (port, other) = (outside("allowed").await, outside("other").await);
    let host = network(&engine, "elsewhere", false).await;
    let folder = tempfile::tempdir().unwrap();
    let way = format!("smtp.example.test:25 -> {host}:{port}");
    let driver = driver(folder.path(), &run, &format!("[\"{way}\"]"))
        .await
        .unwrap();
    let built = driver.build().await;
    let seen = async {
        built?;
        let mut by_name = Vec::new();
        let mut else_where = Vec::new();
        for service in ["inside", "apart"] {
            let container = id(&engine, service).await;
            by_name.push(heard(&engine, &container, "smtp.example.test", 25).await);
            let calls = [
                ("smtp.example.test", other),
                ("imap.example.test", 25),
                (host.as_str(), port),
                (host.as_str(), other),
            ];
            let calls = calls.map(|(host, port)| heard(&engine, &container, host, port));
            else_where.extend(join_all(calls).await);
        }
        Ok::<_, DriverError>((by_name, else_where))
    }
    .await;
    driver.reap().await.unwrap();
    let (by_name, else_where) = seen.unwrap();
    assert_eq!(by_name, ["allowed", "allowed"]);
    for said in else_where {
        assert!(
            !said.contains("allowed") && !said.contains("other"),
            "{said}"
        );
    }
    assert_eq!(driver.egress(), Some(vec![way]));
    assert_eq!(engine.containers().await.unwrap(), [], "reaped");
    assert_eq!(engine.networks().await.unwrap(), [""; 0], "reaped");
}

#[tokio::test]
async fn a_way_out_that_leads_nowhere_or_to_the_stack_is_refused() {
    let run = filling::run("refused");
    if filling::engine(&run, IMAGE).await.is_none() {
        return;
    }
    for (number, (egress, why)) in [
        ("[\"a.example.test:25 -> 127.0.0.1:25\"]", "forwarder's own"),
        (
            "[\"a.example.test:25 -> nobody.invalid:25\"]",
            "nobody.invalid",
        ),
        (
            "[\"inside:25 -> 192.0.2.7:25\"]",
            "a service of that name itself",
        ),
        (
            "[\"a.example.test:25 -> 192.0.2.7:25\", \"a.example.test:25 -> 192.0.2.8:25\"]",
            "leads elsewhere too",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = tempfile::tempdir().unwrap();
        let made = driver(folder.path(), &format!("{run}-{number}"), egress).await;
        let said = made.err().expect("it is refused").to_string();
        assert!(said.contains(why), "{said}");
    }
}
