//! What the tool printed, as a [`Project`]. The two versions print the same project in different
//! words; here the differences end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::words::split;
use super::{Material, Mount, Network, Port, Project, Service, Source, Volume};

/// Reads the tree that `config` printed for a project of this name.
///
/// # Errors
/// What is not understood, by its place.
pub fn project(name: &str, folder: &Path, printed: &Value) -> Result<Project, String> {
    let tree = unescaped(printed);
    let mut project = Project {
        name: name.to_owned(),
        folder: folder.to_owned(),
        services: BTreeMap::new(),
        volumes: BTreeMap::new(),
        networks: BTreeMap::new(),
        files: BTreeMap::new(),
        warnings: Vec::new(),
    };
    let services = tree["services"].as_object().ok_or("it has no services")?;
    for (service, raw) in services {
        let raw = raw
            .as_object()
            .ok_or_else(|| format!("services.{service} is no map"))?;
        let read = self::service(raw, folder).map_err(|why| format!("services.{service}.{why}"))?;
        project.services.insert(service.clone(), read);
    }
    // Version 2 leaves out what no service uses, and version 1 does not.
    let (mut volumes, mut networks, mut files) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for service in project.services.values() {
        networks.extend(service.networks.keys().cloned());
        for mount in &service.mounts {
            if let Source::Volume(volume) = &mount.source {
                volumes.insert(volume.clone());
            }
        }
        for kind in ["secrets", "configs"] {
            let used = items(service.raw.get(kind));
            let names = used
                .iter()
                .filter_map(|item| text(&item["source"]).or_else(|| text(item)));
            files.extend(names.map(|used| (kind, used)));
        }
    }
    for volume in volumes {
        let read = self::volume(name, &volume, &tree["volumes"][&volume]);
        project.volumes.insert(volume, read);
    }
    for network in networks {
        let declared = &tree["networks"][&network];
        let external = is_external(declared);
        let fixed = fixed_name(name, &network, declared, external);
        project.networks.insert(
            network,
            Network {
                external,
                name: fixed,
            },
        );
    }
    for (kind, used) in files {
        let declared = &tree[kind][&used];
        let material = Material {
            external: is_external(declared),
            file: text(&declared["file"]).map(|file| real(&folder.join(file))),
        };
        project.files.insert(format!("{kind}/{used}"), material);
    }
    Ok(project)
}

fn service(raw: &Map<String, Value>, folder: &Path) -> Result<Service, String> {
    let get = |key: &str| raw.get(key).unwrap_or(&Value::Null);
    let mut service = Service {
        image: text(get("image")),
        built: !get("build").is_null(),
        command: words(get("command")),
        entrypoint: words(get("entrypoint")),
        exposed: items(raw.get("expose")).iter().filter_map(text).collect(),
        container_name: text(get("container_name")),
        network_mode: text(get("network_mode")),
        privileged: get("privileged") == &Value::Bool(true),
        restart: text(get("restart")),
        user: text(get("user")),
        raw: raw.clone(),
        ..Service::default()
    };
    // A variable without a value is one that the tool would take from its own environment.
    for (name, value) in get("environment").as_object().into_iter().flatten() {
        if let Some(value) = text(value) {
            service.environment.insert(name.clone(), value);
        }
    }
    for port in items(raw.get("ports")) {
        let read = self::port(&port).ok_or_else(|| format!("ports: {port} is not understood"))?;
        service.ports.push(read);
    }
    for volume in items(raw.get("volumes")) {
        let read = mount(&volume, folder);
        service
            .mounts
            .push(read.ok_or_else(|| format!("volumes: {volume} is not understood"))?);
    }
    for target in items(raw.get("tmpfs")).iter().filter_map(text) {
        let target = target.split(':').next().unwrap_or_default().to_owned();
        service.mounts.push(Mount {
            source: Source::Tmpfs,
            target,
            read_only: false,
        });
    }
    // Version 1 does not keep the order of the file where files are merged.
    service.mounts.sort_by(|a, b| a.target.cmp(&b.target));
    service.depends_on = dependencies(raw);
    service.networks = networks(raw);
    for host in items(raw.get("extra_hosts")).iter().filter_map(text) {
        // Version 2 prints `name=address`, version 1 what was written: `name:address`.
        if let Some((name, address)) = host.split_once('=').or_else(|| host.split_once(':')) {
            service
                .extra_hosts
                .insert(name.to_owned(), address.to_owned());
        }
    }
    if let Some(hosts) = get("extra_hosts").as_object() {
        let hosts = hosts
            .iter()
            .filter_map(|(name, to)| Some((name.clone(), text(to)?)));
        service.extra_hosts.extend(hosts);
    }
    let check = get("healthcheck");
    let none = items(check.get("test")).first().and_then(text).as_deref() == Some("NONE");
    service.healthcheck = check.get("test").is_some() && check["disable"] != true && !none;
    Ok(service)
}

/// What a service waits for, said or implied: version 1 does not print what is implied.
fn dependencies(raw: &Map<String, Value>) -> BTreeMap<String, String> {
    let started = || "service_started".to_owned();
    let mut all = BTreeMap::new();
    match raw.get("depends_on") {
        Some(Value::Object(entries)) => {
            for (name, how) in entries {
                all.insert(
                    name.clone(),
                    text(&how["condition"]).unwrap_or_else(started),
                );
            }
        }
        other => all.extend(
            items(other)
                .iter()
                .filter_map(text)
                .map(|name| (name, started())),
        ),
    }
    let mut implied = Vec::new();
    for key in ["network_mode", "pid", "ipc"] {
        let mode = raw.get(key).and_then(text);
        implied.extend(mode.and_then(|mode| Some(mode.strip_prefix("service:")?.to_owned())));
    }
    for key in ["links", "volumes_from"] {
        for of in items(raw.get(key)).iter().filter_map(text) {
            let of = of.strip_prefix("service:").unwrap_or(&of);
            let name = of.split(':').next().unwrap_or(of);
            implied.extend((name != "container").then(|| name.to_owned()));
        }
    }
    for name in implied {
        all.entry(name).or_insert_with(started);
    }
    all
}

