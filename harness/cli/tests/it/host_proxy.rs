//! A machine whose way out is a proxy: the harness asks the stack itself, and no container hears of it.

use std::io::ErrorKind;
use std::net::TcpListener;

use serde_json::json;

use crate::drill::{Drill, name};
use crate::killed_in_containers::{RUN, docker, possible};

/// The variables by which programs are told of a proxy.
const VARIABLES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Tells the commands of a drill of a proxy in every way that there is; the proxy, that counts.
fn behind_a_proxy(drill: &mut Drill) -> TcpListener {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy.set_nonblocking(true).expect("a listener");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    for name in VARIABLES {
        drill.set(name, &url);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        drill.set(name, "");
    }
    let home = drill.path("docker");
    std::fs::create_dir(&home).expect("a folder");
    let told = json!({ "proxies": { "default": { "httpProxy": url, "httpsProxy": url } } });
    std::fs::write(home.join("config.json"), told.to_string()).expect("a file");
    drill.set("DOCKER_CONFIG", &home.display().to_string());
    proxy
}

fn nobody_called(proxy: &TcpListener) {
    let called = proxy.accept().map_err(|why| why.kind());
    assert!(
        matches!(called, Err(ErrorKind::WouldBlock)),
        "the proxy was called: {called:?}"
    );
}

#[test]
fn probes_do_not_go_through_it() {
    let mut drill = Drill::new();
    let proxy = behind_a_proxy(&mut drill);
    let said = drill.phoenix(&["run", "short", "--env", "small", "--format", "json"]);
    let verdict = Drill::verdict(&said);
    assert_eq!(verdict["cycles"][0]["answers"][0], "recovered", "{verdict}");
    nobody_called(&proxy);
}

#[test]
fn containers_are_not_told_of_it() {
    if !possible() {
        return;
    }
    let mut drill = Drill::in_containers();
    let proxy = behind_a_proxy(&mut drill);
    let mut live = drill.start(&RUN);
    live.wait_for("{\"step-started\":{\"step\":\"04-backup\"}}");
    let run = name(&live.folder);
    let ids = docker(&["ps", "-a", "-q"]).expect("a list");
    let format = "{{.Config.Labels}} {{.Config.Env}}";
    let told: Vec<String> = ids
        .lines()
        .filter_map(|id| docker(&["inspect", "--format", format, id]).ok())
        .filter(|line| line.contains(&run))
        .collect();
    let end = live.child.wait().expect("its end");
    assert_eq!(end.code(), Some(0), "{end}");
    assert!(told.len() >= 2, "the database and the gate: {told:?}");
    for line in told {
        let low = line.to_lowercase();
        assert!(!low.contains("_proxy="), "{line}");
    }
    nobody_called(&proxy);
}
