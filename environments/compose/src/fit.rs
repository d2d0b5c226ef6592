//! Whether what an environment file says of its Compose files is so. The files are read as a run reads
//! them, and no engine is asked: what does not fit is told with its line, before anything is built.

use phoenix_engine::stack::Stack;
use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::{Key, Place};
use phoenix_language::{Diagnostics, Node, Source};

use crate::egress::taken;
use crate::images::read;
use crate::project::{Project, Source as Mounted, Tool, own, reaches};
use crate::settings::{Settings, container_of, server_of};

/// Holds an environment file of containers against its Compose files, without those that stand for
/// others where no registry can be reached and with them. `stack` is the stack under any of its
/// profiles.
///
/// Where there is no Compose tool, that is a warning, and nothing else is known.
pub async fn fits(source: &Source, stack: &Stack) -> Diagnostics {
    let driver = source.root.get("driver");
    let Some(words) = driver.and_then(|driver| driver.get("compose")) else {
        return Diagnostics::default();
    };
    let fit = Fit {
        source,
        stack,
        words,
    };
    fit.files();
    fit.variables();
    if source.found().has_errors() {
        return source.found();
    }
    match Settings::of(stack) {
        Ok(settings) => fit.projects(&settings).await,
        Err(why) => fit.wrong(words.place, "compose-file", why.to_string(), None),
    }
    source.found()
}

struct Fit<'a> {
    source: &'a Source,
    stack: &'a Stack,
    /// What the environment file says of Compose.
    words: &'a Node,
}

impl Fit<'_> {
    fn wrong(&self, place: Place, code: &'static str, message: String, help: Option<String>) {
        self.source.error(place, code, message, help);
    }

    /// Every file that is named is a file.
    fn files(&self) {
        for key in ["files", "airgapped", "env_file"] {
            for node in items(self.words.get(key)) {
                let Some(given) = node.text() else { continue };
                let path = self.stack.driver.folder.join(given);
                let why = match std::fs::metadata(&path) {
                    Ok(found) if found.is_file() => continue,
                    Ok(found) if found.is_dir() => "this is a folder".to_owned(),
                    Ok(_) => "this is no file".to_owned(),
                    Err(why) => format!("cannot be read: {why}"),
                };
                let message = format!("{}: {why}", path.display());
                let help = "paths are relative to this file".to_owned();
                self.wrong(node.place, "missing-file", message, Some(help));
            }
        }
    }

    /// The variables by which stores are opened are ones that the run knows.
    fn variables(&self) {
        let known: Vec<&str> = entries(self.words.get("variables"))
            .iter()
            .map(|(name, _)| name.text.as_str())
            .collect();
        for (_, store) in entries(self.source.root.get("stores")) {
            for (_, about) in store.entries() {
                for key in ["password", "key", "secret"] {
                    let Some(node) = about.get(key) else { continue };
                    self.known(node, &known, "variable of `driver.compose.variables`");
                }
            }
        }
    }

    async fn projects(&self, settings: &Settings) {
        let doing = |why: String| format!("the Compose files were not read: {why}");
        let unread = |why: String| {
            let help = "the run reads them before it begins".to_owned();
            let place = self.words.place;
            self.source
                .warn(place, "compose-unread", doing(why), Some(help));
        };
        let folder = match tempfile::tempdir() {
            Ok(folder) => folder,
            Err(why) => return unread(why.to_string()),
        };
        let tool = match Tool::find(folder.path()).await {
            Ok(tool) => tool,
            Err(why) => return unread(why.to_string()),
        };
        let variables = settings.stand_ins(self.stack);
        for (key, upstream) in [("files", true), ("airgapped", false)] {
            if !upstream && settings.airgapped.is_empty() {
                continue;
            }
            match read(&tool, settings, &variables, upstream).await {
                Ok(project) => self.project(settings, &project),
                Err(why) => {
                    let place = self.words.get(key).map_or(self.words.place, |at| at.place);
                    return self.wrong(place, "compose-file", why.to_string(), None);
                }
            }
        }
    }

    /// Everything that is named is in the project, and nothing of it reaches beyond the drill.
    fn project(&self, settings: &Settings, whole: &Project) {
        let all: Vec<&str> = whole.services.keys().map(String::as_str).collect();
        const SERVICE: &str = "service of the Compose files";
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
        self.stores(&own(&project, &settings.remap.remap()), &services);
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
        let place = self
            .words
            .get("remap")
            .map_or(self.words.place, |at| at.place);
        for reach in reaches(&project, &project.folder, &settings.remap.remap()) {
            let message = format!("{}: {}", reach.place, reach.what);
            self.wrong(place, "beyond-the-drill", message, Some(reach.todo));
        }
    }

    fn stores(&self, project: &Project, services: &[&str]) {
        let volumes: Vec<&str> = project.volumes.keys().map(String::as_str).collect();
        for (name, node) in entries(self.source.root.get("stores")) {
            let Some(store) = self.stack.store(&name.text) else {
                continue;
            };
            let Some(about) = node.get(&store.engine) else {
                continue;
            };
            match server_of(store) {
                Some(server) => {
                    let place = about.get("service").unwrap_or(about).place;
                    self.known_text(place, &server, services, "service of the Compose files");
                }
                None => {
                    let place = about.get("name").unwrap_or(about).place;
                    self.known_text(place, &store.at, &volumes, "volume of the Compose files");
                }
            }
        }
    }

    fn services(&self, services: &[&str]) {
        for (name, node) in entries(self.source.root.get("services")) {
            let Some(service) = self.stack.service(&name.text) else {
                continue;
            };
            let at = node.get("container");
            let place = at
                .and_then(|at| at.get("service"))
                .map_or(name.place, |at| at.place);
            let container = container_of(service);
            self.known_text(place, &container, services, "service of the Compose files");
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
            let Some((service, _)) = node.text().and_then(|text| text.split_once('.')) else {
                continue;
            };
            self.known_text(
                node.place,
                service,
                services,
                "service of the Compose files",
            );
        }
    }

    fn known(&self, node: &Node, known: &[&str], what: &str) {
        if let Some(text) = node.text() {
            self.known_text(node.place, text, known, what);
        }
    }

    fn known_text(&self, place: Place, text: &str, known: &[&str], what: &str) {
        if !known.contains(&text) {
            let message = format!("no {what} is called `{text}`");
            let help = did_you_mean(text, known.iter().copied());
            self.wrong(place, "unknown-name", message, help);
        }
    }
}

fn entries(node: Option<&Node>) -> &[(Key, Node)] {
    node.map(Node::entries).unwrap_or_default()
}

fn items(node: Option<&Node>) -> Vec<&Node> {
    node.map(Node::items).unwrap_or_default()
}