fn networks(raw: &Map<String, Value>) -> BTreeMap<String, Vec<String>> {
    if raw.get("network_mode").is_some_and(|mode| !mode.is_null()) {
        return BTreeMap::new();
    }
    let all: BTreeMap<String, Vec<String>> = match raw.get("networks") {
        Some(Value::Object(entries)) => entries
            .iter()
            .map(|(name, how)| {
                let written = items(how.get("aliases"));
                // Sorted for the same reason as mounts.
                let aliases: BTreeSet<String> = written.iter().filter_map(text).collect();
                (name.clone(), aliases.into_iter().collect())
            })
            .collect(),
        other => items(other)
            .iter()
            .filter_map(text)
            .map(|name| (name, Vec::new()))
            .collect(),
    };
    // A service that names none is in the project's own.
    if all.is_empty() {
        return BTreeMap::from([("default".to_owned(), Vec::new())]);
    }
    all
}

fn port(item: &Value) -> Option<Port> {
    if item.is_object() {
        return Some(Port {
            target: text(&item["target"])?,
            published: text(&item["published"]).filter(|port| !port.is_empty() && port != "0"),
            host: text(&item["host_ip"]).or_else(|| text(&item["external_ip"])),
            protocol: text(&item["protocol"]).unwrap_or_else(|| "tcp".to_owned()),
        });
    }
    let written = text(item)?;
    let (ports, protocol) = written.split_once('/').unwrap_or((&written, "tcp"));
    // From the right: an address may have colons of its own.
    let mut parts = ports.rsplitn(3, ':');
    Some(Port {
        target: parts.next()?.to_owned(),
        published: parts
            .next()
            .map(str::to_owned)
            .filter(|port| !port.is_empty()),
        host: parts
            .next()
            .map(|host| host.trim_matches(['[', ']']).to_owned()),
        protocol: protocol.to_owned(),
    })
}

fn mount(item: &Value, folder: &Path) -> Option<Mount> {
    if item.is_object() {
        let source = text(&item["source"]).filter(|source| !source.is_empty());
        let source = match (text(&item["type"])?.as_str(), source) {
            ("volume", Some(name)) => Source::Volume(name),
            ("volume", None) => Source::Anonymous,
            ("bind", Some(path)) => bind(&path, folder),
            ("tmpfs", _) => Source::Tmpfs,
            (other, _) => Source::Other(other.to_owned()),
        };
        return Some(Mount {
            source,
            target: text(&item["target"])?,
            read_only: item["read_only"] == true,
        });
    }
    let written = text(item)?;
    let parts: Vec<&str> = written.split(':').collect();
    let (source, target, mode) = match parts[..] {
        [target] => (Source::Anonymous, target, "rw"),
        [source, target] => (named(source, folder), target, "rw"),
        [source, target, mode] => (named(source, folder), target, mode),
        _ => return None,
    };
    Some(Mount {
        source,
        target: target.to_owned(),
        read_only: mode.split(',').any(|flag| flag == "ro"),
    })
}

fn named(source: &str, folder: &Path) -> Source {
    if source.starts_with(['/', '.', '~']) {
        bind(source, folder)
    } else {
        Source::Volume(source.to_owned())
    }
}

fn bind(source: &str, folder: &Path) -> Source {
    let path = folder.join(source);
    let real = real(&path);
    let file = real.exists() && !real.is_dir();
    Source::Bind { path, real, file }
}

/// Where a path leads to. The part of it that does not exist is taken as it is written, with
/// its `..` taken out, so that it cannot lead anywhere else once it does exist.
fn real(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::CurDir => {}
            part => out.push(part),
        }
        if let Ok(there) = out.canonicalize() {
            out = there;
        }
    }
    out
}

fn volume(project: &str, key: &str, declared: &Value) -> Volume {
    let external = is_external(declared);
    let options = declared["driver_opts"].as_object();
    Volume {
        external,
        name: fixed_name(project, key, declared, external),
        driver: text(&declared["driver"]).filter(|driver| driver != "local"),
        options: options
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect(),
        filled_from: None,
    }
}

fn is_external(declared: &Value) -> bool {
    declared["external"] == true || declared["external"].is_object()
}

/// The name that a file fixes. Version 2 prints the one that it would choose itself, too.
fn fixed_name(project: &str, key: &str, declared: &Value, external: bool) -> Option<String> {
    let name = text(&declared["name"]).or_else(|| text(&declared["external"]["name"]));
    match name {
        Some(name) if external || name != format!("{project}_{key}") => Some(name),
        None if external => Some(key.to_owned()),
        _ => None,
    }
}

fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => Some(items.iter().filter_map(text).collect()),
        other => text(other).map(|line| split(&line)),
    }
}

pub(super) fn items(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null | Value::Object(_)) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The tree with `$$` read as `$`: the tool escapes what it prints.
fn unescaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(items) => items.iter().map(unescaped).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), unescaped(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
