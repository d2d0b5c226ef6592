//! Volumes of a real engine.

mod failures;
mod foreign;
mod scratch;
mod sees;
mod whole;

pub(crate) use scratch::engine;
