//! The MySQL driver against a real server.

mod differences;
mod faults;
mod fixture;
mod foreign;
mod restores;
