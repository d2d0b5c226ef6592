//! What an environment file puts in the place of what would be reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use super::whole;
use crate::project::{Project, Service, Source, Volume};

/// What a bind mount is replaced with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// An empty volume of this run.
    Empty,
    /// A volume of this run with a copy of what lies in the folder.
    Copy,
    /// Nothing: the mount is not made.
    LeftOut,
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
        for place in &remap.left_out {
            let key = place.strip_prefix(name.as_str());
            if let Some(key) = key.and_then(|rest| rest.strip_prefix('.')) {
                leave_out(service, key);
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
        service.mounts.retain(|mount| {
            let place = format!("{name}:{}", mount.target);
            let is_bind = matches!(mount.source, Source::Bind { .. });
            !is_bind || remap.binds.get(&place) != Some(&Fill::LeftOut)
        });
        let taken: BTreeSet<String> = owned.volumes.keys().cloned().collect();
        let mut made = Vec::new();
        for mount in &mut service.mounts {
            let (filled_from, folder) = match &mount.source {
                Source::Anonymous => (None, None),
                Source::Bind { path, real, file } => {
                    match remap.binds.get(&format!("{name}:{}", mount.target)) {
                        Some(_) if whole(path, real).is_some() => continue,
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
