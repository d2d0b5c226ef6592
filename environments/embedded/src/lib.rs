//! The embedded environment: understudies in this process behind a TLS router on loopback, SQLite
//! files as databases, folders as volumes, an object store with versions, caches in memory, secrets
//! in a file, and a vault outside the blast radius. Two runs at once never meet: each has
//! its own folder, ports and authority.

mod applications;
mod authority;
mod buckets;
mod driver;
mod faults;
mod foreign;
pub mod objects;
mod roles;
mod router;
mod services;
pub mod store;
mod straight;
mod vessels;

pub use driver::Embedded;
