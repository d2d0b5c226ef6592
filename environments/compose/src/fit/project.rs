//! What an environment file names, held against the project as the tool resolved it.

use std::collections::BTreeMap;
use std::path::Path;

use phoenix_engine::stack::StoreKind;
use phoenix_language::Node;

use super::{Fit, SERVICE, entries, items};
use crate::egress::taken;
use crate::project::guard::Fill;
use crate::project::{Project, Remap, Source as Mounted, hide, own, reaches};
use crate::settings::{Settings, container_of, server_of};

/// Keys of services that are written from what was understood of them, whatever is left out.
const KEPT: [&str; 6] = [
    "build",
    "environment",
    "image",
    "labels",
    "networks",
    "volumes",
];

impl Fit<'_> {
    /// A value that the run sets is the only one of that name: a file of variables beside it would
    /// give a service another.
    pub(super) fn two_values(&self, project: &Project, variables: &BTreeMap<String, String>) {
        for (name, key) in entries(self.words.get("variables"))
            .iter()
            .map(|(name, _)| (&name.text, name.place))
        {
            let Some(value) = variables.get(name) else {
                continue;
            };
            for (service, one) in &project.services {
                if one
                    .environment
                    .get(name)
                    .is_some_and(|other| !other.contains(value))
                {
                    let message = format!("`{service}` has a value of its own for `{name}`");
                    let help = "whoever has it from the run and whoever has it from there differ";
                    self.source
                        .warn(key, "two-values", message, Some(help.to_owned()));
                }
            }
        }
    }

    /// Everything that is named is in the project, and nothing of it reaches beyond the drill.
    pub(super) fn project(&self, settings: &Settings, whole: &Project) {
        let all: Vec<&str> = whole.services.keys().map(String::as_str).collect();
        for node in items(self.words.get("without")) {
            self.known(node, &all, SERVICE);
        }
        let project = whole.clone().without(&settings.without);
        let services: Vec<&str> = project.services.keys().map(String::as_str).collect();
        for key in ["ingress", "authority"] {
            let node = self.words.get(key).and_then(|at| at.get("service"));
            node.inspect(|node| self.known(node, &services, SERVICE));
        }
        for (key, _) in entries(self.words.get("losable")) {
            let service = key.text.split_once(":/").map_or("", |(service, _)| service);
            self.known_text(key.place, service, &services, SERVICE);
        }
        let remap = settings.remap.remap();
        self.stores(&own(&project, &remap), &services);
        self.services(&services);
        self.remapped(whole, &project, &services);
        if let Some(host) = taken(whole, &settings.egress) {
            let node = items(self.words.get("egress"));
            let begins = |node: &&&Node| {
                node.text()
                    .is_some_and(|text| text.starts_with(&format!("{host}:")))
            };
            let place = node
                .iter()
                .find(begins)
                .map_or(self.words.place, |at| at.place);
            let message = format!("the stack has a service `{host}` itself");
            let help = "a way out leads to what is not of the stack".to_owned();
            self.wrong(place, "bad-egress", message, Some(help));
        }
        self.missing(&project, &remap);
        let hidden = settings.hidden();
        for reach in reaches(&project, &project.folder, &remap) {
            let message = hide(&format!("{}: {}", reach.place, reach.what), &hidden);
            self.wrong(
                self.place("remap"),
                "beyond-the-drill",
                message,
                Some(reach.todo),
            );
        }
    }

    /// What is read of the host is there.
    fn missing(&self, project: &Project, remap: &Remap) {
        let place = self.place("files");
        let there_is_no =
            |what: &str, path: &Path| format!("{what}: there is no {}", path.display());
        for (name, service) in &project.services {
            for mount in &service.mounts {
                let Mounted::Bind { real, .. } = &mount.source else {
                    continue;
                };
                let at = format!("{name}:{}", mount.target);
                let message = there_is_no(&at, real);
                match remap.binds.get(&at) {
                    _ if real.exists() => {}
                    Some(Fill::Copy) => {
                        let help = "`empty` begins with nothing there".to_owned();
                        self.wrong(self.place("remap"), "missing-file", message, Some(help));
                    }
                    Some(_) => {}
                    None => {
                        let help = "the engine makes an empty folder of that name".to_owned();
                        self.source.warn(place, "missing-file", message, Some(help));
                    }
                }
            }
        }
        for (name, material) in &project.files {
            for file in material.file.iter().filter(|file| !file.exists()) {
                let help = "the Compose tool refuses to start without it".to_owned();
                self.wrong(place, "missing-file", there_is_no(name, file), Some(help));
            }
        }
    }

    fn stores(&self, project: &Project, services: &[&str]) {
        let mut places: Vec<(&str, Option<String>, &str, &str)> = Vec::new();
        let volumes: Vec<&str> = project.volumes.keys().map(String::as_str).collect();
        for (name, node) in entries(self.source.root.get("stores")) {
            let Some(store) = self.stack.store(&name.text) else {
                continue;
            };
            let Some(about) = node.get(&store.engine) else {
                continue;
            };
            let server = server_of(store);
            let same = |(engine, at, what, _): &&(&str, Option<String>, &str, &str)| {
                (*engine, at, *what) == (store.engine.as_str(), &server, store.at.as_str())
            };
            if let Some((_, _, _, other)) = places.iter().find(same) {
                let message = format!("`{}` and `{other}` are one store", name.text);
                self.wrong(name.place, "duplicate-name", message, None);
            }
            places.push((&store.engine, server.clone(), &store.at, &name.text));
            let made = ["POSTGRES_DB", "MYSQL_DATABASE", "MARIADB_DATABASE"];
            let server_makes = server
                .as_ref()
                .and_then(|server| project.services.get(server))
                .and_then(|one| made.iter().find_map(|key| one.environment.get(*key)));
            if let (StoreKind::Database, Some(makes)) = (store.kind, server_makes)
                && *makes != store.at
            {
                let message = format!(
                    "the server makes a database of another name than `{}`",
                    store.at
                );
                let help = "right only if somebody else makes this one".to_owned();
                let place = about.get("database").unwrap_or(about).place;
                self.source
                    .warn(place, "other-database", message, Some(help));
            }
            match server {
                Some(server) => {
                    let place = about.get("service").unwrap_or(about).place;
                    self.known_text(place, &server, services, SERVICE);
                }
                None => {
                    let place = about.get("name").unwrap_or(about).place;
                    self.known_text(place, &store.at, &volumes, "volume of the Compose files");
                }
            }
        }
    }

    fn services(&self, services: &[&str]) {
        let mut hosts: Vec<(String, Option<&Node>, &str)> = Vec::new();
        for (name, node) in entries(self.source.root.get("services")) {
            let Some(service) = self.stack.service(&name.text) else {
                continue;
            };
            let at = node.get("container");
            let place = at
                .and_then(|at| at.get("service"))
                .map_or(name.place, |at| at.place);
            let container = container_of(service);
            self.known_text(place, &container, services, SERVICE);
            let host = url::Url::parse(&service.url).ok();
            let host = host.and_then(|url| url.host_str().map(str::to_owned));
            if let Some(host) = host {
                let differs = |(known, place, _): &&(String, Option<&Node>, &str)| {
                    *known == host && place.map(Node::to_json) != at.map(Node::to_json)
                };
                if let Some((_, _, other)) = hosts.iter().find(differs) {
                    let message =
                        format!("`{other}` is reached by the name {host} too, and is elsewhere");
                    let help = "what is asked of one would be answered by the other".to_owned();
                    self.wrong(name.place, "duplicate-url", message, Some(help));
                }
                hosts.push((host, at, &name.text));
            }
            if at.is_none() && self.words.get("ingress").is_none() {
                let message = format!("nothing says where `{}` is reached", name.text);
                let help =
                    "write `container: { service: …, port: … }`, or `ingress:` at the driver";
                self.wrong(name.place, "missing-key", message, Some(help.to_owned()));
            }
        }
    }

    /// What is replaced is there: a word that hits nothing leaves what it was meant for.
    fn remapped(&self, whole: &Project, project: &Project, services: &[&str]) {
        let Some(remap) = self.words.get("remap") else {
            return;
        };
        let binds: Vec<String> = project
            .services
            .iter()
            .flat_map(|(name, service)| service.mounts.iter().map(move |mount| (name, mount)))
            .filter(|(_, mount)| matches!(mount.source, Mounted::Bind { .. }))
            .map(|(name, mount)| format!("{name}:{}", mount.target))
            .collect();
        let binds: Vec<&str> = binds.iter().map(String::as_str).collect();
        for (key, _) in entries(remap.get("binds")) {
            self.known_text(
                key.place,
                &key.text,
                &binds,
                "folder of the host, as `service:/target`,",
            );
        }
        let volumes: Vec<&str> = whole.volumes.keys().map(String::as_str).collect();
        let networks: Vec<&str> = whole.networks.keys().map(String::as_str).collect();
        for (key, known, what) in [
            ("volumes", volumes, "volume of the Compose files"),
            ("networks", networks, "network of the Compose files"),
        ] {
            for node in items(remap.get(key)) {
                self.known(node, &known, what);
            }
        }
        for node in items(remap.get("left_out")) {
            let Some(text) = node.text() else { continue };
            // A service may have a dot in its name.
            let of = |name: &&str| {
                text.strip_prefix(*name)
                    .is_some_and(|rest| rest.starts_with('.'))
            };
            let service = services
                .iter()
                .copied()
                .filter(of)
                .max_by_key(|name| name.len());
            let Some(service) = service else {
                let named = text.split('.').next().unwrap_or_default();
                self.known_text(node.place, named, services, SERVICE);
                continue;
            };
            let key = &text[service.len() + 1..];
            let keys: Vec<&str> = project.services[service]
                .raw
                .keys()
                .map(String::as_str)
                .collect();
            if KEPT.contains(&key) {
                let message = format!("a service does not get by without `{key}`");
                let help = "lay a Compose file over it that has another".to_owned();
                self.wrong(node.place, "bad-key", message, Some(help));
            } else {
                self.known_text(node.place, key, &keys, &format!("key of `{service}`"));
            }
        }
    }
}
