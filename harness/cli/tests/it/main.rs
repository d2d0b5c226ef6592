//! The command line as its users meet it: a binary, files, exit codes, words.
#![allow(
    clippy::print_stderr,
    reason = "a skipped test says so where its runner sees it"
)]

mod compose_files;
mod conform;
mod documents;
mod drafts;
mod drill;
mod evidence;
mod foreign;
mod generated;
mod hindered;
mod host;
mod host_proxy;
mod init;
mod init_asks;
mod inputs;
mod json;
mod killed;
mod killed_in_containers;
mod provider_in_containers;
mod proxy;
mod repeated;
mod resumed;
mod status;
mod support;
mod terminal;
mod together;
mod troubled_in_containers;
mod whole;
