//! The compose environment, against the tool and the engine that are there.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod architecture;
mod egress;
mod events;
mod filling;
mod layers;
mod project;
