//! By what a project would reach data, ports or people that are not the drill's. The harness
//! removes volumes and restores over them: on somebody else's that must not happen even once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::parse::{items, text};
use super::{Mount, Project, Service, Source, Volume};

/// Keys of a service that reach nothing outside. What is in neither this list nor [`JUDGED`] nor
/// [`DROPPED`] is refused: the format grows, and what a new key reaches is not known here.
pub(super) const HARMLESS: [&str; 49] = [
    "annotations",
    "blkio_config",
    "build",
    "command",
    "configs",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "cpus",
    "cpuset",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "labels",
    "links",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "oom_kill_disable",
    "oom_score_adj",
    "pids_limit",
    "platform",
    "read_only",
    "secrets",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "storage_opt",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
];

/// Keys that are judged by their value below.
pub(super) const JUDGED: [&str; 20] = [
    "cap_add",
    "cgroup",
    "cgroup_parent",
    "container_name",
    "device_cgroup_rules",
    "devices",
    "external_links",
    "extra_hosts",
    "gpus",
    "ipc",
    "mac_address",
    "network_mode",
    "networks",
    "pid",
    "ports",
    "privileged",
    "security_opt",
    "userns_mode",
    "uts",
    "volumes",
];

/// Keys that [`super::transform`] leaves out, because the harness does what they ask for or
/// because they say nothing to an engine.
const DROPPED: [&str; 12] = [
    "attach",
    "cap_drop",
    "deploy",
    "depends_on",
    "develop",
    "env_file",
    "label_file",
    "logging",
    "profiles",
    "pull_policy",
    "restart",
    "scale",
];

/// Capabilities that stay inside a container: those that every container has, and those that
/// act on its own network, memory and priority only.
const CAPABILITIES: [&str; 17] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
];

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

/// What a bind mount is replaced with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// An empty volume of this run.
    Empty,
    /// A volume of this run with a copy of what lies in the folder.
    Copy,
}

/// What an environment file says shall stand for what would be reached: things of this run's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remap {
    /// Fixed host ports are dropped: the harness publishes what it needs itself.
    pub ports: bool,
    /// Fixed names of containers, volumes and networks are dropped.
    pub names: bool,
    /// Fixed addresses in networks are dropped.
    pub addresses: bool,
    /// Bind mounts, as `service:/target`.
    pub binds: BTreeMap<String, Fill>,
    /// Volumes that are external or of another driver: an empty one of this run stands for each.
    pub volumes: BTreeSet<String>,
    /// External networks: one of this run stands for each.
    pub networks: BTreeSet<String>,
    /// Keys of services that are left out, as `service.key`.
    pub left_out: BTreeSet<String>,
}

/// The project with everything in place that the environment file maps. Volumes without a name
/// get one, so that they are found again.
#[must_use]
pub fn own(project: &Project, remap: &Remap) -> Project {
    let mut owned = project.clone();
    // Two services that share a folder of the host share the volume that stands for it.
    let mut shared: BTreeMap<(PathBuf, Fill), String> = BTreeMap::new();
    for (name, service) in &mut owned.services {
        for key in remap
            .left_out
            .iter()
            .filter_map(|place| place.split_once('.'))
        {
            if key.0 == name {
                leave_out(service, key.1);
            }
        }
        if remap.ports {
            service.ports.clear();
        }
        if remap.names {
            leave_out(service, "container_name");
        }
        if remap.addresses {
            leave_out(service, "mac_address");
            forget_addresses(service);
        }
        let taken: BTreeSet<String> = owned.volumes.keys().cloned().collect();
        let mut made = Vec::new();
        for mount in &mut service.mounts {
            let (filled_from, folder) = match &mount.source {
                Source::Anonymous => (None, None),
                Source::Bind { path, real, file } => {
                    match remap.binds.get(&format!("{name}:{}", mount.target)) {
                        Some(_) if is_socket(path) || is_socket(real) => continue,
                        Some(fill) if !file => (
                            (*fill == Fill::Copy).then(|| real.clone()),
                            Some((real.clone(), *fill)),
                        ),
                        _ => continue,
                    }
                }
                _ => continue,
            };
            if let Some(key) = folder.as_ref().and_then(|folder| shared.get(folder)) {
                mount.source = Source::Volume(key.clone());
                continue;
            }
            let kind = if folder.is_some() {
                "bind"
            } else {
                "anonymous"
            };
            let free = (1..)
                .map(|number| format!("{name}-{kind}-{number}"))
                .find(|key| !taken.contains(key) && made.iter().all(|(made, _)| made != key));
            let Some(key) = free else { continue };
            mount.source = Source::Volume(key.clone());
            shared.extend(folder.map(|folder| (folder, key.clone())));
            made.push((
                key,
                Volume {
                    filled_from,
                    ..Volume::default()
                },
            ));
        }
        owned.volumes.extend(made);
    }
    for (name, volume) in &mut owned.volumes {
        if remap.volumes.contains(name) {
            *volume = Volume::default();
        } else if remap.names && !volume.external {
            volume.name = None;
        }
    }
    for (name, network) in &mut owned.networks {
        if remap.networks.contains(name) {
            network.external = false;
            network.name = None;
        } else if remap.names && !network.external {
            network.name = None;
        }
    }
    owned
}

fn leave_out(service: &mut Service, key: &str) {
    service.raw.remove(key);
    match key {
        "container_name" => service.container_name = None,
        "network_mode" if service.network_mode.take().is_some() => {
            service.networks.insert("default".to_owned(), Vec::new());
        }
        "privileged" => service.privileged = false,
        "extra_hosts" => service.extra_hosts.clear(),
        "ports" => service.ports.clear(),
        _ => {}
    }
}

fn forget_addresses(service: &mut Service) {
    let networks = service
        .raw
        .get_mut("networks")
        .and_then(Value::as_object_mut);
    for settings in networks.into_iter().flat_map(|all| all.values_mut()) {
        if let Some(settings) = settings.as_object_mut() {
            settings.retain(|key, _| key == "aliases");
        }
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

const NAMES: &str = "drop it with `names: dropped`";
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
                let shown = path.display();
                if is_socket(path) || is_socket(real) {
                    let what = format!("it binds the socket {shown}: whoever has it is the engine");
                    self.add(place, &what, NO_MAP);
                } else if !mount.read_only || !real.starts_with(folder) {
                    let where_to = if real == path {
                        String::new()
                    } else {
                        format!(" (a link to {})", real.display())
                    };
                    let how = if mount.read_only {
                        "reads"
                    } else {
                        "can write to"
                    };
                    let what = format!("it {how} {shown}{where_to} of the host");
                    let todo = if *file {
                        "bind it read-only from below the Compose file: no volume stands for one file"
                            .to_owned()
                    } else {
                        format!("map it with `binds: {{ {place}: empty }}` or `copy`")
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
                self.add(
                    format!("{name}.ports"),
                    &what,
                    "drop it with `ports: dropped`",
                );
            }
        }
        if let Some(fixed) = &service.container_name {
            let what = format!("its container's name is fixed, {fixed}");
            self.add(format!("{name}.container_name"), &what, NAMES);
        }
        let addresses = "drop it with `addresses: dropped`";
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

/// Whether a path is a socket of an engine, or a folder where such sockets lie.
fn is_socket(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".sock")
        || ["/run", "/var/run", "/"]
            .iter()
            .any(|root| path == Path::new(root))
}
