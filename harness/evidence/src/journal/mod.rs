//! The journal: append-only JSON lines, the only truth of a run.
