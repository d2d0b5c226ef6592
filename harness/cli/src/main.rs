//! phoenix.
fn main() {}
