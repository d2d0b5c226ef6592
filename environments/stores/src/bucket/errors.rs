//! What a server answered, in words that say what to do.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Words for an error of a request.
pub(super) fn words<E>(why: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let SdkError::ServiceError(refused) = why else {
        let cause = source_of(why);
        return match why {
            SdkError::DispatchFailure(_) => format!("nothing answers there: {cause}"),
            SdkError::TimeoutError(_) => format!("no answer in time: {cause}"),
            _ => format!("an answer that is none of S3: {cause}"),
        };
    };
    let code = refused.err().code().unwrap_or_default();
    let said = refused.err().message().unwrap_or_default();
    let status = refused.raw().status().as_u16();
    match code {
        "NoSuchBucket" => "there is no such bucket".to_owned(),
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AccessDenied" | "NotSignedUp" => format!(
            "the server refuses the key or its secret ({code}): use those that the server was \
             started with"
        ),
        "" => format!("status {status} without a reason: {}", source_of(why)),
        code => format!("{code} (status {status}): {said}"),
    }
}

fn source_of<E: std::error::Error>(why: &E) -> String {
    DisplayErrorContext(why).to_string()
}

/// Whether a key, or the version of it, is not there.
pub(super) fn is_missing<E: ProvideErrorMetadata>(why: &SdkError<E>) -> bool {
    let SdkError::ServiceError(refused) = why else {
        return false;
    };
    matches!(
        refused.err().code(),
        Some("NoSuchKey" | "NoSuchVersion" | "NotFound")
    )
}
