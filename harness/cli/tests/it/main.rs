//! The command line as its users meet it: a binary, files, exit codes, words.

mod documents;
mod evidence;
mod inputs;
mod support;
mod together;
