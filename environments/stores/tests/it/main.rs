//! Stores on real servers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests, which the lints do not know as tests; a skip has to be seen"
)]

mod bench;
mod bucket;
mod container;
mod foreign;
mod memory;
mod mysql;
mod postgres;
mod sql_server;
mod volume;
