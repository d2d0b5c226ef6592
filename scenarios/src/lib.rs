//! The shipped scenarios are the YAML files beside this crate; its tests run each of them, and a
//! list of sabotages that the harness has to see.
