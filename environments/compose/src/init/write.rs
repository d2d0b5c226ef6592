//! What was found, as an environment file, a first document and a first scenario. Each question stands
//! as a comment where its answer belongs; where none is one that `check` asks too, the file can be run
//! as it is.

use std::fmt::Write as _;

use super::services::Service;
use super::{About, Found};
use crate::project::guard::Fill;

/// Characters of a random password where the files do not say how long it is.
const PASSWORD_LEN: usize = 24;
/// Columns of a comment.
const WIDTH: usize = 100;

/// What stands where nobody has said what does: `check` refuses it, at its line.
pub(super) const UNKNOWN: &str = "\"\"";

/// Where the files lie, as the environment file has to name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The environment's name.
    pub name: String,
    /// What the stack is, in a few words.
    pub title: String,
    /// The Compose files.
    pub files: Vec<String>,
    /// The files that put other images in, where no registry can be reached.
    pub airgapped: Vec<String>,
    /// The file of variables.
    pub env_file: Option<String>,
    /// The document.
    pub document: String,
    /// Whether the document is one that [`Found::document`] wrote, with the claims that are tied.
    pub ours: bool,
    /// The schema for editors.
    pub schema: Option<String>,
}

/// Text that is written line by line.
#[derive(Debug, Default)]
pub struct Text(pub String);

impl Text {
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A comment, broken at the width.
    fn comment(&mut self, indent: &str, text: &str) {
        let mut line = format!("{indent}#");
        for word in text.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                line = format!("{indent}#  ");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }
}

impl Found {
    /// The environment file.
    #[must_use]
    pub fn environment(&self, at: &Places) -> String {
        let mut out = Text::default();
        if let Some(schema) = &at.schema {
            out.line(&format!("# yaml-language-server: $schema={schema}"));
        }
        let what = "Written by `phoenix init` from what the Compose files say. Each `Question` is about what \
                    they cannot say: answer it here, and strike it out.";
        out.comment("", what);
        out.line(&format!("environment: {}", plain(&at.name)));
        out.line(&format!("title: {}", plain(&at.title)));
        self.driver(at, &mut out);
        out.line("");
        out.comment(
            "",
            "Question: how fast has it to be back, and how much may be lost?",
        );
        out.line("# objectives: { rto: 1h, rpo: 24h, manual_steps: 0 }");
        out.line("");
        self.ask(About::Stores, "", &mut out);
        open(&mut out, "stores", self.stores.is_empty());
        for store in &self.stores {
            let losable = if store.losable { ", losable: true" } else { "" };
            out.line(&format!(
                "  {}: {{ {}{losable} }}",
                plain(&store.name),
                store.entry
            ));
        }
        if !self.secrets.is_empty() || self.asks(About::Secrets) {
            out.line("");
            self.ask(About::Secrets, "", &mut out);
        }
        if !self.secrets.is_empty() {
            out.line("secrets:");
            for (name, variable) in &self.secrets {
                out.line(&format!("  {}: {{ env: {variable} }}", plain(name)));
            }
        }
        out.line("");
        self.ask(About::Services, "", &mut out);
        open(&mut out, "services", self.services.is_empty());
        for service in &self.services {
            self::service(service, &mut out);
        }
        out.line("");
        self.profiles(&mut out);
        out.line("");
        out.line(&format!("document: {}", plain(&at.document)));
        if at.ours {
            self.gaps(&mut out);
        }
        out.0
    }

    fn asks(&self, about: About) -> bool {
        self.questions.iter().any(|one| one.about == about)
    }

    fn ask(&self, about: About, indent: &str, out: &mut Text) {
        for question in self.questions.iter().filter(|one| one.about == about) {
            out.comment(indent, &format!("Question: {}", question.text));
        }
    }

    fn driver(&self, at: &Places, out: &mut Text) {
        out.line("driver:");
        out.line("  compose:");
        let files: Vec<String> = at.files.iter().map(|file| plain(file)).collect();
        out.line(&format!("    files: [{}]", files.join(", ")));
        if !at.airgapped.is_empty() {
            let files: Vec<String> = at.airgapped.iter().map(|file| plain(file)).collect();
            out.line(&format!("    airgapped: [{}]", files.join(", ")));
        }
        if let Some(file) = &at.env_file {
            let what = "What this file sets reaches the containers of a drill, but for the variables below.";
            out.comment("    ", what);
            out.line(&format!("    env_file: {}", plain(file)));
        }
        if !self.without.is_empty() {
            out.line(&format!("    without: [{}]", self.without.join(", ")));
        }
        if !self.passwords.is_empty() {
            out.comment(
                "    ",
                "Each run gives these a random value of so many characters.",
            );
            out.line("    variables:");
            for name in &self.passwords {
                out.line(&format!("      {name}: {PASSWORD_LEN}"));
            }
        }
        self.ask(About::Driver, "    ", out);
        let remap = &self.remap;
        let mut lines = Vec::new();
        for (word, is) in [
            ("ports", remap.ports),
            ("names", remap.names),
            ("addresses", remap.addresses),
        ] {
            if is {
                lines.push(format!("{word}: true"));
            }
        }
        for (word, all) in [
            ("volumes", &remap.volumes),
            ("networks", &remap.networks),
            ("left_out", &remap.left_out),
        ] {
            if !all.is_empty() {
                let all: Vec<String> = all.iter().map(|one| plain(one)).collect();
                lines.push(format!("{word}: [{}]", all.join(", ")));
            }
        }
        if !remap.binds.is_empty() {
            lines.push("binds:".to_owned());
        }
        if lines.is_empty() {
            return;
        }
        let what = "What reaches beyond a drill, and is left out or replaced by something of the run's own.";
        out.comment("    ", what);
        out.line("    remap:");
        for line in lines {
            out.line(&format!("      {line}"));
        }
        for (place, fill) in &remap.binds {
            let word = match fill {
                Fill::Empty => "empty",
                Fill::Copy => "copy",
                Fill::LeftOut => "left_out",
            };
            out.line(&format!("        {}: {word}", quoted(place)));
        }
    }

