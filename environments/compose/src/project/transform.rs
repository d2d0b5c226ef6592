//! The file that is really run. It is JSON, which every reader of YAML reads: nothing in it can
//! be quoted in two ways, and the tool gets no chance to see `no` as a truth value.

use std::collections::BTreeMap;

use phoenix_engine::environment::DriverError;
use serde_json::{Map, Value, json};

use super::guard::{HARMLESS, JUDGED};
use super::parse::{items, text};
use super::{Project, Service, Source};
use crate::engine::{RUN, SERVICE};

/// What this run has made for a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drill {
    /// The run.
    pub run: String,
    /// Name of the project on the engine.
    pub project: String,
    /// Names on the engine of the project's volumes.
    pub volumes: BTreeMap<String, String>,
    /// Names on the engine of the project's networks.
    pub networks: BTreeMap<String, String>,
    /// Images that stand for those of the file, by service.
    pub images: BTreeMap<String, String>,
}

impl Drill {
    /// The image that is built for a service.
    #[must_use]
    pub fn built(&self, service: &str) -> String {
        format!("{}-{service}:drill", self.project)
    }
}

/// Keys that are written here in the run's own way, or not at all: ports (published by the gate),
/// the fixed name, and what [`super::own`] has already replaced.
const OURS: [&str; 9] = [
    "build",
    "container_name",
    "environment",
    "extra_hosts",
    "image",
    "labels",
    "networks",
    "ports",
    "volumes",
];

