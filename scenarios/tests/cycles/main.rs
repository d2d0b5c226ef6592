//! Whole cycles on the embedded environment: the shipped scenario under each profile, documents
//! that are wrong, and seeded faults.

mod buckets;
mod documents;
mod profiles;
mod sabotage;
mod support;
