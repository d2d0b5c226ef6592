//! What a run leaves behind, and what is concluded from it: canaries, the ledger of acknowledged
//! writes, the verdict of each canary, check results, and the journal.
//!
//! Nothing here knows an application, a driver or a network: every conclusion is a pure function
//! of what was written down.

pub mod canary;
pub mod finding;
pub mod journal;
pub mod ledger;
pub mod payload;
pub mod verdict;
pub mod words;
