//! An in-process S3 with versions, on the s3s trait.
