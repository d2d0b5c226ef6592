//! The embedded environment: everything in this process, on loopback, nothing to install.
