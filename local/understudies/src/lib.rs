//! Understudies of Zitadel, BookStack, Mattermost and Zulip: small servers that keep each
//! application's outward contract, store for real, and encrypt for real with the key they are given.

pub mod bookstack;
pub mod mattermost;
pub mod platform;
pub mod shared;
pub mod zitadel;
pub mod zulip;
