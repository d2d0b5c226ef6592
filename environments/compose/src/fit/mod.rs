//! Whether what an environment file says of its Compose files is so. The files are read as a run reads
//! them, and no engine is asked: what does not fit is told with its line, before anything is built.

mod project;
mod words;

use phoenix_engine::stack::Stack;
use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::{Key, Place};
use phoenix_language::{Diagnostics, Node, Source};

use crate::images::read;
use crate::project::Tool;
use crate::settings::Settings;

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
    fit.kinds();
    fit.egress();
    if source.found().has_errors() {
        return source.found();
    }
    match Settings::of(stack) {
        Ok(settings) => fit.projects(&settings).await,
        Err(why) => fit.wrong(words.place, "compose-file", why.to_string(), None),
    }
    source.found()
}

const SERVICE: &str = "service of the Compose files";

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
        self.asked_for(settings);
        for (key, upstream) in [("files", true), ("airgapped", false)] {
            if !upstream && settings.airgapped.is_empty() {
                continue;
            }
            match read(&tool, settings, &variables, upstream).await {
                Ok(project) => {
                    let place = self.place(key);
                    for said in &project.warnings {
                        let message = format!("the Compose tool says: {said}");
                        self.source.warn(place, "compose-says", message, None);
                    }
                    self.two_values(&project, &variables);
                    self.project(settings, &project);
                }
                Err(why) => {
                    return self.wrong(self.place(key), "compose-file", why.to_string(), None);
                }
            }
        }
    }

    /// Where the driver says something; where it begins, if it does not.
    fn place(&self, key: &str) -> Place {
        self.words.get(key).map_or(self.words.place, |at| at.place)
    }

    fn known(&self, node: &Node, known: &[&str], what: &str) {
        if let Some(text) = node.text() {
            self.known_text(node.place, text, known, what);
        }
    }

    fn known_text(&self, place: Place, text: &str, known: &[&str], what: &str) {
        if known.contains(&text) {
            return;
        }
        let without = items(self.words.get("without"));
        if what == SERVICE && without.iter().any(|node| node.text() == Some(text)) {
            let message = format!("`{text}` is under `without:`, so that it is not made");
            self.wrong(place, "unknown-name", message, None);
        } else {
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
