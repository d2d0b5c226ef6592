//! Bodies: taken in piece by piece by one thread that writes and digests, and given out piece by
//! piece.

use std::io::{Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use futures::StreamExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Result, TrailingHeaders, s3_error};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use super::on_disk;
use crate::objects::bucket::Taken;
use crate::objects::{Bucket, Refused};

/// Pieces that wait for the disk.
const PIECES: usize = 4;

enum Piece {
    Bytes(Bytes),
    /// The body came to its end: without it, whoever sent it is gone.
    End,
}

/// What the sender says the bytes are; each that is said must hold.
#[derive(Default)]
pub(super) struct Promised {
    pub(super) md5: Option<String>,
    pub(super) length: Option<i64>,
    pub(super) checksum: Checksum,
    pub(super) trailers: Option<TrailingHeaders>,
}

/// Takes a body in; durable when it returns.
pub(super) async fn take(
    bucket: &Arc<Bucket>,
    body: Option<StreamingBlob>,
    promised: Promised,
) -> S3Result<Taken> {
    let (pieces, mut queue) = mpsc::channel(PIECES);
    let mut incoming = bucket.incoming()?;
    let writing = tokio::spawn(on_disk(move || {
        let mut sums = ChecksumHasher {
            crc32: Some(s3s::crypto::Checksum::new()),
            crc32c: Some(s3s::crypto::Checksum::new()),
            crc64nvme: Some(s3s::crypto::Checksum::new()),
            sha1: Some(s3s::crypto::Checksum::new()),
            sha256: Some(s3s::crypto::Checksum::new()),
        };
        loop {
            match queue.blocking_recv() {
                Some(Piece::Bytes(bytes)) => {
                    sums.update(&bytes);
                    incoming.write(&bytes)?;
                }
                Some(Piece::End) => return Ok((incoming.finish()?, sums.finalize())),
                None => return Err(Refused::Incomplete("the sender went away".to_owned())),
            }
        }
    }));
    if let Some(mut body) = body {
        while let Some(piece) = body.next().await {
            let bytes = piece.map_err(|why| Refused::Incomplete(why.to_string()))?;
            if pieces.send(Piece::Bytes(bytes)).await.is_err() {
                break;
            }
        }
    }
    let _refused = pieces.send(Piece::End).await;
    let (taken, sums) = writing
        .await
        .map_err(|why| s3_error!(InternalError, "{why}"))??;
    promised.holds(&taken, &sums)?;
    Ok(taken)
}

impl Promised {
    fn holds(self, taken: &Taken, sums: &Checksum) -> Result<(), Refused> {
        let md5 = base64::engine::general_purpose::STANDARD.encode(taken.digest);
        let length = i64::try_from(taken.size).unwrap_or(i64::MAX);
        if self.length.is_some_and(|promised| promised != length) {
            let why = format!("{} bytes of a promised {:?}", taken.size, self.length);
            return Err(Refused::Incomplete(why));
        }
        let trailer = |name: &str| {
            let trailers = self.trailers.as_ref()?;
            trailers
                .read(|headers| headers.get(name)?.to_str().ok().map(str::to_owned))
                .flatten()
        };
        let said = &self.checksum;
        let all = [
            (self.md5.clone(), Some(&md5)),
            (
                said.checksum_crc32
                    .clone()
                    .or_else(|| trailer("x-amz-checksum-crc32")),
                sums.checksum_crc32.as_ref(),
            ),
            (
                said.checksum_crc32c
                    .clone()
                    .or_else(|| trailer("x-amz-checksum-crc32c")),
                sums.checksum_crc32c.as_ref(),
            ),
            (
                said.checksum_crc64nvme
                    .clone()
                    .or_else(|| trailer("x-amz-checksum-crc64nvme")),
                sums.checksum_crc64nvme.as_ref(),
            ),
            (
                said.checksum_sha1
                    .clone()
                    .or_else(|| trailer("x-amz-checksum-sha1")),
                sums.checksum_sha1.as_ref(),
            ),
            (
                said.checksum_sha256
                    .clone()
                    .or_else(|| trailer("x-amz-checksum-sha256")),
                sums.checksum_sha256.as_ref(),
            ),
        ];
        for (promised, is) in &all {
            if promised.is_some() && promised.as_ref() != *is {
                return Err(Refused::BadDigest);
            }
        }
        Ok(())
    }
}

/// Gives a range of a file out.
pub(super) fn give(mut file: std::fs::File, range: Range<u64>) -> S3Result<StreamingBlob> {
    file.seek(SeekFrom::Start(range.start))
        .map_err(|why| s3_error!(InternalError, "{why}"))?;
    let part = tokio::fs::File::from_std(file).take(range.end - range.start);
    Ok(StreamingBlob::wrap(ReaderStream::with_capacity(
        part,
        64 << 10,
    )))
}
