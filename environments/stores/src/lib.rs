//! Real stores: identity, fingerprint, backup and restore.
