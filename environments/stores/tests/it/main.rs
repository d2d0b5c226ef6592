//! Stores against real servers.

mod postgres;
mod sql_server;
