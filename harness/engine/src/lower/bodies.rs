//! What the body of a step says: stores, numbers, faults, requests.

use std::collections::BTreeMap;

use phoenix_language::{Node, Source};

use super::environment::known_name;
use super::steps::Lowering;
use super::{duration_of, number_of, text_of, texts_of};
use crate::plan::{Check, Fault, HttpRequest, PointChoice, Seed, Until};

/// Canaries of one kind that a step may ask for: all of them are held in memory.
const CANARIES_MAX: u32 = 1_000_000;
/// Most writers at once.
const WRITERS_MAX: u32 = 256;
/// Longest time of going on writing.
const WRITES_MAX: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Lowering<'_> {
    pub(super) fn words_of(&self, stores: &[String]) -> String {
        if stores.len() == self.stack.stores.len() {
            "everything".to_owned()
        } else {
            stores.join(", ")
        }
    }

    /// The stores that a step names: all of them, or a list of names that exist.
    pub(super) fn stores(&self, body: &Node, key: &str) -> Vec<String> {
        let node = body.get(key).unwrap_or(body);
        let names = if node.entries().is_empty() {
            texts_of(Some(node))
        } else {
            Vec::new()
        };
        let known: Vec<&str> = self.stack.store_names();
        if names.is_empty() || names == ["all"] {
            return known.into_iter().map(str::to_owned).collect();
        }
        for item in node.items() {
            known_name(self.source, item, &known, "store");
        }
        names
    }

    /// A destroy may name services: then their own stores go, and they stop.
    pub(super) fn destroyed(&self, body: &Node) -> (Vec<String>, Vec<String>) {
        let names = texts_of(Some(body));
        let all_services: Vec<String> = self
            .stack
            .services
            .iter()
            .map(|service| service.name.clone())
            .collect();
        if names.is_empty() || names == ["all"] {
            let stores = self
                .stack
                .stores
                .iter()
                .map(|store| store.name.clone())
                .collect();
            return (stores, all_services);
        }
        let known: Vec<&str> = self
            .stack
            .stores
            .iter()
            .map(|store| store.name.as_str())
            .chain(all_services.iter().map(String::as_str))
            .collect();
        for item in body.items() {
            known_name(self.source, item, &known, "store or service");
        }
        let mut stores: Vec<String> = Vec::new();
        for name in &names {
            match self.stack.service(name) {
                Some(service) => stores.extend(
                    self.stack
                        .stores_of(service)
                        .into_iter()
                        .map(|store| store.name.clone()),
                ),
                None => stores.push(name.clone()),
            }
        }
        // What a destroyed store carries goes with it.
        for store in &self.stack.stores {
            let carried = store.on.as_ref().is_some_and(|on| stores.contains(on));
            if carried && !stores.contains(&store.name) {
                stores.push(store.name.clone());
            }
        }
        stores.dedup();
        let services = self
            .stack
            .services
            .iter()
            .filter(|service| {
                names.contains(&service.name)
                    || service.needs.iter().any(|need| stores.contains(need))
            })
            .map(|service| service.name.clone())
            .collect();
        (stores, services)
    }

    pub(super) fn store(&self, node: Option<&Node>) -> String {
        self.named(node, &self.stack.store_names(), "store")
    }

    pub(super) fn service(&self, node: Option<&Node>) -> String {
        self.named(node, &self.stack.service_names(), "service")
    }

    /// A name that has to be one of these.
    fn named(&self, node: Option<&Node>, known: &[&str], what: &str) -> String {
        if let Some(node) = node {
            known_name(self.source, node, known, what);
        }
        text_of(node).unwrap_or_default()
    }

    pub(super) fn seed(&self, body: &Node) -> Seed {
        let number = |key: &str| number_of(body.get(key));
        self.writers(body);
        for (key, value) in body
            .entries()
            .iter()
            .filter(|(key, _)| key.text != "writers")
        {
            if number_of(Some(value)).is_some_and(|n| n > CANARIES_MAX) {
                self.source.error(
                    value.place,
                    "too-many",
                    format!("`{}` is more than phoenix writes: {CANARIES_MAX}", key.text),
                    Some("a few hundred tell as much, and a drill has to end".to_owned()),
                );
            }
        }
        let canaries = number("canaries").unwrap_or(20);
        let services = texts_of(body.get("services"));
        if services != ["all"] {
            for item in body.get("services").map(Node::items).unwrap_or_default() {
                self.service(Some(item));
            }
        }
        Seed {
            canaries,
            pairs: number("pairs").unwrap_or(canaries / 5),
            overwritten: number("overwritten").unwrap_or(canaries / 10),
            deleted: number("deleted").unwrap_or(canaries / 10),
            encrypted: number("encrypted").unwrap_or(2),
            direct: number("direct").unwrap_or(3),
            services: if services == ["all"] {
                Vec::new()
            } else {
                services
            },
            writers: number("writers").unwrap_or(8) as usize,
        }
    }

    /// That somebody writes, and no more at once than tell anything.
    pub(super) fn writers(&self, body: &Node) {
        if let Some(node) = body.get("writers")
            && number_of(Some(node)).is_some_and(|n| !(1..=WRITERS_MAX).contains(&n))
        {
            self.source.error(
                node.place,
                "out-of-range",
                format!("`writers` is a number from 1 to {WRITERS_MAX}"),
                None,
            );
        }
    }

    /// How long somebody writes.
    pub(super) fn writes_for(&self, body: &Node) -> std::time::Duration {
        let lasting = duration_of(body.get("for")).unwrap_or_default();
        if let Some(node) = body.get("for").filter(|_| lasting > WRITES_MAX) {
            self.source.error(
                node.place,
                "out-of-range",
                "nobody goes on writing for more than a day in a drill".to_owned(),
                Some("seconds tell as much".to_owned()),
            );
        }
        lasting.min(WRITES_MAX)
    }

    pub(super) fn until(&self, body: &Node) -> Option<Until> {
        if let Some(service) = body.get("healthy") {
            return Some(Until::Healthy(self.service(Some(service))));
        }
        if let Some(http) = body.get("http") {
            return Some(Until::Http(request_of(self.source, http)));
        }
        if let Some(sql) = body.get("sql") {
            return Some(Until::Sql {
                store: self.store(sql.get("store")),
                query: text_of(sql.get("query")).unwrap_or_default(),
                value: text_of(sql.get("value")).unwrap_or_default(),
            });
        }
        self.source.error(
            body.place,
            "missing-key",
            "nothing is named to wait for".to_owned(),
            Some("choose one of `healthy`, `http`, `sql`".to_owned()),
        );
        None
    }

    pub(super) fn fault(&self, body: &Node) -> Option<Fault> {
        let (key, value) = body.entries().first()?;
        let store = || self.store(Some(value));
        Some(match key.text.as_str() {
            "regenerate" => {
                let secrets = self.stack.secret_names();
                Fault::RegenerateSecret(self.named(Some(value), &secrets, "secret"))
            }
            "empty-backup" => Fault::EmptyBackup(store()),
            "truncate-backup" => Fault::TruncateBackup(store()),
            "stale-backup" => Fault::StaleBackup(store()),
            "wrong-source" => Fault::WrongSource {
                store: self.store(value.get("store")),
                from: self.store(value.get("from")),
            },
            "restore-twice" => Fault::RestoreTwice(store()),
            "drop-table" => Fault::DropTable {
                store: self.store(value.get("store")),
                table: text_of(value.get("table")),
            },
            "keep-vessel" => Fault::KeepVessel(store()),
            "wipe" => Fault::Wipe(store()),
            "corrupt" => Fault::Corrupt(store()),
            "drop-files" => Fault::DropFiles(store()),
            "drop-rows" => Fault::DropRows(store()),
            "shift-clock" => {
                let seconds = |key: &str| {
                    duration_of(value.get(key))
                        .and_then(|by| i64::try_from(by.as_secs()).ok())
                        .unwrap_or(0)
                };
                Fault::ShiftClock {
                    service: self.service(value.get("service")),
                    by_s: seconds("forward") - seconds("back"),
                }
            }
            "rebuild-provider" => Fault::RebuildProvider(self.service(Some(value))),
            "reset-counters" => Fault::ResetCounters(store()),
            "resurrect" => Fault::Resurrect(store()),
            "delete-points" => Fault::DeletePoints(store()),
            "stop" => Fault::Stop(self.service(Some(value))),
            "volatile" => Fault::Volatile(store()),
            "certificate" => Fault::Certificate(self.service(Some(value))),
            _ => return None,
        })
    }
}

