//! Who is told what happens while it happens. The runner itself prints nothing.

use phoenix_evidence::journal::event::StepEnd;

/// A listener to a cycle's progress.
pub trait Progress: Send + Sync {
    /// A step begins: its number from 1, of how many, and its title.
    fn step_started(&self, cycle: &str, number: usize, of: usize, title: &str);
    /// A word on what a step is doing.
    fn step_says(&self, cycle: &str, words: &str);
    /// A step has ended.
    fn step_finished(&self, cycle: &str, number: usize, ended: StepEnd, detail: &str, took_ms: u64);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step_started(&self, _: &str, _: usize, _: usize, _: &str) {}
    fn step_says(&self, _: &str, _: &str) {}
    fn step_finished(&self, _: &str, _: usize, _: StepEnd, _: &str, _: u64) {}
}
