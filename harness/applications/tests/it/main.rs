//! Clients against servers that behave as real ones do, and against those that lie.

mod books;
mod http;
