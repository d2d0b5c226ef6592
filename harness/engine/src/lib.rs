//! The engine: plans a cycle, runs it, and writes down what happened. It knows environments,
//! stores and applications by their traits only.

pub mod application;
pub mod differences;
pub mod environment;
pub mod foreign;
pub mod lower;
pub mod measure;
pub mod network;
pub mod plan;
pub mod run;
pub mod stack;
pub mod words;

/// Waits out a time that somebody else asked for: a rate limit's `Retry-After`.
pub async fn pause(time: std::time::Duration) {
    tokio::time::sleep(time).await;
}
