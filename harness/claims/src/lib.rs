//! PHOENIX.md: parser, claims, and the gap register.
