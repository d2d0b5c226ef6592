//! The compose environment.

pub mod project;
