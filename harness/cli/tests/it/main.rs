//! The command line as its users meet it: a binary, files, exit codes, words.

mod documents;
mod drafts;
mod evidence;
mod generated;
mod inputs;
mod json;
mod repeated;
mod status;
mod support;
mod terminal;
mod together;
mod whole;
