//! The file that is really run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use phoenix_compose::project::guard::Fill;
use phoenix_compose::project::{Drill, Project, Remap, own, reaches, transform};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{printed, read, tools, write};

fn drill(project: &Project) -> Drill {
    let engine = |kind: &str, names: Vec<&String>| {
        names
            .into_iter()
            .map(|name| (name.clone(), format!("phoenix-r1-{kind}-{name}")))
            .collect()
    };
    Drill {
        run: "r1".to_owned(),
        project: "phoenix-r1".to_owned(),
        volumes: engine("volume", project.volumes.keys().collect()),
        networks: engine("network", project.networks.keys().collect()),
        images: BTreeMap::new(),
    }
}

fn nasty() -> Value {
    json!({
        "name": "drill",
        "services": {
            "web": {
                "image": "example/web:1", "init": true, "user": "0", "restart": "always",
                "command": ["sh", "-c", "echo $$HOME"], "logging": { "driver": "syslog" },
                "environment": { "A": "p$$q ${X}", "N": 1, "NONE": null, "ODD": "a\u{7f}\u{feff}" },
                "ports": ["8080:80"], "expose": ["99"], "container_name": "web",
                "depends_on": { "db": { "condition": "service_healthy", "required": true } },
                "healthcheck": { "test": ["CMD", "x", "$$Y"], "interval": "2s" },
                "volumes": [
                    "data:/data:rw", "/projects/theirs/a.conf:/a.conf:ro", "/anonymous",
                    "/projects/theirs/state:/state:rw",
                    { "type": "tmpfs", "target": "/memory", "tmpfs": { "size": "1000" } },
                    { "type": "volume", "source": "theirs", "target": "/theirs",
                      "read_only": true, "volume": { "nocopy": true } },
                ],
                "tmpfs": ["/tt:size=1m"], "extra_hosts": ["h=10.0.0.1"], "x-theirs": 1,
                "networks": { "front": { "aliases": ["x.localhost"] }, "default": null },
                "labels": { "l": "m" }, "secrets": [{ "source": "s" }],
                "deploy": { "replicas": 3, "resources": { "limits": { "memory": "1048576" } } },
            },
            "db": { "image": "example/db:1", "cpus": 0.5, "build": { "context": "/projects/theirs/db" } },
            "side": { "image": "example/side:1", "network_mode": "service:web" },
        },
        "volumes": { "data": { "name": "drill_data" }, "theirs": { "external": true, "name": "r" } },
        "networks": { "front": { "internal": true } },
        "secrets": { "s": { "name": "drill_s", "file": "/projects/theirs/s.txt" } },
    })
}

fn mapped() -> Remap {
    Remap {
        ports: true,
        names: true,
        binds: BTreeMap::from([("web:/state".to_owned(), Fill::Copy)]),
        volumes: BTreeSet::from(["theirs".to_owned()]),
        ..Remap::default()
    }
}

#[test]
fn a_nasty_project_becomes_this() {
    let project = own(&printed(&nasty()), &mapped());
    assert_eq!(
        reaches(&project, Path::new("/projects/theirs"), &mapped()),
        []
    );
    let text = transform(&project, &drill(&project)).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn what_the_run_did_not_make_is_not_mounted() {
    let project = own(&printed(&nasty()), &mapped());
    let mut made = drill(&project);
    made.volumes.remove("web-anonymous-1");
    let said = transform(&project, &made).unwrap_err().to_string();
    assert!(said.contains("web-anonymous-1"), "{said}");
    let unmapped = printed(&nasty());
    let said = transform(&unmapped, &drill(&unmapped))
        .unwrap_err()
        .to_string();
    assert!(said.contains("web:/anonymous"), "{said}");
}

#[test]
fn an_override_of_an_image_wins_over_a_build() {
    let project = own(&printed(&nasty()), &mapped());
    let mut made = drill(&project);
    made.images.insert("db".to_owned(), "air/db:1".to_owned());
    let file: Value = serde_json::from_str(&transform(&project, &made).unwrap()).unwrap();
    assert_eq!(file["services"]["db"]["image"], "air/db:1");
    assert_eq!(file["services"]["db"]["build"], Value::Null);
}

/// What the tool makes of the written file is what was written: in both versions.
#[tokio::test]
async fn every_version_of_the_tool_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let project = own(&printed(&nasty()), &mapped());
    let mut made = drill(&project);
    // Version 1 wants the folder of a build to be there.
    made.images.insert("db".to_owned(), "air/db:1".to_owned());
    let text = transform(&project, &made).unwrap();
    let file = write(folder.path(), "compose.json", &text);
    for tool in tools(folder.path()).await {
        let again = read(&tool, std::slice::from_ref(&file)).await.unwrap();
        assert_eq!(
            again.volumes["data"].name.as_deref(),
            Some("phoenix-r1-volume-data")
        );
        let (before, after) = (&project.services["web"], &again.services["web"]);
        assert_eq!(before.environment, after.environment);
        assert_eq!(before.command, after.command);
        assert_eq!(before.mounts, after.mounts);
        assert_eq!(before.extra_hosts, after.extra_hosts);
        assert_eq!(after.ports, []);
        assert_eq!(after.depends_on, BTreeMap::new());
        assert_eq!(after.networks["front"], ["web", "x.localhost"]);
    }
}

