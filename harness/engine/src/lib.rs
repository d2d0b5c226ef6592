//! Planner and runner of a cycle, over traits that drivers and applications implement.
