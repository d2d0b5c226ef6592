//! Object storage with versions, in this process: buckets as folders below one root, the S3 API over
//! them on a loopback port, replicas of buckets outside the blast radius.
//!
//! A bucket is a folder: `log.jsonl` says what was written, in order, and is the truth; `data/` holds
//! the bytes of each version under a name that no key has a part in. A write is in the log once its
//! bytes are durable, and acknowledged once its line is.

mod bucket;
mod damage;
mod index;
mod listing;
mod log;
mod manifest;
mod moment;
mod replica;
mod server;
mod service;
mod stock;
mod upload;

pub use bucket::Bucket;
pub use index::{Blob, Change, Condition, Version, Versioning};
pub use manifest::{compare, fingerprint};
pub use moment::{Moment, Moved};
pub use replica::{Cut, Stream};
pub use server::{Access, Objects};
pub use stock::Stock;

pub(crate) use damage::damage;

use std::io;

/// Why an operation on objects was refused. The names are those of S3's error codes.
#[derive(Debug)]
pub enum Refused {
    /// `NoSuchBucket`.
    NoSuchBucket,
    /// `BucketAlreadyOwnedByYou`.
    BucketExists,
    /// `BucketNotEmpty`.
    BucketNotEmpty,
    /// `InvalidBucketName`.
    InvalidBucketName,
    /// `NoSuchKey`; with the id of the delete marker that hides it, if one does.
    NoSuchKey(Option<String>),
    /// `NoSuchVersion`.
    NoSuchVersion,
    /// `MethodNotAllowed`: the version asked for is a delete marker.
    IsMarker(String),
    /// `PreconditionFailed`.
    PreconditionFailed,
    /// `KeyTooLongError`.
    KeyTooLong,
    /// `BadDigest`.
    BadDigest,
    /// `IncompleteBody`.
    Incomplete(String),
    /// `NoSuchUpload`.
    NoSuchUpload,
    /// `InvalidPart`.
    InvalidPart,
    /// `InvalidPartOrder`.
    InvalidPartOrder,
    /// `EntityTooSmall`.
    PartTooSmall,
    /// `InternalError`, with the system's words.
    Disk(io::Error),
}

impl From<io::Error> for Refused {
    fn from(why: io::Error) -> Self {
        Self::Disk(why)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = match self {
            Self::NoSuchBucket => "the bucket does not exist",
            Self::BucketExists => "the bucket exists already",
            Self::BucketNotEmpty => "the bucket is not empty: versions and delete markers count",
            Self::InvalidBucketName => {
                "not a name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens"
            }
            Self::NoSuchKey(_) => "the key does not exist",
            Self::NoSuchVersion => "the version does not exist",
            Self::IsMarker(_) => "the version is a delete marker",
            Self::PreconditionFailed => "a precondition does not hold",
            Self::KeyTooLong => "the key is longer than 1024 bytes",
            Self::BadDigest => "the bytes are not those that their digest was taken of",
            Self::Incomplete(why) => return write!(f, "the body ended early: {why}"),
            Self::NoSuchUpload => "the upload does not exist",
            Self::InvalidPart => "a part does not exist or has another digest",
            Self::InvalidPartOrder => "the parts are not in ascending order",
            Self::PartTooSmall => "a part but the last is smaller than 5 MiB",
            Self::Disk(why) => return write!(f, "{why}"),
        };
        write!(f, "{words}")
    }
}

impl std::error::Error for Refused {}

impl From<Refused> for io::Error {
    fn from(why: Refused) -> Self {
        match why {
            Refused::Disk(why) => why,
            other => Self::other(other.to_string()),
        }
    }
}
