//! What the words of an environment file say, held against each other and against the files' own texts.

use std::net::IpAddr;

use phoenix_language::Node;
use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::{Kind, Place};
use phoenix_language::value::{Egress, egress};

use super::{Fit, entries, items};
use crate::project::sources;
use crate::project::tool::is_of_the_tool;
use crate::settings::Settings;

impl Fit<'_> {
    /// Every file that is named is a file.
    pub(super) fn files(&self) {
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

    /// The variables by which stores are opened and applications are spoken to are ones that the run
    /// knows, and none that its own tools live by.
    pub(super) fn variables(&self) {
        for (name, place) in self.set_by_the_run() {
            if is_of_the_tool(name) {
                let message = format!("`{name}` is a variable that the Compose tool itself takes");
                let help = "give it another name in the Compose files".to_owned();
                self.wrong(place, "bad-variable", message, Some(help));
            }
        }
        let own = entries(self.words.get("variables"));
        let known: Vec<&str> = own.iter().map(|(name, _)| name.text.as_str()).collect();
        const VARIABLE: &str = "variable of `driver.compose.variables`";
        for (_, store) in entries(self.source.root.get("stores")) {
            for (_, about) in store.entries() {
                for key in ["password", "key", "secret"] {
                    let node = about.get(key);
                    node.inspect(|node| self.known(node, &known, VARIABLE));
                }
            }
        }
        for (_, service) in entries(self.source.root.get("services")) {
            each_text(service, &mut |place, text| {
                asked(text).for_each(|name| self.known_text(place, name, &known, VARIABLE));
            });
        }
    }

    /// Stores and services have words for containers, and no others.
    pub(super) fn kinds(&self) {
        for (_, node) in entries(self.source.root.get("stores")) {
            for (key, _) in node.entries() {
                if ["sqlite", "directory"].contains(&key.text.as_str()) {
                    let message = format!("no container holds a store of the kind `{}`", key.text);
                    let help = "a file lies on a volume: declare `volume: NAME`".to_owned();
                    self.wrong(key.place, "bad-kind", message, Some(help));
                }
            }
        }
        for (_, node) in entries(self.source.root.get("services")) {
            if let Some(env) = node.get("env") {
                let message = "containers have their variables from the Compose files".to_owned();
                let help = "write them there, or in a Compose file that is laid over it".to_owned();
                self.wrong(env.place, "unused-key", message, Some(help));
            }
        }
    }

    /// Ways out lead somewhere else, and each to one place.
    pub(super) fn egress(&self) {
        let mut ways: Vec<Egress> = Vec::new();
        for node in items(self.words.get("egress")) {
            let Some(Ok(way)) = node.text().map(egress) else {
                continue;
            };
            let address = way.to.0.parse::<IpAddr>();
            if way.to.0 == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
                let message = format!("{} is the forwarder's own machine", way.to.0);
                let help = "name the address by which containers reach what is meant".to_owned();
                self.wrong(node.place, "bad-egress", message, Some(help));
            }
            let same = |other: &&Egress| (&other.host, other.port) == (&way.host, way.port);
            if ways
                .iter()
                .find(same)
                .is_some_and(|other| other.to != way.to)
            {
                let message = format!("{}:{} leads elsewhere too", way.host, way.port);
                self.wrong(node.place, "bad-egress", message, None);
            }
            ways.push(way);
        }
    }

    /// What the run sets, some Compose file asks for, or some application's description.
    pub(super) fn asked_for(&self, settings: &Settings) {
        let files = settings.files.iter().chain(&settings.airgapped);
        let mut words = sources::words(files.chain(&settings.env_file));
        // How an application is spoken to may ask for one that is set through its interface.
        for (_, service) in entries(self.source.root.get("services")) {
            each_text(service, &mut |_, text| {
                words.extend(asked(text).map(str::to_owned));
            });
        }
        for (name, place) in self.set_by_the_run() {
            if !words.contains(name) {
                let message = format!("no Compose file asks for `{name}`");
                let names = words.iter().map(String::as_str);
                let close = did_you_mean(name, names).filter(|help| help.starts_with("did"));
                self.wrong(place, "unknown-variable", message, close);
            }
        }
    }

    /// The variables of the Compose files that each run gives values of its own.
    fn set_by_the_run(&self) -> impl Iterator<Item = (&str, Place)> {
        let own = entries(self.words.get("variables")).iter();
        let secrets = entries(self.source.root.get("secrets")).iter();
        let of_secrets = secrets.filter_map(|(_, secret)| {
            let env = secret.get("env")?;
            Some((env.text()?, env.place))
        });
        own.map(|(name, _)| (name.text.as_str(), name.place))
            .chain(of_secrets)
    }
}

/// The variables that a text of a description asks for.
fn asked(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("${env:").skip(1);
    parts.filter_map(|part| part.split('}').next())
}

/// Every text below a node, with its place.
fn each_text(node: &Node, told: &mut impl FnMut(Place, &str)) {
    match &node.kind {
        Kind::Scalar { text, .. } => told(node.place, text),
        Kind::List(items) => items.iter().for_each(|item| each_text(item, told)),
        Kind::Map(entries) => entries.iter().for_each(|(_, one)| each_text(one, told)),
    }
}
