//! Cache and queue in memory: servers that forget everything when they go.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Cache, Queue};

/// memcached or Redis, as far as an understudy uses them. One that was closed answers nobody.
#[derive(Default)]
pub struct MemoryCache {
    values: Mutex<Option<Values>>,
}

type Values = HashMap<String, (Vec<u8>, Option<Instant>)>;

impl MemoryCache {
    /// An empty server that answers.
    #[must_use]
    pub fn open() -> Self {
        Self {
            values: Mutex::new(Some(HashMap::new())),
        }
    }

    /// Ends it: everything is forgotten, and nobody is answered any more.
    pub fn close(&self) {
        self.locked().take();
    }

    /// Keeps a value until it is flushed, as whoever can reach the server may.
    ///
    /// # Errors
    /// When the server was closed.
    pub fn put(&self, key: &str, value: Vec<u8>) -> Result<(), String> {
        self.with(|values| {
            values.insert(key.to_owned(), (value, None));
        })
    }

    /// Keys and values, in no order; none of a server that was closed.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, Vec<u8>)> {
        self.with(|values| {
            values
                .iter()
                .map(|(key, (value, _))| (key.clone(), value.clone()))
                .collect()
        })
        .unwrap_or_default()
    }

    fn locked(&self) -> MutexGuard<'_, Option<Values>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Values) -> T) -> Result<T, String> {
        match self.locked().as_mut() {
            Some(values) => Ok(act(values)),
            None => Err("connection refused".to_owned()),
        }
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.with(|values| {
            let (value, until) = values.get(key)?;
            until
                .is_none_or(|until| Instant::now() < until)
                .then(|| value.clone())
        })
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Option<Duration>) -> Result<(), String> {
        let until = ttl.map(|ttl| Instant::now() + ttl);
        self.with(|values| {
            values.insert(key.to_owned(), (value, until));
        })
    }

    async fn delete(&self, key: &str) -> Result<(), String> {
        self.with(|values| {
            values.remove(key);
        })
    }

    async fn flush(&self) -> Result<(), String> {
        self.with(HashMap::clear)
    }
}

/// RabbitMQ, as far as an understudy uses it. One that was closed answers nobody.
#[derive(Default)]
pub struct MemoryQueue {
    queues: Mutex<Option<HashMap<String, VecDeque<Vec<u8>>>>>,
    arrived: Notify,
}

impl MemoryQueue {
    /// An empty server that answers.
    #[must_use]
    pub fn open() -> Self {
        Self {
            queues: Mutex::new(Some(HashMap::new())),
            arrived: Notify::new(),
        }
    }

    /// Ends it, and with it every wait.
    pub fn close(&self) {
        self.locked().take();
        self.arrived.notify_waiters();
    }

    fn locked(&self) -> MutexGuard<'_, Option<HashMap<String, VecDeque<Vec<u8>>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> String {
    "connection refused".to_owned()
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, queue: &str, message: Vec<u8>) -> Result<(), String> {
        self.locked()
            .as_mut()
            .ok_or_else(gone)?
            .entry(queue.to_owned())
            .or_default()
            .push_back(message);
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn next(&self, queue: &str) -> Result<Vec<u8>, String> {
        loop {
            // Asked for before looking, so that nothing that comes in between is missed.
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            let found = self
                .locked()
                .as_mut()
                .ok_or_else(gone)?
                .get_mut(queue)
                .and_then(VecDeque::pop_front);
            if let Some(message) = found {
                return Ok(message);
            }
            arrived.await;
        }
    }

    async fn ping(&self) -> Result<(), String> {
        self.locked().as_ref().map(|_| ()).ok_or_else(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Cache as _, MemoryCache, MemoryQueue, Queue as _};

    #[tokio::test]
    async fn a_cache_forgets_after_its_time_and_when_it_ends() {
        let cache = MemoryCache::open();
        cache.set("a", b"1".to_vec(), None).await.expect("open");
        let short = Some(Duration::ZERO);
        cache.set("b", b"2".to_vec(), short).await.expect("open");
        assert_eq!(cache.get("a").await, Ok(Some(b"1".to_vec())));
        assert_eq!(cache.get("b").await, Ok(None));
        cache.close();
        assert!(cache.get("a").await.is_err());
    }

    #[tokio::test]
    async fn a_queue_wakes_whoever_waits_and_ends_their_wait() {
        let queue = Arc::new(MemoryQueue::open());
        let waits = |queue: Arc<MemoryQueue>| tokio::spawn(async move { queue.next("mail").await });
        let first = waits(Arc::clone(&queue));
        tokio::task::yield_now().await;
        queue.publish("mail", b"x".to_vec()).await.expect("open");
        assert_eq!(first.await.expect("no panic"), Ok(b"x".to_vec()));
        let second = waits(Arc::clone(&queue));
        tokio::task::yield_now().await;
        queue.close();
        assert!(second.await.expect("no panic").is_err());
    }
}
