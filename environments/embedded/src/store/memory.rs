//! Caches and queues of an embedded stack: in memory, gone with their vessel.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phoenix_engine::environment::DirectCopy;
use phoenix_understudies::platform::Backing;
use phoenix_understudies::platform::memory::{MemoryCache, MemoryQueue};

use phoenix_kit::Secrets;

/// One server: what an application speaks to, and an identity that no other incarnation has.
#[derive(Clone)]
struct Server {
    identity: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Cache(Arc<MemoryCache>),
    Queue(Arc<MemoryQueue>),
}

/// All servers of a stack, by the store that each is.
#[derive(Default)]
pub(crate) struct Servers {
    running: Mutex<BTreeMap<String, Server>>,
}

/// Before the marker of a canary that was written straight into a cache.
const CANARY: &str = "phoenix-canary:";

impl Servers {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Server>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new, empty server, where none runs yet.
    pub(crate) fn start(&self, store: &str, engine: &str) {
        self.locked()
            .entry(store.to_owned())
            .or_insert_with(|| Server {
                identity: format!("{engine}:{}", Secrets::random(16)),
                kind: if engine == "rabbitmq" {
                    Kind::Queue(Arc::new(MemoryQueue::open()))
                } else {
                    Kind::Cache(Arc::new(MemoryCache::open()))
                },
            });
    }

    /// Ends a server, and with it all that it holds and everybody's connection.
    pub(crate) fn end(&self, store: &str) {
        if let Some(server) = self.locked().remove(store) {
            match server.kind {
                Kind::Cache(cache) => cache.close(),
                Kind::Queue(queue) => queue.close(),
            }
        }
    }

    /// Ends all of them.
    pub(crate) fn end_all(&self) {
        let all: Vec<String> = self.locked().keys().cloned().collect();
        for store in all {
            self.end(&store);
        }
    }

    pub(crate) fn identity(&self, store: &str) -> Option<String> {
        self.locked()
            .get(store)
            .map(|server| server.identity.clone())
    }

    /// Hands a server to an application, in the place that its engine has there.
    pub(crate) fn lend(&self, store: &str, engine: &str, backing: &mut Backing) {
        let server = self.locked().get(store).cloned();
        match server.map(|server| server.kind) {
            Some(Kind::Cache(cache)) if engine == "memcached" => backing.memcached = Some(cache),
            Some(Kind::Cache(cache)) => backing.redis = Some(cache),
            Some(Kind::Queue(queue)) => backing.rabbitmq = Some(queue),
            None => {}
        }
    }

    /// Writes a canary into a cache; a queue takes none, since whoever works on it would eat it.
    pub(crate) fn write_direct(&self, store: &str, copy: &DirectCopy) -> bool {
        match self.locked().get(store).map(|server| &server.kind) {
            Some(Kind::Cache(cache)) => cache
                .put(
                    &format!("{CANARY}{}", copy.marker),
                    copy.text.clone().into_bytes(),
                )
                .is_ok(),
            _ => false,
        }
    }

    /// The canaries of a cache; none of a server that is not there.
    pub(crate) fn list_direct(&self, store: &str) -> Vec<DirectCopy> {
        match self.locked().get(store).map(|server| &server.kind) {
            Some(Kind::Cache(cache)) => cache
                .entries()
                .into_iter()
                .filter_map(|(key, value)| {
                    Some(DirectCopy {
                        marker: key.strip_prefix(CANARY)?.to_owned(),
                        text: String::from_utf8_lossy(&value).into_owned(),
                    })
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Entries of a cache, canaries left out.
    pub(crate) fn holds(&self, store: &str) -> u64 {
        match self.locked().get(store).map(|server| &server.kind) {
            Some(Kind::Cache(cache)) => cache
                .entries()
                .iter()
                .filter(|(key, _)| !key.starts_with(CANARY))
                .count() as u64,
            _ => 0,
        }
    }

    /// Whether a text stands in a key or a value of a cache.
    pub(crate) fn find_text(&self, store: &str, text: &str) -> bool {
        match self.locked().get(store).map(|server| &server.kind) {
            Some(Kind::Cache(cache)) => cache.entries().iter().any(|(key, value)| {
                key.contains(text) || String::from_utf8_lossy(value).contains(text)
            }),
            _ => false,
        }
    }
}
