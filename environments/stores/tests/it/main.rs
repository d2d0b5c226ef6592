//! Stores against real servers.

mod mysql;
mod postgres;
mod sql_server;
