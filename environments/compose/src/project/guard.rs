//! By what a project would reach data, ports or people that are not the drill's. The harness
//! removes volumes and restores over them: on somebody else's that must not happen even once.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use super::parse::{items, text};
use super::{Mount, Project, Service, Source, Volume};

mod keys;
mod own;

use keys::{BUILDS, CAPABILITIES, DROPPED};
pub(super) use keys::{HARMLESS, JUDGED};
pub use own::{Fill, Remap, own};

/// Something by which a project reaches beyond the drill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    /// Where the file says so: `service.key`, `service:/target`, `volumes.name`.
    pub place: String,
    /// What would be reached.
    pub what: String,
    /// What to do about it.
    pub todo: String,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.todo)
    }
}

/// Everything that reaches beyond the drill and that `remap` gives nothing of the run's own for.
/// `folder` is the project's: what lies there may be read, and nothing may be written.
#[must_use]
pub fn reaches(project: &Project, folder: &Path, remap: &Remap) -> Vec<Reach> {
    let owned = own(project, remap);
    let mut found = Found(Vec::new());
    for (name, service) in &owned.services {
        for mount in &service.mounts {
            found.mount(name, mount, folder);
        }
        found.fixed(name, service);
        found.modes(name, service);
        found.rights(name, service);
        found.keys(name, service);
        found.build(name, service);
    }
    for (name, volume) in &owned.volumes {
        found.volume(name, volume);
    }
    for (name, network) in &owned.networks {
        let place = format!("networks.{name}");
        if network.external {
            let what = "it is external: containers that are not the drill's are in it";
            found.add(place, what, &format!("map it with `networks: [{name}]`"));
        } else if let Some(fixed) = &network.name {
            found.add(
                place,
                &format!("its name on the engine is fixed, {fixed}"),
                NAMES,
            );
        }
    }
    for (name, file) in &owned.files {
        if file.external {
            found.add(
                name.clone(),
                "it is kept by the engine, not by the project",
                NO_MAP,
            );
        } else if file
            .file
            .as_ref()
            .is_some_and(|file| !file.starts_with(folder))
        {
            let what = "its file lies outside the project's folder";
            found.add(name.clone(), what, "move the file below the Compose file");
        }
    }
    found.0.sort();
    found.0.dedup();
    found.0
}

const NAMES: &str = "drop it with `names: true`";
const NO_MAP: &str = "there is no copy of it: take it out of the file that the drill uses";

struct Found(Vec<Reach>);

impl Found {
    fn add(&mut self, place: String, what: &str, todo: &str) {
        self.0.push(Reach {
            place,
            what: what.to_owned(),
            todo: todo.to_owned(),
        });
    }

    fn key(&mut self, service: &str, key: &str, what: &str) {
        let todo = format!("leave it out with `left_out: [{service}.{key}]`");
        self.add(format!("{service}.{key}"), what, &todo);
    }

    fn mount(&mut self, service: &str, mount: &Mount, folder: &Path) {
        let place = format!("{service}:{}", mount.target);
        match &mount.source {
            Source::Bind { path, real, file } => {
                let left_out = format!("`binds: {{ {place}: left_out }}`");
                if let Some(what) = whole(path, real) {
                    self.add(place, &what, &format!("leave it out with {left_out}"));
                } else if !mount.read_only || !real.starts_with(folder) {
                    let where_to = if real == path {
                        String::new()
                    } else {
                        format!(" (a link to {})", real.display())
                    };
                    let shown = path.display();
                    let how = if mount.read_only {
                        "reads"
                    } else {
                        "can write to"
                    };
                    let what = format!("it {how} {shown}{where_to} of the host");
                    let todo = if *file {
                        format!(
                            "bind it read-only from below the Compose file, or leave it out with \
                             {left_out}: no volume stands for one file"
                        )
                    } else {
                        format!("map it with `binds: {{ {place}: empty }}`, `copy` or `left_out`")
                    };
                    self.add(place, &what, &todo);
                }
            }
            Source::Other(kind) => {
                self.add(
                    place,
                    &format!("a mount of type {kind} is not known to the harness"),
                    NO_MAP,
                );
            }
            Source::Volume(_) | Source::Anonymous | Source::Tmpfs => {}
        }
    }

    fn fixed(&mut self, name: &str, service: &Service) {
        for port in &service.ports {
            if let Some(published) = &port.published {
                let what = format!("it takes the host's port {published}/{}", port.protocol);
                self.add(format!("{name}.ports"), &what, "drop it with `ports: true`");
            }
        }
        if let Some(fixed) = &service.container_name {
            let what = format!("its container's name is fixed, {fixed}");
            self.add(format!("{name}.container_name"), &what, NAMES);
        }
        let addresses = "drop it with `addresses: true`";
        if service.raw.contains_key("mac_address") {
            self.add(
                format!("{name}.mac_address"),
                "its hardware address is fixed",
                addresses,
            );
        }
        let networks = service.raw.get("networks").and_then(Value::as_object);
        for (network, settings) in networks.into_iter().flatten() {
            let keys = settings.as_object().into_iter().flat_map(|all| all.keys());
            for key in keys.filter(|key| *key != "aliases") {
                let what = format!("its {key} in the network {network} is fixed");
                self.add(format!("{name}.networks.{network}"), &what, addresses);
            }
        }
    }

