//! The MySQL driver against a real server.

mod bench;
mod differences;
mod faults;
mod fixture;
mod foreign;
mod restores;