    fn profiles(&self, out: &mut Text) {
        self.ask(About::Profiles, "", out);
        let secrets = |how: &str| (!self.secrets.is_empty()).then(|| format!("    secrets: {how}"));
        out.line("profiles:");
        out.comment("  ", "What production really has.");
        out.line("  today:");
        let bare: Vec<&str> = self.claimed().map(|store| store.name.as_str()).collect();
        if bare.is_empty() {
            out.line("    default: { keep: nothing }");
        }
        for name in bare {
            out.line(&format!("    {}: {{ keep: nothing }}", plain(name)));
        }
        if let Some(line) = secrets("regenerated") {
            out.line(&line);
        }
        out.comment("  ", "What it is to have.");
        out.line("  target:");
        out.line("    default: { logical: { every: 24h, verified: true } }");
        for store in self.stores.iter().filter(|store| store.losable) {
            out.line(&format!("    {}: {{ keep: nothing }}", plain(&store.name)));
        }
        if let Some(line) = secrets("preserved") {
            out.line(&line);
        }
    }

    fn gaps(&self, out: &mut Text) {
        out.line("");
        out.comment("", "Which checks answer which claim of the document.");
        out.line("gaps:");
        for store in self.claimed() {
            let name = plain(&store.name);
            out.line(&format!(
                "  {}:",
                plain(&super::document::claim(&store.name))
            ));
            out.line(&format!("    - {{ survival: {name}, kinds: [lost] }}"));
            out.line(&format!(
                "    - {{ recovery_points: {name}, kinds: [no-backup] }}"
            ));
        }
        out.line("  crit-data-loss: { data_loss: all }");
    }

    /// What was recognised and what is asked, for people.
    #[must_use]
    pub fn told(&self) -> String {
        let mut out = String::from("recognised:\n");
        let rows: Vec<(String, String)> = self
            .stores
            .iter()
            .map(|store| (store.name.clone(), store.what.clone()))
            .chain(self.services.iter().map(|service| {
                let health = match &service.health {
                    Some(path) => format!(", health at {path}"),
                    None => String::new(),
                };
                let what = if service.app == "http" {
                    "application"
                } else {
                    service.app
                };
                let port = service
                    .port
                    .map_or("unknown".to_owned(), |port| port.to_string());
                let what = format!("{what} at port {port}{health}");
                (service.name.clone(), what)
            }))
            .chain(
                self.passwords
                    .iter()
                    .map(|name| (name.clone(), "a password: each run has its own".to_owned())),
            )
            .chain(self.secrets.values().map(|name| {
                (
                    name.clone(),
                    "a secret that data may be sealed with".to_owned(),
                )
            }))
            .collect();
        let widest = rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        for (name, what) in &rows {
            let _infallible = writeln!(out, "  {name:<widest$}  {what}");
        }
        if rows.is_empty() {
            out.push_str("  nothing: no image, volume or port is one that says what it is\n");
        }
        let bare: Vec<&str> = self.claimed().map(|store| store.name.as_str()).collect();
        if !bare.is_empty() {
            let _infallible = writeln!(out, "no backup of:\n  {}", bare.join(", "));
        }
        if !self.questions.is_empty() {
            out.push_str("questions, each in the file where its answer belongs:\n");
        }
        for (at, question) in self.questions.iter().enumerate() {
            let _infallible = writeln!(out, "  {}. {}", at + 1, question.text);
        }
        out
    }
}

fn open(out: &mut Text, key: &str, empty: bool) {
    out.line(&format!("{key}:{}", if empty { " {}" } else { "" }));
}

fn service(service: &Service, out: &mut Text) {
    let name = plain(&service.name);
    out.line(&format!("  {name}:"));
    out.line(&format!("    app: {}", service.app));
    out.line(&format!("    url: http://{}.localhost", service.host));
    let port = service.port.map(|port| port.to_string());
    out.line(&format!(
        "    container: {{ service: {name}, port: {} }}",
        port.as_deref().unwrap_or(UNKNOWN)
    ));
    for (word, all) in [("needs", &service.needs), ("secrets", &service.secrets)] {
        if !all.is_empty() {
            let all: Vec<String> = all.iter().map(|one| plain(one)).collect();
            out.line(&format!("    {word}: [{}]", all.join(", ")));
        }
    }
    if service.app == "http" {
        match &service.health {
            Some(path) => out.line(&format!("    health: {{ get: {} }}", quoted(path))),
            None => out.line(
                "    health: { get: /, expect: { status: [200, 204, 301, 302, 303, 307, 308, 401, \
                 403] } }",
            ),
        }
        out.line("    canary: unknown");
    }
}

/// A text as YAML, without quotes where every reader takes it for a text without.
pub(super) fn plain(text: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '.')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_./ ".contains(letter))
        && !text.ends_with(' ')
        && text.chars().any(|letter| letter.is_ascii_alphabetic())
        && !words.contains(&text.to_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text in quotes: as JSON, which YAML reads.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
