//! Journal to HTML, Markdown, JSON and JUnit: pure functions.