/// Writes the file for a project that [`super::own`] has prepared and in which
/// [`super::reaches`] finds nothing.
///
/// Left out on purpose: `depends_on`, because the harness orders and times the starts itself;
/// `restart`, because the engine would hide a container that died, and would bring it back behind
/// the back of a destroy; `logging`, because the harness reads the logs from the engine, and a
/// log that is sent away is one that leaves the drill.
///
/// # Errors
/// When a volume or network is not among what the run made, or a mount is left that may not be.
pub fn transform(project: &Project, drill: &Drill) -> Result<String, DriverError> {
    let fail = |why: String| DriverError::new("writing the run's Compose file", why);
    let mut services = Map::new();
    for (name, service) in &project.services {
        let written = self::service(project, drill, name, service).map_err(fail)?;
        services.insert(name.clone(), Value::Object(written));
    }
    let external = |kind: &str, made: &BTreeMap<String, String>, names: Vec<&String>| {
        names
            .into_iter()
            .map(|name| match made.get(name) {
                Some(engine) => Ok((name.clone(), json!({ "external": true, "name": engine }))),
                None => Err(fail(format!("the run made no {kind} for {name}"))),
            })
            .collect::<Result<Map<String, Value>, _>>()
    };
    let mut file = Map::new();
    file.insert("services".to_owned(), services.into());
    let volumes = external("volume", &drill.volumes, project.volumes.keys().collect())?;
    let networks = external(
        "network",
        &drill.networks,
        project.networks.keys().collect(),
    )?;
    for (kind, entries) in [("volumes", volumes), ("networks", networks)] {
        if !entries.is_empty() {
            file.insert(kind.to_owned(), entries.into());
        }
    }
    for (key, material) in &project.files {
        let (Some((kind, name)), Some(path)) = (key.split_once('/'), &material.file) else {
            return Err(fail(format!("{key} comes from no file")));
        };
        let entries = file.entry(kind).or_insert_with(|| json!({}));
        entries[name] = json!({ "file": path });
    }
    let json = serde_json::to_string_pretty(&escaped(&Value::Object(file)))
        .map_err(|why| fail(why.to_string()))?;
    // Readers of YAML refuse some characters that JSON may hold as they are.
    let mut out = String::with_capacity(json.len() + 1);
    for letter in json.chars() {
        match letter {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push('\n');
    Ok(out)
}

fn service(
    project: &Project,
    drill: &Drill,
    name: &str,
    service: &Service,
) -> Result<Map<String, Value>, String> {
    let mut out = Map::new();
    let passed = HARMLESS.iter().chain(&JUDGED);
    for key in passed.filter(|key| !OURS.contains(key)) {
        if let Some(value) = service.raw.get(*key) {
            out.insert((*key).to_owned(), value.clone());
        }
    }
    if let Some(value) = service.raw.get("cap_drop") {
        out.insert("cap_drop".to_owned(), value.clone());
    }
    if let Some(limits) = service
        .raw
        .get("deploy")
        .and_then(|deploy| deploy.pointer("/resources/limits"))
    {
        out.insert(
            "deploy".to_owned(),
            json!({ "resources": { "limits": limits } }),
        );
    }
    image(drill, name, service, &mut out);
    out.insert("environment".to_owned(), json!(service.environment));
    out.insert("labels".to_owned(), labels(drill, name, service));
    if !service.extra_hosts.is_empty() {
        let hosts = service
            .extra_hosts
            .iter()
            .map(|(host, to)| format!("{host}:{to}"));
        out.insert("extra_hosts".to_owned(), hosts.collect());
    }
    let mounts = mounts(project, name, service)?;
    if !mounts.is_empty() {
        out.insert("volumes".to_owned(), mounts.into());
    }
    if service.network_mode.is_none() {
        let networks = service.networks.iter().map(|(network, aliases)| {
            let mut all = vec![name.to_owned()];
            all.extend(aliases.iter().filter(|alias| *alias != name).cloned());
            (network.clone(), json!({ "aliases": all }))
        });
        out.insert(
            "networks".to_owned(),
            networks.collect::<Map<_, _>>().into(),
        );
    }
    out.insert("restart".to_owned(), "no".into());
    let kept = json!({ "max-size": "20m", "max-file": "2" });
    out.insert(
        "logging".to_owned(),
        json!({ "driver": "json-file", "options": kept }),
    );
    Ok(out)
}

fn mounts(project: &Project, name: &str, service: &Service) -> Result<Vec<Value>, String> {
    let written = items(service.raw.get("volumes"));
    let mut mounts = Vec::new();
    for mount in &service.mounts {
        let target = &mount.target;
        // What the file says of this mount beyond its ends; none for those under `tmpfs:`.
        let long = written
            .iter()
            .find(|item| item["target"] == target.as_str());
        let (kind, source) = match &mount.source {
            Source::Volume(volume) if project.volumes.contains_key(volume) => {
                ("volume", json!(volume))
            }
            Source::Bind { real, .. } if mount.read_only => ("bind", json!(real)),
            Source::Tmpfs if long.is_none() => continue,
            Source::Tmpfs => ("tmpfs", Value::Null),
            _ => return Err(format!("{name}:{target} is no mount of this run")),
        };
        let mut entry = json!({ "type": kind, "target": target });
        if !source.is_null() {
            entry["source"] = source;
        }
        if mount.read_only {
            entry["read_only"] = true.into();
        }
        let options = long.and_then(|long| long[kind].as_object());
        if let Some(options) = options.filter(|options| kind != "bind" && !options.is_empty()) {
            entry[kind] = json!(options);
            // Version 2 prints a size as a text, which version 1 refuses.
            if let Some(size) = options.get("size").and_then(text) {
                entry[kind]["size"] = size.parse::<u64>().map_or(json!(size), Into::into);
            }
        }
        mounts.push(entry);
    }
    Ok(mounts)
}

/// What is built gets a name and a label of this run: under the name that the file gives it, the
/// engine has an image that is not the drill's.
fn image(drill: &Drill, name: &str, service: &Service, out: &mut Map<String, Value>) {
    if let Some(image) = drill.images.get(name) {
        out.insert("image".to_owned(), json!(image));
        return;
    }
    match service.raw.get("build") {
        None | Some(Value::Null) => {
            out.extend(
                service
                    .image
                    .as_ref()
                    .map(|image| ("image".to_owned(), json!(image))),
            );
        }
        Some(build) => {
            let mut build = match build {
                Value::String(context) => json!({ "context": context }),
                other => other.clone(),
            };
            build["labels"] = json!({ RUN: drill.run });
            out.insert("build".to_owned(), build);
            out.insert("image".to_owned(), json!(drill.built(name)));
        }
    }
}

fn labels(drill: &Drill, name: &str, service: &Service) -> Value {
    let mut labels = match service.raw.get("labels") {
        Some(Value::Object(labels)) => labels.clone(),
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .map(|label| {
                let (key, value) = label.split_once('=').unwrap_or((label, ""));
                (key.to_owned(), json!(value))
            })
            .collect(),
        _ => Map::new(),
    };
    labels.insert(RUN.to_owned(), json!(drill.run));
    labels.insert(SERVICE.to_owned(), json!(name));
    labels.into()
}

/// `$` as the tool wants it, so that it replaces nothing again.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), escaped(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
