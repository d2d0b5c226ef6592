//! The embedded environment by its parts.

mod fingerprints;
mod objects;
mod stores;
