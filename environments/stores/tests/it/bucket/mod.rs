//! Buckets of real servers.

mod bench;
mod failures;
mod foreign;
mod recover;
mod sees;
mod servers;
mod whole;
