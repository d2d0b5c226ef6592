//! The understudies, each against its contract.

mod binary;
mod bookstack;
mod conform;
mod container;
mod engines;
mod judges;
mod mattermost;
mod support;
mod zitadel;
mod zulip;
