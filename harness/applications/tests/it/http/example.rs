//! The example of the repository.
