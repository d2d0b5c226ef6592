//! Caches and queues: what a stack may lose, and what it can be asked all the same.

mod container;
mod memcached;
mod rabbitmq;
mod redis;
mod values;

use phoenix_engine::environment::DriverError;

pub use memcached::MemcachedStore;
pub use rabbitmq::RabbitStore;
pub use redis::RedisStore;

/// Before the marker of a canary that was written straight into a cache.
const CANARY: &str = "phoenix-canary:";

fn keeps_nothing(doing: &str) -> DriverError {
    DriverError::new(doing, "a cache keeps no recovery point")
}

fn no_database(doing: &str) -> DriverError {
    DriverError::new(doing, "it is no database")
}
