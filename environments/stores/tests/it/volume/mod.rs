//! Volumes of a real engine.

mod failures;
mod scratch;
mod sees;
mod whole;

pub(crate) use scratch::engine;