fn services() -> impl Strategy<Value = Value> {
    let part = prop_oneof![
        Just(json!({ "volumes": ["/etc:/x:rw", "/projects/theirs/f:/y:ro"] })),
        Just(json!({ "volumes": ["/projects/theirs/state:/state:rw", "data:/d:rw"] })),
        Just(json!({ "volumes": ["/a", "/b", { "type": "volume", "target": "/c" }] })),
        Just(json!({ "volumes": ["/var/run/docker.sock:/s:rw"] })),
        Just(json!({ "volumes": ["ext:/e:rw", "fixed:/f:ro", "nfs:/n:rw"] })),
        Just(json!({ "ports": ["80:80", { "target": 5, "published": "6" }] })),
        Just(json!({ "container_name": "n" })),
        Just(json!({ "network_mode": "host" })),
        Just(json!({ "networks": { "ext": { "ipv4_address": "10.0.0.1" }, "fixed": null } })),
        Just(json!({ "privileged": true, "pid": "host", "cap_add": ["ALL"] })),
        Just(json!({ "restart": "always", "depends_on": ["b"], "links": ["b"] })),
        Just(json!({ "newest_key": { "reaches": "anything" } })),
    ];
    prop::collection::vec(prop::collection::vec(part, 0..4), 1..4).prop_map(|all| {
        let mut services = serde_json::Map::new();
        for (at, parts) in all.into_iter().enumerate() {
            let mut service = json!({ "image": "x" });
            for part in parts {
                service
                    .as_object_mut()
                    .unwrap()
                    .extend(part.as_object().unwrap().clone());
            }
            services.insert(["a", "b", "c"][at].to_owned(), service);
        }
        services
            .entry("b")
            .or_insert_with(|| json!({ "image": "x" }));
        services.into()
    })
}

fn remaps() -> impl Strategy<Value = Remap> {
    let set = |of: &'static [&'static str]| {
        prop::sample::subsequence(of.to_vec(), 0..=of.len())
            .prop_map(|of| of.into_iter().map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let binds = [
        "a:/x", "a:/state", "b:/x", "b:/state", "c:/x", "c:/state", "a:/s",
    ];
    (
        // Mostly everything mapped, so that many projects get through.
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
        prop::sample::subsequence(binds.to_vec(), 3..=binds.len()),
        set(&["ext", "nfs"]),
        set(&["ext"]),
        prop::bool::ANY,
    )
        .prop_map(
            |(ports, names, addresses, binds, volumes, networks, all)| Remap {
                ports,
                names,
                addresses,
                binds: binds
                    .into_iter()
                    .map(|bind| (bind.to_owned(), Fill::Copy))
                    .collect(),
                volumes,
                networks,
                left_out: ["a", "b", "c"]
                    .iter()
                    .flat_map(|service| {
                        ["network_mode", "privileged", "pid", "cap_add", "newest_key"]
                            .map(|key| format!("{service}.{key}"))
                    })
                    .filter(|_| all)
                    .collect(),
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_project_that_gets_through_holds_nothing_but_the_runs_own(
        services in services(), remap in remaps()
    ) {
        let tree = json!({
            "services": services,
            "volumes": {
                "ext": { "external": true }, "fixed": { "name": "theirs" },
                "nfs": { "driver_opts": { "type": "nfs", "device": ":/x" } },
            },
            "networks": { "ext": { "external": true }, "fixed": { "name": "theirs" } },
        });
        let project = own(&printed(&tree), &remap);
        if reaches(&project, Path::new("/projects/theirs"), &remap).is_empty() {
            let text = transform(&project, &drill(&project)).unwrap();
            held(&serde_json::from_str(&text).unwrap())?;
        }
    }
}

fn held(file: &Value) -> Result<(), TestCaseError> {
    for service in file["services"].as_object().unwrap().values() {
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let kind = mount["type"].as_str().unwrap();
            if kind == "bind" {
                prop_assert!(mount["read_only"] == true, "{mount}");
                let source = mount["source"].as_str().unwrap();
                prop_assert!(source.starts_with("/projects/theirs/"), "{mount}");
            } else {
                let declared = &file["volumes"][mount["source"].as_str().unwrap()];
                prop_assert!(!declared.is_null(), "{mount}");
            }
        }
        for key in [
            "ports",
            "container_name",
            "privileged",
            "pid",
            "cap_add",
            "newest_key",
        ] {
            prop_assert!(service[key].is_null(), "{key}");
        }
        for key in ["depends_on", "volumes_from"] {
            prop_assert!(service[key].is_null(), "{key}");
        }
        prop_assert!(service["network_mode"] != "host");
        prop_assert!(service["restart"] == "no");
        prop_assert!(service["labels"]["phoenix.run"] == "r1");
    }
    for kind in ["volumes", "networks"] {
        for made in file[kind]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
        {
            prop_assert!(
                made["name"].as_str().unwrap().starts_with("phoenix-r1-"),
                "{made}"
            );
        }
    }
    Ok(())
}
