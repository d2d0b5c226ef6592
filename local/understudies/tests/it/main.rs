//! The understudies, each against its contract.

mod bookstack;
mod mattermost;