pub(super) fn seed_title(seed: &Seed) -> String {
    let whom = if seed.services.is_empty() {
        "every service".to_owned()
    } else {
        seed.services.join(", ")
    };
    format!(
        "seed {whom}: {} canaries, {} pairs, {} sealed by a key; {} straight into each store",
        seed.canaries, seed.pairs, seed.encrypted, seed.direct
    )
}

pub(super) fn point_of(node: Option<&Node>) -> PointChoice {
    match node.and_then(Node::text) {
        Some("oldest") => PointChoice::Oldest,
        Some("random") => PointChoice::Random,
        _ => match node.and_then(|node| text_of(node.get("label"))) {
            Some(label) => PointChoice::Label(label),
            None => PointChoice::Newest,
        },
    }
}

pub(super) fn checks_of(body: &Node) -> Vec<Check> {
    let mut checks: Vec<Check> = texts_of(Some(body))
        .iter()
        .filter_map(|word| match word.as_str() {
            "health" => Some(Check::Health),
            "login" => Some(Check::Login),
            "survival" => Some(Check::Survival),
            "fingerprint" => Some(Check::Fingerprint),
            "write" => Some(Check::Write),
            "restart" => Some(Check::Restart),
            _ => None,
        })
        .collect();
    if checks.is_empty() {
        checks = vec![
            Check::Health,
            Check::Login,
            Check::Survival,
            Check::Fingerprint,
        ];
    }
    checks
}

