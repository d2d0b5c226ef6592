//! Listings of keys and of versions, in pages of a thousand at most.

use base64::Engine as _;
use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::objects::tag;
use super::{Api, size, time};
use crate::objects::listing::Wanted;

/// Entries of a page at most, as S3 has it.
const PAGE_MAX: i32 = 1000;
const TOKENS: base64::engine::GeneralPurpose = base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn page_size(wanted: Option<i32>) -> S3Result<i32> {
    match wanted.unwrap_or(PAGE_MAX) {
        wanted if wanted >= 0 => Ok(wanted.min(PAGE_MAX)),
        _ => Err(s3_error!(InvalidArgument, "max-keys is negative")),
    }
}

/// Names as the caller wants them: some cannot stand in XML.
fn written(name: &str, encoding: Option<&EncodingType>) -> String {
    if encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL) {
        url::form_urlencoded::byte_serialize(name.as_bytes()).collect()
    } else {
        name.to_owned()
    }
}

fn prefixes(names: &[String], encoding: Option<&EncodingType>) -> Option<CommonPrefixList> {
    let all = names.iter().map(|name| CommonPrefix {
        prefix: Some(written(name, encoding)),
    });
    Some(all.collect())
}

pub(super) async fn objects(
    api: &Api,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let max = page_size(input.max_keys)?;
    let after = match &input.continuation_token {
        None => input.start_after.clone(),
        Some(token) => {
            let key = TOKENS.decode(token).ok();
            let key = key.and_then(|bytes| String::from_utf8(bytes).ok());
            let refused = || s3_error!(InvalidArgument, "the continuation token is no token");
            Some(key.ok_or_else(refused)?)
        }
    };
    let page = bucket.list(&Wanted {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: after.as_deref(),
        after_version: None,
        max: usize::try_from(max).unwrap_or(0),
    });
    let encoding = input.encoding_type.as_ref();
    let count = page.entries.len() + page.prefixes.len();
    let contents = page.entries.iter().map(|(key, version, blob)| Object {
        e_tag: Some(tag(&blob.etag)),
        key: Some(written(key, encoding)),
        last_modified: Some(time(version.at_us)),
        size: Some(size(blob.size)),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        ..Object::default()
    });
    Ok(ListObjectsV2Output {
        contents: Some(contents.collect()),
        common_prefixes: prefixes(&page.prefixes, encoding),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.map(|(key, _)| TOKENS.encode(key)),
        key_count: i32::try_from(count).ok(),
        max_keys: Some(max),
        name: Some(input.bucket),
        prefix: input
            .prefix
            .as_deref()
            .map(|prefix| written(prefix, encoding)),
        delimiter: input.delimiter,
        continuation_token: input.continuation_token,
        start_after: input
            .start_after
            .as_deref()
            .map(|key| written(key, encoding)),
        encoding_type: input.encoding_type.clone(),
        ..ListObjectsV2Output::default()
    })
}

pub(super) async fn versions(
    api: &Api,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<ListObjectVersionsOutput> {
    let input = request.input;
    let bucket = api.bucket(&input.bucket)?;
    let max = page_size(input.max_keys)?;
    if input.version_id_marker.is_some() && input.key_marker.is_none() {
        return Err(s3_error!(
            InvalidArgument,
            "a version-id marker cannot be specified without a key marker"
        ));
    }
    let page = bucket.list_versions(&Wanted {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: input.key_marker.as_deref(),
        after_version: input.version_id_marker.as_deref(),
        max: usize::try_from(max).unwrap_or(0),
    });
    let encoding = input.encoding_type.as_ref();
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for listed in &page.entries {
        let key = Some(written(&listed.key, encoding));
        let last_modified = Some(time(listed.version.at_us));
        let version_id = Some(listed.version.id.clone());
        let is_latest = Some(listed.newest);
        match &listed.version.blob {
            Some(blob) => versions.push(ObjectVersion {
                e_tag: Some(tag(&blob.etag)),
                is_latest,
                key,
                last_modified,
                size: Some(size(blob.size)),
                version_id,
                ..ObjectVersion::default()
            }),
            None => markers.push(DeleteMarkerEntry {
                is_latest,
                key,
                last_modified,
                version_id,
                ..DeleteMarkerEntry::default()
            }),
        }
    }
    let (next_key, next_version) = page.next.clone().unzip();
    Ok(ListObjectVersionsOutput {
        versions: Some(versions),
        delete_markers: Some(markers),
        common_prefixes: prefixes(&page.prefixes, encoding),
        is_truncated: Some(page.next.is_some()),
        next_key_marker: next_key.as_deref().map(|key| written(key, encoding)),
        next_version_id_marker: next_version.flatten(),
        max_keys: Some(max),
        name: Some(input.bucket),
        prefix: input
            .prefix
            .as_deref()
            .map(|prefix| written(prefix, encoding)),
        delimiter: input.delimiter,
        key_marker: input
            .key_marker
            .as_deref()
            .map(|key| written(key, encoding)),
        version_id_marker: input.version_id_marker,
        encoding_type: input.encoding_type.clone(),
        ..ListObjectVersionsOutput::default()
    })
}
