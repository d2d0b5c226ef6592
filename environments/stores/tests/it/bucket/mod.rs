//! Buckets of real servers.

mod failures;
mod recover;
mod sees;
mod servers;
mod whole;
