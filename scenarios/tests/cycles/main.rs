//! Whole cycles on the embedded environment: the shipped scenario under each profile, documents
//! that are wrong, and seeded faults. Besides, what the shipped environments have in common.

mod afterwards;
mod buckets;
mod declared;
mod documents;
mod profiles;
mod relative;
mod sabotage;
mod second_factor;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod twins;
