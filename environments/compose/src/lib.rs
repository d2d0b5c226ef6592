//! The compose environment: a stack of containers on a Docker engine, described by Compose files
//! that people wrote for other ends.

pub mod engine;
pub mod project;
