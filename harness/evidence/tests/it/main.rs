//! Ledger, journal and verdicts from outside.

mod journal;
mod ledger;
mod oracle;
mod verdict;
