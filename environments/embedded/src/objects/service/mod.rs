//! The S3 API (as of s3s 0.14) over the buckets: what an application asks for by HTTP. Each part of it
//! has a file; here they meet in the one trait that the library wants.

mod body;
mod buckets;
mod listings;
mod objects;
mod uploads;

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::{Bucket, Refused, Stock};

/// The API.
pub(super) struct Api {
    stock: Arc<Stock>,
    region: &'static str,
}

impl Api {
    pub(super) fn new(stock: Arc<Stock>, region: &'static str) -> Self {
        Self { stock, region }
    }

    fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        Ok(self.stock.bucket(name)?)
    }
}

impl From<Refused> for S3Error {
    fn from(why: Refused) -> Self {
        let code = match &why {
            Refused::NoSuchBucket => S3ErrorCode::NoSuchBucket,
            Refused::BucketExists => S3ErrorCode::BucketAlreadyOwnedByYou,
            Refused::BucketNotEmpty => S3ErrorCode::BucketNotEmpty,
            Refused::InvalidBucketName => S3ErrorCode::InvalidBucketName,
            Refused::NoSuchKey(_) => S3ErrorCode::NoSuchKey,
            Refused::NoSuchVersion => S3ErrorCode::NoSuchVersion,
            Refused::IsMarker(_) => S3ErrorCode::MethodNotAllowed,
            Refused::PreconditionFailed => S3ErrorCode::PreconditionFailed,
            Refused::KeyTooLong => S3ErrorCode::KeyTooLongError,
            Refused::BadDigest => S3ErrorCode::BadDigest,
            Refused::Incomplete(_) => S3ErrorCode::IncompleteBody,
            Refused::NoSuchUpload => S3ErrorCode::NoSuchUpload,
            Refused::InvalidPart => S3ErrorCode::InvalidPart,
            Refused::InvalidPartOrder => S3ErrorCode::InvalidPartOrder,
            Refused::PartTooSmall => S3ErrorCode::EntityTooSmall,
            Refused::Disk(_) => S3ErrorCode::InternalError,
        };
        let mut error = S3Error::with_message(code, why.to_string());
        if let Refused::NoSuchKey(Some(marker)) | Refused::IsMarker(marker) = &why {
            let mut headers = http::HeaderMap::new();
            headers.insert(
                "x-amz-delete-marker",
                http::HeaderValue::from_static("true"),
            );
            if let Ok(id) = marker.parse() {
                headers.insert("x-amz-version-id", id);
            }
            error.set_headers(headers);
        }
        error
    }
}

/// Does what waits for a disk where it keeps nobody waiting.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> S3Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => Ok(outcome?),
        Err(why) => Err(s3_error!(InternalError, "{why}")),
    }
}

/// A time of the log as the API has it.
fn time(at_us: i64) -> Timestamp {
    let since = std::time::Duration::from_micros(u64::try_from(at_us).unwrap_or(0));
    Timestamp::from(std::time::UNIX_EPOCH + since)
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// `null` is the id of a version that only a bucket which keeps versions tells.
fn told_id(bucket: &Bucket, id: String) -> Option<String> {
    (bucket.versioning() != super::Versioning::Off).then_some(id)
}

/// Each function of the trait by the one of the same name in a part.
macro_rules! answer {
    ($($name:ident($input:ty) -> $output:ty = $part:path;)*) => {
        #[async_trait::async_trait]
        impl S3 for Api {
            $(
                async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    $part(self, request).await.map(S3Response::new)
                }
            )*
        }
    };
}

answer! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head;
    list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput
        = buckets::set_versioning;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput
        = buckets::versioning;
    put_object(PutObjectInput) -> PutObjectOutput = objects::put;
    get_object(GetObjectInput) -> GetObjectOutput = objects::get;
    head_object(HeadObjectInput) -> HeadObjectOutput = objects::head;
    copy_object(CopyObjectInput) -> CopyObjectOutput = objects::copy;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = objects::delete;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = objects::delete_many;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = listings::objects;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput
        = listings::versions;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput
        = uploads::create;
    upload_part(UploadPartInput) -> UploadPartOutput = uploads::part;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput
        = uploads::complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput
        = uploads::abort;
}
