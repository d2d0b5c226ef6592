//! Stores on real servers.

mod bucket;
mod memory;
mod mysql;
mod postgres;
mod sql_server;
mod volume;
