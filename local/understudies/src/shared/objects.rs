//! Object storage as an application uses it: put, get, delete, by key.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use phoenix_evidence::words::error_chain;

/// Where objects are kept, by the values of the application's own variables.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// A bucket at an endpoint.
    #[must_use]
    pub fn new(endpoint: &str, region: &str, key: &str, secret: &str, name: &str) -> Self {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(Credentials::from_keys(key, secret, None))
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            client: Client::from_conf(config),
            name: name.to_owned(),
        }
    }

    /// Keeps bytes under a key.
    ///
    /// # Errors
    /// The server's words.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| words(&error))
    }

    /// The bytes under a key; `None` when there are none.
    ///
    /// # Errors
    /// The server's words, a missing bucket's among them.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        match self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
        {
            Ok(found) => {
                let bytes = found
                    .body
                    .collect()
                    .await
                    .map_err(|error| error.to_string())?;
                Ok(Some(bytes.to_vec()))
            }
            Err(SdkError::ServiceError(error)) if error.err().is_no_such_key() => Ok(None),
            Err(error) => Err(words(&error)),
        }
    }

    /// Forgets a key.
    ///
    /// # Errors
    /// The server's words.
    pub async fn delete(&self, key: &str) -> Result<(), String> {
        self.client
            .delete_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| words(&error))
    }
}

fn words<E: std::error::Error + 'static, R: std::fmt::Debug>(error: &SdkError<E, R>) -> String
where
    SdkError<E, R>: std::error::Error,
{
    error_chain(error)
}
