//! Backups that phoenix did not make, and what is expected of them.

use std::collections::BTreeSet;
use std::path::Path;

use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::Place;
use phoenix_language::{Node, value};

use super::environment::known_name;
use super::steps::Lowering;
use super::{duration_of, text_of, texts_of};
use crate::foreign::{ForeignPoint, leads_inside, recognise, refused};
use crate::plan::{Check, Evident, FileIs, Unit};
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

    /// What a `prove:` expects, store by store.
    pub(super) fn expected(&self, body: &Node) -> Vec<(String, Vec<Evident>)> {
        let known = self.stack.store_names();
        let mut all = Vec::new();
        for (name, node) in body.entries() {
            let Some(store) = self.stack.store(&name.text) else {
                let help = did_you_mean(&name.text, known.iter().copied());
                let message = format!("no store is called `{}`", name.text);
                self.source.error(name.place, "unknown-name", message, help);
                continue;
            };
            for (key, of) in node.entries() {
                let fits = match key.text.as_str() {
                    "newest" | "rows" | "sql" => store.kind == StoreKind::Database,
                    "files" => matches!(store.kind, StoreKind::Files | StoreKind::Bucket),
                    _ => store.kind != StoreKind::Memory,
                };
                if !fits {
                    self.wrong(
                        of.place,
                        "wrong-kind",
                        format!("{} is a {} store: it has no `{}`", store.name, store.engine, key.text),
                        "databases have `newest`, `rows` and `sql`; folders and buckets have `files`",
                    );
                }
            }
            let mut expected = self.of_tables(node);
            expected.extend(self.of_files(node));
            expected.extend(self.of_labels(&name.text, node));
            if expected.is_empty() {
                self.wrong(
                    name.place,
                    "no-check",
                    format!(
                        "nothing is expected of {}: it could only ever pass",
                        name.text
                    ),
                    "say what has to be in it: `newest`, `rows`, `sql`, `files` or `same_as`",
                );
            }
            all.push((name.text.clone(), expected));
        }
        if all.is_empty() && body.entries().is_empty() {
            self.wrong(
                body.place,
                "no-check",
                "this proves nothing of any store".to_owned(),
                "name a store and what has to be in it",
            );
        }
        all
    }

    fn of_tables(&self, node: &Node) -> Vec<Evident> {
        let mut all = Vec::new();
        for item in node.get("newest").map(Node::items).unwrap_or_default() {
            let of = item.get("of").and_then(|node| {
                let moment = node.text().and_then(|text| text.parse().ok());
                if moment.is_none() {
                    self.wrong(
                        node.place,
                        "bad-moment",
                        format!("`{}` is no moment", node.text().unwrap_or_default()),
                        "write it with its zone: `2026-01-31T02:00:00Z`",
                    );
                }
                moment
            });
            all.push(Evident::Newest {
                table: text_of(item.get("table")).unwrap_or_default(),
                column: text_of(item.get("column")).unwrap_or_default(),
                unit: item
                    .get("unit")
                    .and_then(Node::text)
                    .map(|word| match word {
                        "milliseconds" => Unit::Milliseconds,
                        "microseconds" => Unit::Microseconds,
                        _ => Unit::Seconds,
                    }),
                within: duration_of(item.get("within")).unwrap_or_default(),
                of,
            });
        }
        for (table, node) in node.get("rows").map(Node::entries).unwrap_or_default() {
            let bound = node.text().and_then(|text| value::bound(text).ok());
            let (at_least, at_most) = bound.unwrap_or((1, None));
            if (at_least, at_most) == (0, None) {
                self.cannot_fail(node, "at least 0 rows");
            }
            all.push(Evident::Rows {
                table: table.text.clone(),
                at_least,
                at_most,
            });
        }
        for item in node.get("sql").map(Node::items).unwrap_or_default() {
            let value = text_of(item.get("is")).unwrap_or_default();
            if let Some(is) = item.get("is").filter(|_| value.is_empty()) {
                self.wrong(
                    is.place,
                    "empty-value",
                    "nothing and NULL cannot be told apart here".to_owned(),
                    "let the statement count: `SELECT count(*) … WHERE … = ''`, and expect a number",
                );
            }
            all.push(Evident::Value {
                query: text_of(item.get("query")).unwrap_or_default(),
                value,
            });
        }
        all
    }

    fn cannot_fail(&self, node: &Node, what: &str) {
        self.wrong(
            node.place,
            "no-check",
            format!("{what} are always there: it could only ever pass"),
            "expect a number, `at least 1` or more",
        );
    }

    fn of_files(&self, node: &Node) -> Vec<Evident> {
        let mut all = Vec::new();
        for (path, node) in node.get("files").map(Node::entries).unwrap_or_default() {
            if !leads_inside(&path.text) {
                self.wrong(
                    path.place,
                    "bad-path",
                    format!("`{}` does not lead into the store", path.text),
                    "write it from the store's own root, without `/` before it",
                );
            }
            let is = match text_of(node.get("sha256")) {
                Some(digest) => {
                    let is_digest =
                        digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
                    if !is_digest {
                        self.wrong(
                            node.place,
                            "bad-digest",
                            format!("`{digest}` is no SHA-256"),
                            "write the 64 digits that `sha256sum` prints",
                        );
                    }
                    FileIs::Sha256(digest)
                }
                None => FileIs::Text(text_of(node.get("text")).unwrap_or_default()),
            };
            all.push(Evident::File {
                path: path.text.clone(),
                is,
            });
        }
        all
    }

    fn of_labels(&self, store: &str, node: &Node) -> Vec<Evident> {
        let mut all = Vec::new();
        for item in node.get("same_as").map(Node::items).unwrap_or_default() {
            let Some(label) = item.text() else { continue };
            let known: Vec<&str> = self
                .vessels
                .labels
                .iter()
                .filter(|(_, of)| of == store)
                .map(|(label, _)| label.as_str())
                .collect();
            known_name(self.source, item, &known, "earlier restore of it");
            if !self.vessels.foreign.contains(store) {
                self.wrong(
                    item.place,
                    "no-recovery-point",
                    format!("{store} is not restored from a backup here"),
                    "let a `restore: { from: … }` of it come before",
                );
            }
            all.push(Evident::SameAs(label.to_owned()));
        }
        all
    }

    pub(super) fn expected_title(&self, expected: &[(String, Vec<Evident>)]) -> String {
        let words: Vec<String> = expected
            .iter()
            .map(|(store, expected)| {
                let (n, word) = match expected.len() {
                    1 => (1, "expectation"),
                    n => (n, "expectations"),
                };
                format!("{n} {word} of {store}")
            })
            .collect();
        format!("prove {}", words.join(", "))
    }
}
