//! The engine: plans a cycle, runs it, and writes down what happened. It knows environments,
//! stores and applications by their traits only.

pub mod application;
pub mod environment;
pub mod lower;
pub mod network;
pub mod plan;
pub mod run;
pub mod stack;
pub mod words;
