//! The official clients as judges: programs of the upstream projects, which know nothing of
//! understudies, make their ordinary calls over TLS. What fails here is a lie of the understudy,
//! unless the real server refuses it too.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod python;
mod zitadel;
mod zulip;
