//! The compose environment: a stack of containers on a Docker engine, described by Compose files
//! that people wrote for other ends.

mod driver;
mod egress;
pub mod engine;
mod environment;
mod faults;
mod fit;
mod forward;
mod gate;
mod images;
pub mod init;
mod layers;
mod made;
mod own;
pub mod project;
mod raise;
pub mod reap;
mod roles;
mod services;
mod settings;
mod stores;
mod vessels;

pub use driver::Compose;
pub use fit::fits;
