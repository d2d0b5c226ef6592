//! Multipart uploads.

use std::collections::BTreeMap;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::body::{Promised, take};
use super::objects::{condition, described, tag};
use super::{Api, on_disk, told_id};
use crate::objects::Refused;
use crate::objects::bucket::Described;

/// Numbers of parts, as S3 has them.
const NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

pub(super) async fn create(
    api: &Api,
    mut request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let input = &mut request.input;
    let bucket = api.bucket(&input.bucket)?;
    let described = described!(input);
    let key = input.key.clone();
    let upload_id = on_disk(move || bucket.begin_upload(&key, described)).await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(request.input.bucket),
        key: Some(request.input.key),
        upload_id: Some(upload_id),
        ..CreateMultipartUploadOutput::default()
    })
}

fn number(said: i32) -> S3Result<u32> {
    u32::try_from(said)
        .ok()
        .filter(|_| NUMBERS.contains(&said))
        .ok_or_else(|| s3_error!(InvalidArgument, "part numbers go from 1 to 10000"))
}

pub(super) async fn part(
    api: &Api,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let input = &mut request.input;
    let bucket = api.bucket(&input.bucket)?;
    let number = number(input.part_number)?;
    bucket.knows_upload(&input.key, &input.upload_id)?;
    let promised = Promised {
        md5: input.content_md5.take(),
        length: input.content_length,
        checksum: Checksum {
            checksum_crc32: input.checksum_crc32.take(),
            checksum_crc32c: input.checksum_crc32c.take(),
            checksum_crc64nvme: input.checksum_crc64nvme.take(),
            checksum_sha1: input.checksum_sha1.take(),
            checksum_sha256: input.checksum_sha256.take(),
            ..Checksum::default()
        },
        trailers: request.trailing_headers.take(),
    };
    let taken = take(&bucket, input.body.take(), promised).await?;
    let etag = tag(&taken.etag);
    let (key, id) = (input.key.clone(), input.upload_id.clone());
    on_disk(move || bucket.put_part(&key, &id, number, &taken)).await?;
    Ok(UploadPartOutput {
        e_tag: Some(etag),
        ..UploadPartOutput::default()
    })
}

pub(super) async fn complete(
    api: &Api,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let listed = input.multipart_upload.and_then(|upload| upload.parts);
    let mut wanted = Vec::new();
    for part in listed.unwrap_or_default() {
        let number = number(part.part_number.unwrap_or(0))?;
        let etag = part.e_tag.ok_or(Refused::InvalidPart)?;
        wanted.push((number, etag.into_value()));
    }
    let condition = condition(input.if_match, input.if_none_match)?;
    let (into, key) = (std::sync::Arc::clone(&bucket), input.key.clone());
    let version =
        on_disk(move || into.complete_upload(&key, &input.upload_id, &wanted, &condition)).await?;
    Ok(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: version.blob.as_ref().map(|blob| tag(&blob.etag)),
        version_id: told_id(&bucket, version.id),
        ..CompleteMultipartUploadOutput::default()
    })
}

pub(super) async fn abort(
    api: &Api,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    on_disk(move || bucket.abort_upload(&input.key, &input.upload_id)).await?;
    Ok(AbortMultipartUploadOutput::default())
}
