//! Buckets: made, found, emptied of their versions' keeping, deleted.

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::{Api, on_disk};
use crate::objects::Versioning;

pub(super) async fn create(
    api: &Api,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let name = request.input.bucket;
    let location = format!("/{name}");
    let stock = std::sync::Arc::clone(&api.stock);
    on_disk(move || stock.create(&name, Versioning::Off)).await?;
    Ok(CreateBucketOutput {
        location: Some(location),
    })
}

pub(super) async fn delete(
    api: &Api,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<DeleteBucketOutput> {
    let stock = std::sync::Arc::clone(&api.stock);
    on_disk(move || stock.delete(&request.input.bucket)).await?;
    Ok(DeleteBucketOutput {})
}

pub(super) async fn head(
    api: &Api,
    request: S3Request<HeadBucketInput>,
) -> S3Result<HeadBucketOutput> {
    api.bucket(&request.input.bucket)?;
    Ok(HeadBucketOutput {
        bucket_region: Some(api.region.to_owned()),
        ..HeadBucketOutput::default()
    })
}

pub(super) async fn list(
    api: &Api,
    _request: S3Request<ListBucketsInput>,
) -> S3Result<ListBucketsOutput> {
    let names = api
        .stock
        .names()
        .map_err(|why| s3_error!(InternalError, "{why}"))?;
    let described = names.into_iter().map(|name| {
        let born = std::fs::metadata(api.stock.root().join(&name)).and_then(|meta| meta.created());
        Bucket {
            creation_date: born.ok().map(Timestamp::from),
            name: Some(name),
            ..Bucket::default()
        }
    });
    Ok(ListBucketsOutput {
        buckets: Some(described.collect()),
        owner: Some(Owner::default()),
        ..ListBucketsOutput::default()
    })
}

pub(super) async fn set_versioning(
    api: &Api,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<PutBucketVersioningOutput> {
    let status = request.input.versioning_configuration.status;
    let wanted = match status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => return Err(s3_error!(IllegalVersioningConfigurationException)),
    };
    let bucket = api.bucket(&request.input.bucket)?;
    on_disk(move || bucket.set_versioning(wanted)).await?;
    Ok(PutBucketVersioningOutput {})
}

pub(super) async fn versioning(
    api: &Api,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<GetBucketVersioningOutput> {
    let word = match api.bucket(&request.input.bucket)?.versioning() {
        Versioning::Off => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    Ok(GetBucketVersioningOutput {
        status: word.map(BucketVersioningStatus::from_static),
        ..GetBucketVersioningOutput::default()
    })
}
