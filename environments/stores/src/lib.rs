//! Store drivers: identity, fingerprint, backup, restore and direct canaries of SQLite files, directories and buckets.
