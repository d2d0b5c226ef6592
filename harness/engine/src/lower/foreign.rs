//! Backups that phoenix did not make, and what is expected of them.

mod expected;

use std::collections::BTreeSet;
use std::path::Path;

use phoenix_language::Node;
use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::Place;

use super::steps::Lowering;
use super::{text_of, texts_of};
use crate::foreign::{ForeignPoint, recognise, refused};
use crate::plan::Check;
use crate::stack::StoreKind;

/// What becomes of stores on the way.
#[derive(Debug, Default)]
pub(super) struct Vessels {
    destroyed: BTreeSet<String>,
    /// New, and nothing has been put into them or started on them.
    fresh: BTreeSet<String>,
    /// Restored from backups that phoenix did not make.
    foreign: BTreeSet<String>,
    /// Labels of such restores, with their stores.
    labels: BTreeSet<(String, String)>,
    /// A restore has left the start of the services to the steps after it.
    pub(super) start_due: bool,
}

impl Vessels {
    pub(super) fn destroy(&mut self, stores: &[String]) {
        for store in stores {
            self.fresh.remove(store);
            self.foreign.remove(store);
            self.destroyed.insert(store.clone());
        }
    }

    pub(super) fn rebuild(&mut self, stores: &[String]) {
        for store in stores {
            if self.destroyed.remove(store) {
                self.fresh.insert(store.clone());
            }
        }
    }

    pub(super) fn restore(&mut self, stores: &[String]) {
        for store in stores {
            self.fresh.remove(store);
            self.foreign.remove(store);
        }
    }

    pub(super) fn start(&mut self) {
        self.fresh.clear();
    }
}

impl Lowering<'_> {
    fn wrong(&self, place: Place, code: &'static str, message: String, help: &str) {
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        self.source.error(place, code, message, help);
    }

    /// The points of a `from:`, in the order in which stores carry each other, and their label. A file
    /// that an earlier command may make is looked at when it is restored.
    pub(super) fn foreign_points(
        &mut self,
        body: &Node,
        made_on_the_way: bool,
    ) -> (Vec<ForeignPoint>, Option<String>) {
        for key in ["stores", "order", "point"] {
            if let Some(node) = body.get(key) {
                self.wrong(
                    node.place,
                    "two-at-once",
                    format!("`{key}` cannot stand beside `from`"),
                    "restore phoenix's own recovery points in a step of their own",
                );
            }
        }
        let label = text_of(body.get("label"));
        let mut points = Vec::new();
        let known = self.stack.store_names();
        let entries = body.get("from").map(Node::entries).unwrap_or_default();
        if entries.is_empty() {
            let place = body.get("from").map_or(body.place, |from| from.place);
            self.wrong(
                place,
                "nothing-to-restore",
                "`from` names no backup".to_owned(),
                "name one for each store: `from: { STORE: path/to/backup }`",
            );
        }
        for (name, node) in entries {
            if !known.contains(&name.text.as_str()) {
                let help = did_you_mean(&name.text, known.iter().copied());
                let message = format!("no store is called `{}`", name.text);
                self.source.error(name.place, "unknown-name", message, help);
                continue;
            }
            let path = node.get("path").unwrap_or(node);
            let point = ForeignPoint {
                store: name.text.clone(),
                shown: text_of(Some(path)).unwrap_or_default(),
                path: self.beside(text_of(Some(path)).unwrap_or_default()),
                prefix: text_of(node.get("prefix")).unwrap_or_default(),
            };
            self.takes(&point, path, node.get("prefix"), made_on_the_way);
            if !self.vessels.fresh.remove(&point.store) {
                self.wrong(
                    name.place,
                    "not-fresh",
                    format!(
                        "{} is not empty here: a backup goes into a fresh store",
                        point.store
                    ),
                    "let `destroy` and `rebuild` of it come right before",
                );
            }
            self.vessels.foreign.insert(point.store.clone());
            if let Some(label) = &label {
                let pair = (label.clone(), point.store.clone());
                if !self.vessels.labels.insert(pair) {
                    self.wrong(
                        body.get("label").map_or(body.place, |label| label.place),
                        "duplicate-name",
                        format!("{} was restored as `{label}` before", point.store),
                        "give one of them another label",
                    );
                }
            }
            points.push(point);
        }
        let order = self.stack.restore_order();
        points.sort_by_key(|point| order.iter().position(|known| *known == point.store));
        (points, label)
    }

    /// A path as the scenario's file means it.
    fn beside(&self, path: String) -> std::path::PathBuf {
        Path::new(&self.source.file)
            .parent()
            .unwrap_or(Path::new(""))
            .join(path)
    }

    /// Looks at a backup before anything burns.
    fn takes(&self, point: &ForeignPoint, at: &Node, prefix: Option<&Node>, made_on_the_way: bool) {
        let Some(store) = self.stack.store(&point.store) else {
            return;
        };
        if let Some(prefix) = prefix.filter(|_| store.kind != StoreKind::Bucket) {
            self.wrong(
                prefix.place,
                "no-bucket",
                format!("{} is no bucket: it has no keys", store.name),
                "leave `prefix` out",
            );
        }
        // What a saved value stands for is not known yet.
        if point.shown.contains("${") || (made_on_the_way && !point.path.exists()) {
            return;
        }
        let found = match recognise(&point.path) {
            Ok(found) => found,
            Err(why) => {
                self.wrong(
                    at.place,
                    "no-recovery-point",
                    format!(
                        "`{}` cannot be restored into {}: {why}",
                        point.shown, store.name
                    ),
                    "paths are read from the folder of this file",
                );
                return;
            }
        };
        if let Some(why) = refused(&store.engine, found) {
            self.wrong(
                at.place,
                "wrong-kind",
                format!(
                    "`{}` cannot be restored into {}: {why}",
                    point.shown, store.name
                ),
                if self.stack.driver.name == "embedded" {
                    "the embedded environment has no such server: run it on the compose mirror"
                } else {
                    ""
                },
            );
        }
    }

    pub(super) fn foreign_title(&self, points: &[ForeignPoint]) -> String {
        let words: Vec<String> = points
            .iter()
            .map(|point| format!("{} from {}", point.store, point.shown))
            .collect();
        format!("restore {}, which phoenix did not make", words.join(", "))
    }

    /// The checks of a step, but those that data without a ledger cannot carry: to ask for one of
    /// these is a mistake, and without a list they are left out.
    pub(super) fn carried_checks(&self, body: &Node, checks: Vec<Check>) -> Vec<Check> {
        if self.vessels.foreign.is_empty() {
            return checks;
        }
        let asked = !texts_of(Some(body)).is_empty();
        for item in body.items() {
            if let Some(word @ ("survival" | "fingerprint")) = item.text() {
                let stores: Vec<&str> = self.vessels.foreign.iter().map(String::as_str).collect();
                self.wrong(
                    item.place,
                    "no-ledger",
                    format!(
                        "nothing can be said of {word}: what is in {} is of a backup that phoenix did not make",
                        stores.join(", ")
                    ),
                    "check health, login, write and restart, and say with `prove` what has to be in it",
                );
            }
        }
        if asked {
            checks
        } else {
            vec![Check::Health, Check::Login]
        }
    }
}
