//! Event queues: what a client is told of while it asks again and again. They are in memory, as
//! upstream has them in its Tornado process: after a crash every client has to register anew.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use super::answers::Refusal;

/// How long a call waits before it is told of a heartbeat, so that no proxy takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(50);
/// A queue that nobody asked for so long is forgotten, in seconds.
const IDLE_S: i64 = 600;

/// All queues of a server.
#[derive(Default)]
pub(super) struct Queues {
    queues: Mutex<BTreeMap<String, Queue>>,
    changed: Notify,
}

struct Queue {
    user: i64,
    /// The types that are wanted; all of them when it is `None`.
    types: Option<Vec<String>>,
    markdown: bool,
    next: i64,
    events: VecDeque<Json>,
    asked_s: i64,
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new queue of an account.
    pub(super) fn open(
        &self,
        id: String,
        user: i64,
        types: Option<Vec<String>>,
        markdown: bool,
        now_s: i64,
    ) {
        let mut queues = self.lock();
        queues.retain(|_, queue| now_s - queue.asked_s < IDLE_S);
        let queue = Queue {
            user,
            types,
            markdown,
            next: 0,
            events: VecDeque::new(),
            asked_s: now_s,
        };
        queues.insert(id, queue);
    }

    /// Ends a queue of an account.
    pub(super) fn close(&self, id: &str, user: i64) -> Result<(), Refusal> {
        let mut queues = self.lock();
        match queues.get(id) {
            Some(queue) if queue.user == user => {
                queues.remove(id);
                Ok(())
            }
            _ => Err(Refusal::bad_queue(id)),
        }
    }

    /// Tells the queues of these accounts of something. `event` is asked for the form that a queue
    /// wants messages in: as they look, or as they were written.
    pub(super) fn tell(&self, users: &[i64], kind: &str, event: impl Fn(bool) -> Json) {
        for queue in self.lock().values_mut() {
            let wanted = queue
                .types
                .as_ref()
                .is_none_or(|types| types.iter().any(|one| one == kind));
            if wanted && users.contains(&queue.user) {
                let mut event = event(queue.markdown);
                event["type"] = kind.into();
                event["id"] = queue.next.into();
                queue.next += 1;
                queue.events.push_back(event);
            }
        }
        self.changed.notify_waiters();
    }

    /// What came after an event; waits for it, unless that is not wanted.
    pub(super) async fn after(
        &self,
        id: &str,
        user: i64,
        last: i64,
        wait: bool,
        now_s: i64,
    ) -> Result<Vec<Json>, Refusal> {
        let heartbeat = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(heartbeat);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Before the look: what is told between the two is not missed.
            changed.as_mut().enable();
            {
                let mut queues = self.lock();
                let queue = queues
                    .get_mut(id)
                    .filter(|queue| queue.user == user)
                    .ok_or_else(|| Refusal::bad_queue(id))?;
                queue.asked_s = now_s;
                while queue
                    .events
                    .front()
                    .and_then(|event| event["id"].as_i64())
                    .is_some_and(|id| id <= last)
                {
                    queue.events.pop_front();
                }
                if !queue.events.is_empty() || !wait {
                    return Ok(queue.events.iter().cloned().collect());
                }
            }
            tokio::select! {
                () = changed => {}
                () = &mut heartbeat => {
                    let mut queues = self.lock();
                    let queue = queues.get_mut(id).ok_or_else(|| Refusal::bad_queue(id))?;
                    let beat = json!({"type": "heartbeat", "id": queue.next});
                    queue.next += 1;
                    return Ok(vec![beat]);
                }
            }
        }
    }
}
