//! Everything that reaches beyond the drill is refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use phoenix_compose::project::guard::Fill;
use phoenix_compose::project::{Remap, own, reaches};
use serde_json::{Value, json};

use super::printed;

const FOLDER: &str = "/projects/theirs";

fn told(tree: &Value, remap: &Remap) -> Vec<String> {
    reaches(&printed(tree), Path::new(FOLDER), remap)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn of_service(more: Value) -> Value {
    let mut service = json!({ "image": "x" });
    service
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "services": { "a": service } })
}

#[test]
fn each_key_of_a_service_that_reaches_out_is_refused_by_name() {
    let all = json!([
        { "volumes": ["/etc:/x:rw"] },
        { "volumes": ["/etc:/x:ro"] },
        { "volumes": ["/projects/theirs/data:/x"] },
        { "volumes": ["/projects/theirs/../other:/x:ro"] },
        { "volumes": ["/projects/theirsother:/x:ro"] },
        { "volumes": ["/var/run/docker.sock:/x:ro"] },
        { "volumes": ["/run:/x"] },
        { "volumes": ["/:/x:ro"] },
        { "volumes": [{ "type": "npipe", "source": "p", "target": "/x" }] },
        { "container_name": "fixed" },
        { "ports": ["8080:80"] },
        { "ports": [{ "target": 80, "published": "8080" }] },
        { "network_mode": "host" },
        { "network_mode": "bridge" },
        { "network_mode": "container:other" },
        { "pid": "host" },
        { "ipc": "host" },
        { "ipc": "container:other" },
        { "uts": "host" },
        { "userns_mode": "host" },
        { "privileged": true },
        { "cap_add": ["SYS_ADMIN"] },
        { "cap_add": ["CAP_SYS_PTRACE"] },
        { "cap_add": ["ALL"] },
        { "security_opt": ["seccomp:unconfined"] },
        { "devices": ["/dev/fuse:/dev/fuse"] },
        { "volumes_from": ["container:other:rw"] },
        { "external_links": ["other"] },
        { "extra_hosts": ["h:host-gateway"] },
        { "extra_hosts": ["h=host-gateway"] },
        { "cgroup_parent": "/" },
        { "mac_address": "02:42:ac:11:00:03" },
        { "networks": { "default": { "ipv4_address": "172.20.0.5" } } },
        { "use_api_socket": true },
        { "build": { "context": ".", "network": "host" } },
        { "build": { "context": ".", "tags": ["mine:latest"] } },
        { "build": { "context": ".", "privileged": true } },
        { "build": { "context": ".", "cache_to": ["type=local,dest=/x"] } },
        { "post_start": [{ "command": "x" }] },
    ]);
    let mut lines = Vec::new();
    for case in all.as_array().unwrap() {
        let told = told(&of_service(case.clone()), &Remap::default());
        assert_eq!(told.len(), 1, "{case}: {told:?}");
        lines.extend(told);
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn each_volume_network_and_file_that_reaches_out_is_refused_by_name() {
    let mut lines = Vec::new();
    for volume in [
        json!({ "external": true, "name": "real" }),
        json!({ "external": { "name": "old-form" } }),
        json!({ "name": "fixed" }),
        json!({ "driver": "rclone" }),
        json!({ "driver_opts": { "type": "none", "o": "bind", "device": "/x" } }),
        json!({ "driver_opts": { "type": "nfs", "o": "addr=10.0.0.1", "device": ":/x" } }),
        json!({ "driver_opts": { "o": "bind", "device": "/x" } }),
    ] {
        let mut tree = of_service(json!({ "volumes": ["data:/data:rw"] }));
        tree["volumes"] = json!({ "data": volume });
        let told = told(&tree, &Remap::default());
        assert_eq!(told.len(), 1, "{volume}: {told:?}");
        lines.extend(told);
    }
    for network in [json!({ "external": true }), json!({ "name": "fixed" })] {
        let mut tree = of_service(json!({ "networks": { "front": null } }));
        tree["networks"] = json!({ "front": network });
        lines.extend(told(&tree, &Remap::default()));
    }
    for secret in [
        json!({ "external": true }),
        json!({ "file": "/etc/shadow" }),
    ] {
        let mut tree = of_service(json!({ "secrets": [{ "source": "s" }] }));
        tree["secrets"] = json!({ "s": secret });
        lines.extend(told(&tree, &Remap::default()));
    }
    assert_eq!(lines.len(), 11, "{lines:#?}");
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_stays_inside_is_let_be() {
    let tree = json!({
        "services": {
            "a": {
                "image": "x", "restart": "always", "cap_add": ["NET_ADMIN", "CAP_CHOWN"],
                "volumes": ["data:/d:rw", "/projects/theirs/a.conf:/a:ro", "/anonymous"],
                "ports": [{ "target": 443 }], "depends_on": { "b": { "condition": "x" } },
                "security_opt": ["no-new-privileges:true"], "tmpfs": ["/t"],
                "extra_hosts": ["h:127.0.0.1"], "x-theirs": 1,
            },
            "b": { "image": "x", "network_mode": "service:a", "ipc": "service:a" },
        },
        "volumes": {
            "data": { "name": "drill_data", "driver": "local", "driver_opts": { "type": "tmpfs" } },
        },
        "networks": { "default": { "name": "drill_default", "internal": true } },
    });
    assert_eq!(told(&tree, &Remap::default()), Vec::<String>::new());
}

#[test]
fn what_is_mapped_becomes_the_runs_own() {
    let tree = json!({
        "services": {
            "a": {
                "image": "x", "container_name": "n", "ports": ["1:1"], "privileged": true,
                "volumes": ["/data:/d:rw", "/seed:/s:ro", "ext:/e:rw", "/anonymous",
                            "/nowhere/engine.sock:/docker:rw", "/:/host:ro"],
                "networks": { "theirs": { "ipv4_address": "10.0.0.1", "aliases": ["z"] } },
            },
            "h": { "image": "x", "network_mode": "host" },
        },
        "volumes": { "ext": { "external": true } },
        "networks": { "theirs": { "external": true } },
    });
    let remap = Remap {
        ports: true,
        names: true,
        addresses: true,
        binds: BTreeMap::from([
            ("a:/d".to_owned(), Fill::Empty),
            ("a:/s".to_owned(), Fill::Copy),
            ("a:/docker".to_owned(), Fill::Empty),
            ("a:/host".to_owned(), Fill::Empty),
        ]),
        volumes: BTreeSet::from(["ext".to_owned()]),
        networks: BTreeSet::from(["theirs".to_owned()]),
        left_out: BTreeSet::from(["a.privileged".to_owned(), "h.network_mode".to_owned()]),
    };
    let left = told(&tree, &remap);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left[0].contains("socket") && left[1].contains("the whole file system of the host"),
        "no mapping makes a socket or a host the run's own: {left:?}"
    );
    let mut without = remap.clone();
    for place in ["a:/docker", "a:/host"] {
        without.binds.insert(place.to_owned(), Fill::LeftOut);
    }
    assert_eq!(told(&tree, &without), Vec::<String>::new());
    let owned = own(&printed(&tree), &remap);
    let filled: Vec<_> = owned
        .volumes
        .iter()
        .map(|(name, volume)| (name.as_str(), volume.external, volume.filled_from.is_some()))
        .collect();
    assert_eq!(
        filled,
        [
            ("a-anonymous-1", false, false),
            ("a-bind-1", false, false),
            ("a-bind-2", false, true),
            ("ext", false, false)
        ]
    );
    assert!(owned.services["h"].networks.contains_key("default"));
    assert_eq!(own(&owned, &remap), owned, "mapping twice is mapping once");
}

#[test]
fn services_that_share_a_folder_share_what_stands_for_it() {
    let tree = json!({
        "services": {
            "app": { "image": "x", "volumes": ["/srv/html:/html:rw", "/srv/own:/own:rw"] },
            "cron": { "image": "x", "volumes": ["/srv/html:/html:rw"] },
        },
    });
    let binds = ["app:/html", "app:/own", "cron:/html"];
    let remap = Remap {
        binds: binds.map(|place| (place.to_owned(), Fill::Empty)).into(),
        ..Remap::default()
    };
    let owned = own(&printed(&tree), &remap);
    let of = |service: &str| owned.services[service].mounts[0].source.clone();
    assert_eq!(of("app"), of("cron"));
    assert_eq!(owned.volumes.len(), 2, "{:?}", owned.volumes);
}
