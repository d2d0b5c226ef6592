//! The scenario language and the environment descriptor: YAML with spans, every error at once, JSON schema.