    fn modes(&mut self, name: &str, service: &Service) {
        for (key, harmless) in [
            ("network_mode", &["none"][..]),
            ("pid", &[]),
            ("ipc", &["private", "shareable", "none"]),
            ("uts", &[]),
            ("userns_mode", &[]),
            ("cgroup", &["private"]),
        ] {
            let Some(mode) = service.raw.get(key).and_then(text) else {
                continue;
            };
            let own = mode.strip_prefix("service:").is_some() || mode.is_empty();
            if !own && !harmless.contains(&mode.as_str()) {
                self.key(
                    name,
                    key,
                    &format!("it shares what is not the drill's: {mode}"),
                );
            }
        }
        for (host, address) in &service.extra_hosts {
            if address == "host-gateway" || host == "host.docker.internal" {
                self.key(name, "extra_hosts", &format!("{host} is the host itself"));
            }
        }
        for (key, what) in [
            (
                "external_links",
                "it links to containers that are not the drill's",
            ),
            ("cgroup_parent", "it joins a control group of the host"),
        ] {
            if service.raw.contains_key(key) {
                self.key(name, key, what);
            }
        }
    }

    fn rights(&mut self, name: &str, service: &Service) {
        if service.privileged {
            self.key(
                name,
                "privileged",
                "it may do on the host whatever root may",
            );
        }
        for capability in items(service.raw.get("cap_add")).iter().filter_map(text) {
            let known = capability.to_uppercase();
            if !CAPABILITIES.contains(&known.trim_start_matches("CAP_")) {
                self.key(
                    name,
                    "cap_add",
                    &format!("{capability} acts outside of a container"),
                );
            }
        }
        for option in items(service.raw.get("security_opt"))
            .iter()
            .filter_map(text)
        {
            if !option.starts_with("no-new-privileges") {
                self.key(
                    name,
                    "security_opt",
                    &format!("{option} loosens what holds it inside"),
                );
            }
        }
        for key in ["devices", "device_cgroup_rules", "gpus"] {
            if service.raw.contains_key(key) {
                self.key(name, key, "it reaches devices of the host");
            }
        }
    }

    fn keys(&mut self, name: &str, service: &Service) {
        for key in service.raw.keys() {
            let lists: [&[&str]; 3] = [&HARMLESS, &JUDGED, &DROPPED];
            let known = lists.iter().any(|keys| keys.contains(&key.as_str()));
            if key == "volumes_from" {
                let what = "it mounts whatever another container has";
                self.add(
                    format!("{name}.{key}"),
                    what,
                    "name the volumes, or leave it out with `left_out`",
                );
            } else if !known && !key.starts_with("x-") {
                self.key(name, key, "the harness does not know what this reaches");
            }
        }
    }

    /// A build may tag images of others, run on the host's network, or write where it is told to.
    fn build(&mut self, name: &str, service: &Service) {
        let Some(asked) = service.raw.get("build").and_then(Value::as_object) else {
            return;
        };
        let set = asked.iter().filter(|(_, value)| !value.is_null());
        for (key, value) in set {
            let inside = key == "network" && text(value).as_deref() == Some("none");
            if !inside && !BUILDS.contains(&key.as_str()) {
                let what =
                    format!("its build asks for `{key}`, which is more than a folder of files");
                self.key(name, "build", &what);
            }
        }
    }

    fn volume(&mut self, name: &str, volume: &Volume) {
        let place = format!("volumes.{name}");
        let map = format!("map it with `volumes: [{name}]`, an empty one of this run");
        if volume.external {
            self.add(
                place,
                "it is external: what is in it is not the drill's",
                &map,
            );
            return;
        }
        if let Some(driver) = &volume.driver {
            self.add(
                place.clone(),
                &format!("its driver {driver} keeps data elsewhere"),
                &map,
            );
        } else if volume
            .options
            .get("type")
            .is_some_and(|kind| kind != "tmpfs")
            || (!volume.options.is_empty() && !volume.options.contains_key("type"))
        {
            let what = "its driver's options mount something of the host or the network";
            self.add(place.clone(), what, &map);
        }
        if let Some(fixed) = &volume.name {
            self.add(
                place,
                &format!("its name on the engine is fixed, {fixed}"),
                NAMES,
            );
        }
    }
}

/// What is bound where whoever has it has the host or its engine: no copy of it is a drill's.
fn whole(path: &Path, real: &Path) -> Option<String> {
    let shown = path.display();
    let is = |what: &str| [path, real].contains(&Path::new(what));
    let is_socket = [path, real]
        .iter()
        .any(|path| path.to_string_lossy().ends_with(".sock"));
    if is("/") {
        Some(format!(
            "it binds {shown}, the whole file system of the host"
        ))
    } else if is_socket {
        Some(format!(
            "it binds the socket {shown}: whoever has it is the engine"
        ))
    } else if is("/run") || is("/var/run") {
        Some(format!(
            "it binds {shown}, where the engine's socket lies: whoever has it is the engine"
        ))
    } else {
        None
    }
}
