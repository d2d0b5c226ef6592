//! Stores on real servers.

mod bucket;
mod memory;
mod volume;
