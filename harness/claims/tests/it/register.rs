//! Every status, and the cases that a harness must not get wrong.
