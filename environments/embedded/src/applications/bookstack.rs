//! BookStack: its uploads are in a bucket or on a volume, its people log in through the provider.

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::StoreKind;

use super::Container;
use phoenix_kit::Secrets;

pub(super) fn variables(
    container: &Container<'_>,
) -> Result<Vec<(&'static str, String)>, DriverError> {
    if let Some(uploads) = container.stores(StoreKind::Files).first() {
        // The volume is mounted where the image keeps its data.
        container.mount(uploads, "www")?;
    }
    let mut variables = uploads(container);
    variables.extend([
        ("APP_KEY", container.secret(0)),
        ("APP_URL", container.base()),
        ("DB_HOST", "database".to_owned()),
        ("DB_DATABASE", "bookstack".to_owned()),
        ("DB_USERNAME", "bookstack".to_owned()),
        ("DB_PASSWORD", "unused by a file".to_owned()),
        ("AUTH_METHOD", "oidc".to_owned()),
        ("OIDC_NAME", "Zitadel".to_owned()),
        ("OIDC_CLIENT_ID", container.client("client_id")),
        ("OIDC_CLIENT_SECRET", container.client("client_secret")),
        ("OIDC_ISSUER", container.provider()),
        ("OIDC_ISSUER_DISCOVER", "true".to_owned()),
        ("HOSTNAME", Secrets::random(12)),
    ]);
    Ok(variables)
}

/// Where uploads go: the first bucket of the service's, or its own folder.
fn uploads(container: &Container<'_>) -> Vec<(&'static str, String)> {
    let Some((access, bucket)) = container.bucket() else {
        return vec![("STORAGE_TYPE", "local".to_owned())];
    };
    vec![
        ("STORAGE_TYPE", "s3".to_owned()),
        ("STORAGE_S3_ENDPOINT", access.endpoint.clone()),
        ("STORAGE_S3_REGION", access.region.clone()),
        ("STORAGE_S3_KEY", access.key.clone()),
        ("STORAGE_S3_SECRET", access.secret.clone()),
        ("STORAGE_S3_BUCKET", bucket.at.clone()),
    ]
}