pub(super) fn check_words(checks: &[Check]) -> String {
    let words: Vec<&str> = checks
        .iter()
        .map(|check| match check {
            Check::Health => "health",
            Check::Login => "logins",
            Check::Survival => "survival",
            Check::Fingerprint => "fingerprints",
            Check::Write => "first writes",
            Check::Restart => "a restart",
        })
        .collect();
    words.join(", ")
}

pub(super) fn request_of(source: &Source, body: &Node) -> HttpRequest {
    let pairs = |node: Option<&Node>| -> BTreeMap<String, String> {
        node.map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|(key, value)| (key.text.clone(), text_of(Some(value)).unwrap_or_default()))
            .collect()
    };
    let mut request = HttpRequest::default();
    for method in ["get", "post", "put", "patch", "delete"] {
        if let Some(url) = body.get(method) {
            request.method = method.to_owned();
            request.url = text_of(Some(url)).unwrap_or_default();
        }
    }
    if request.method.is_empty() {
        source.error(
            body.place,
            "missing-key",
            "this request has no method".to_owned(),
            Some("name one: `get: https://…`".to_owned()),
        );
    }
    request.headers = pairs(body.get("headers"));
    request.json = body.get("json").map(Node::to_json);
    request.form = pairs(body.get("form"));
    if let Some(expect) = body.get("expect") {
        request.status =
            number_of(expect.get("status")).and_then(|status| u16::try_from(status).ok());
        request.json_expect = pairs(expect.get("json"));
    }
    request.save = pairs(body.get("save"));
    request
}
