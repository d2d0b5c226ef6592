//! The website: what a browser without a screen visits.

pub(super) mod account;
pub(super) mod content;
pub(super) mod html;
pub(super) mod login;
pub(super) mod second_factor;
pub(super) mod status;
pub(super) mod visit;
