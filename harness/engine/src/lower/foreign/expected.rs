//! What a `prove:` expects of a store.

use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::{Node, value};

use crate::foreign::leads_inside;
use crate::lower::environment::known_name;
use crate::lower::steps::Lowering;
use crate::lower::{duration_of, text_of};
use crate::plan::{Evident, FileIs, Unit};
use crate::stack::StoreKind;

impl Lowering<'_> {
    /// What a `prove:` expects, store by store.
    pub(in crate::lower) fn expected(&self, body: &Node) -> Vec<(String, Vec<Evident>)> {
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

    pub(in crate::lower) fn expected_title(&self, expected: &[(String, Vec<Evident>)]) -> String {
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
