//! Objects: put, got, copied, deleted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::body::{Promised, give, take};
use super::{Api, on_disk, size, time, told_id};
use crate::objects::bucket::{Bucket, Described};
use crate::objects::{Blob, Condition, Refused, Version};

/// Headers of an object that are given back as they were given.
macro_rules! described {
    ($input:expr) => {{
        let mut headers = BTreeMap::new();
        let mut keep = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                headers.insert(name.to_owned(), value);
            }
        };
        keep("content-type", $input.content_type.take());
        keep("cache-control", $input.cache_control.take());
        keep("content-disposition", $input.content_disposition.take());
        keep("content-encoding", $input.content_encoding.take());
        keep("content-language", $input.content_language.take());
        Described {
            headers,
            metadata: $input
                .metadata
                .take()
                .unwrap_or_default()
                .into_iter()
                .collect(),
        }
    }};
}
pub(super) use described;

pub(super) fn tag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

pub(super) fn condition(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::None),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Tagged(etag.into_value())),
        _ => Err(s3_error!(NotImplemented, "no such condition of a write")),
    }
}

pub(super) async fn put(
    api: &Api,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let bucket = api.bucket(&request.input.bucket)?;
    let input = &mut request.input;
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
        trailers: request.trailing_headers,
    };
    let described = described!(input);
    let condition = condition(input.if_match.take(), input.if_none_match.take())?;
    let taken = take(&bucket, input.body.take(), promised).await?;
    let (etag, bytes) = (tag(&taken.etag), taken.size);
    let key = std::mem::take(&mut input.key);
    let into = Arc::clone(&bucket);
    let version = on_disk(move || into.put(&key, taken, &described, &condition)).await?;
    Ok(PutObjectOutput {
        e_tag: Some(etag),
        size: Some(size(bytes)),
        version_id: told_id(&bucket, version.id),
        ..PutObjectOutput::default()
    })
}

/// What a reader said must hold of the object.
fn readable(
    blob: &Blob,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let fits = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == blob.etag,
    };
    if if_match.is_some_and(|condition| !fits(condition)) {
        return Err(Refused::PreconditionFailed.into());
    }
    if if_none_match.is_some_and(fits) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

pub(super) async fn get(
    api: &Api,
    request: S3Request<GetObjectInput>,
) -> S3Result<GetObjectOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let from = Arc::clone(&bucket);
    let (key, id) = (input.key, input.version_id);
    let (version, mut blob, file) = on_disk(move || from.open_version(&key, id.as_deref())).await?;
    readable(&blob, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let range = match &input.range {
        Some(range) => range.check(blob.size)?,
        None => 0..blob.size,
    };
    let content_range = input.range.map(|_| {
        let last = range.end.saturating_sub(1);
        format!("bytes {}-{last}/{}", range.start, blob.size)
    });
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(size(range.end - range.start)),
        content_range,
        e_tag: Some(tag(&blob.etag)),
        last_modified: Some(time(version.at_us)),
        version_id: told_id(&bucket, version.id),
        content_type: blob.headers.remove("content-type"),
        cache_control: blob.headers.remove("cache-control"),
        content_disposition: blob.headers.remove("content-disposition"),
        content_encoding: blob.headers.remove("content-encoding"),
        content_language: blob.headers.remove("content-language"),
        metadata: Some(HashMap::from_iter(blob.metadata)),
        body: Some(give(file, range)?),
        ..GetObjectOutput::default()
    })
}

pub(super) async fn head(
    api: &Api,
    request: S3Request<HeadObjectInput>,
) -> S3Result<HeadObjectOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let (version, mut blob) = bucket.get(&input.key, input.version_id.as_deref())?;
    readable(&blob, input.if_match.as_ref(), input.if_none_match.as_ref())?;
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(size(blob.size)),
        e_tag: Some(tag(&blob.etag)),
        last_modified: Some(time(version.at_us)),
        version_id: told_id(&bucket, version.id),
        content_type: blob.headers.remove("content-type"),
        cache_control: blob.headers.remove("cache-control"),
        content_disposition: blob.headers.remove("content-disposition"),
        content_encoding: blob.headers.remove("content-encoding"),
        content_language: blob.headers.remove("content-language"),
        metadata: Some(HashMap::from_iter(blob.metadata)),
        ..HeadObjectOutput::default()
    })
}

pub(super) async fn copy(
    api: &Api,
    mut request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let input = &mut request.input;
    let CopySource::Bucket {
        bucket,
        key,
        version_id,
    } = input.copy_source.clone()
    else {
        return Err(s3_error!(
            NotImplemented,
            "a copy is made of an object in a bucket"
        ));
    };
    let (from, to) = (api.bucket(&bucket)?, api.bucket(&input.bucket)?);
    let replaced = input
        .metadata_directive
        .as_ref()
        .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
    let described = replaced.then(|| described!(input));
    let target = std::mem::take(&mut input.key);
    let into = Arc::clone(&to);
    let (source_id, version) = on_disk(move || {
        let (source, blob, mut file) = from.open_version(&key, version_id.as_deref())?;
        let described = described.unwrap_or_else(|| Described {
            headers: blob.headers.clone(),
            metadata: blob.metadata.clone(),
        });
        let mut incoming = into.incoming()?;
        incoming.append(&mut file)?;
        let taken = incoming.finish()?;
        let version = into.put(&target, taken, &described, &Condition::None)?;
        Ok((source.id, version))
    })
    .await?;
    let etag = version.blob.as_ref().map(|blob| tag(&blob.etag));
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: etag,
            last_modified: Some(time(version.at_us)),
            ..CopyObjectResult::default()
        }),
        copy_source_version_id: Some(source_id).filter(|id| id != "null"),
        version_id: told_id(&to, version.id),
        ..CopyObjectOutput::default()
    })
}

/// What a deletion did: whether it wrote or removed a marker, and the version.
fn delete_one(
    bucket: &Bucket,
    key: &str,
    id: Option<&str>,
) -> Result<(bool, Option<String>), Refused> {
    let marks = |version: &Version| version.blob.is_none();
    Ok(match id {
        Some(id) => {
            let was = bucket.remove(key, id)?;
            (was.as_ref().is_some_and(marks), Some(id.to_owned()))
        }
        None => {
            let marker = bucket.delete(key)?;
            (marker.is_some(), marker.map(|marker| marker.id))
        }
    })
}

pub(super) async fn delete(
    api: &Api,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let (marker, version_id) =
        on_disk(move || delete_one(&bucket, &input.key, input.version_id.as_deref())).await?;
    Ok(DeleteObjectOutput {
        delete_marker: marker.then_some(true),
        version_id,
        ..DeleteObjectOutput::default()
    })
}

pub(super) async fn delete_many(
    api: &Api,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let quiet = input.delete.quiet == Some(true);
    let (deleted, errors) = on_disk(move || {
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            match delete_one(&bucket, &object.key, object.version_id.as_deref()) {
                Ok((marker, id)) => deleted.push(DeletedObject {
                    delete_marker: marker.then_some(true),
                    delete_marker_version_id: id.filter(|_| marker),
                    key: Some(object.key),
                    version_id: object.version_id,
                }),
                Err(why) => errors.push(Error {
                    code: Some("InternalError".to_owned()),
                    key: Some(object.key),
                    message: Some(why.to_string()),
                    version_id: object.version_id,
                }),
            }
        }
        Ok((deleted, errors))
    })
    .await?;
    Ok(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..DeleteObjectsOutput::default()
    })
}
