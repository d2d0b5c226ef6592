//! A limit of requests in a sliding minute, for each caller.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

/// So many requests in so long, for each key.
#[derive(Debug)]
pub struct RateLimit {
    max: usize,
    window: Duration,
    seen: Mutex<HashMap<String, VecDeque<i64>>>,
}

impl RateLimit {
    /// A limit.
    #[must_use]
    pub fn new(max: usize, window: Duration) -> Self {
        Self {
            max,
            window,
            seen: Mutex::default(),
        }
    }

    /// Forgets what was counted for a key.
    pub fn clear(&self, key: &str) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.remove(key);
        }
    }

    /// Counts a request at this moment (milliseconds).
    ///
    /// # Errors
    /// The seconds to wait, at least 1, when the limit is reached: the request is not counted.
    pub fn take(&self, key: &str, now_ms: i64) -> Result<(), u64> {
        let Ok(mut seen) = self.seen.lock() else {
            return Ok(());
        };
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        let times = seen.entry(key.to_owned()).or_default();
        while times.front().is_some_and(|first| now_ms - first >= window) {
            times.pop_front();
        }
        if times.len() < self.max {
            times.push_back(now_ms);
            return Ok(());
        }
        let wait_ms = times
            .front()
            .map_or(window, |first| window - (now_ms - first));
        Err(u64::try_from(wait_ms.div_euclid(1000) + 1).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_fills_and_empties() {
        let limit = RateLimit::new(2, Duration::from_secs(60));
        assert_eq!(limit.take("a", 0), Ok(()));
        assert_eq!(limit.take("a", 1000), Ok(()));
        assert_eq!(limit.take("a", 2000), Err(59));
        assert_eq!(limit.take("b", 2000), Ok(()));
        assert_eq!(limit.take("a", 60_000), Ok(()));
        assert_eq!(limit.take("a", 60_500), Err(1));
        limit.clear("a");
        assert_eq!(limit.take("a", 60_500), Ok(()));
    }
}
