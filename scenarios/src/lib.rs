//! The shipped scenarios, each a test.
