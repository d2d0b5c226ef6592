//! The understudies, each against its contract.

mod binary;
mod bookstack;
mod engines;
mod mattermost;
mod support;
mod zitadel;
mod zulip;
