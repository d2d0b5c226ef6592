//! The compose environment.
