//! Zulip: its data and its sidecar's database share a file system; uploads, caches and queue are
//! apart from it. The load balancer stands on this machine.

use std::path::PathBuf;

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::StoreKind;

use super::{Container, Volumes};
use phoenix_kit::Secrets;

pub(super) fn variables(container: &Container<'_>) -> Vec<(&'static str, String)> {
    let provider = format!(
        "{{'zitadel': {{'oidc_url': '{}', 'display_name': 'Zitadel', 'client_id': '{}', \
         'secret': '{}', 'auto_signup': True}}}}",
        container.provider(),
        container.client("client_id"),
        container.client("client_secret"),
    );
    let mut variables = uploads(container);
    variables.extend([
        ("SETTING_EXTERNAL_HOST", container.host.to_owned()),
        (
            "SETTING_ZULIP_ADMINISTRATOR",
            "admin@harness.localhost".to_owned(),
        ),
        ("SETTING_REMOTE_POSTGRES_HOST", "database".to_owned()),
        ("SETTING_MEMCACHED_LOCATION", "memcached:11211".to_owned()),
        ("SETTING_REDIS_HOST", "redis".to_owned()),
        ("SETTING_RABBITMQ_HOST", "rabbitmq".to_owned()),
        ("SECRETS_secret_key", container.secret(0)),
        ("LOADBALANCER_IPS", "127.0.0.1".to_owned()),
        (
            "ZULIP_AUTH_BACKENDS",
            "EmailAuthBackend,GenericOpenIdConnectBackend".to_owned(),
        ),
        ("SETTING_SOCIAL_AUTH_OIDC_ENABLED_IDPS", provider),
        ("HOSTNAME", Secrets::random(12)),
    ]);
    variables
}

/// Where uploads go: the first bucket of the service's; without one, below `/data`.
fn uploads(container: &Container<'_>) -> Vec<(&'static str, String)> {
    let Some((access, bucket)) = container.bucket() else {
        return Vec::new();
    };
    vec![
        ("SETTING_S3_ENDPOINT_URL", access.endpoint.clone()),
        ("SETTING_S3_REGION", access.region.clone()),
        ("SETTING_S3_AUTH_UPLOADS_BUCKET", bucket.at.clone()),
        ("SECRETS_s3_key", access.key.clone()),
        ("SECRETS_s3_secret_key", access.secret.clone()),
    ]
}

/// `/data` is a folder of the file system that the sidecar's database lies on too.
///
/// # Errors
/// When that folder cannot be made.
pub(super) fn volumes(container: &Container<'_>) -> Result<Volumes, DriverError> {
    let data: PathBuf = match container.stores(StoreKind::Files).first() {
        Some(store) => (container.path)(store).join("data"),
        None => container.folder.join("data"),
    };
    std::fs::create_dir_all(&data)
        .map_err(|why| DriverError::new(format!("make {}", data.display()), why))?;
    Ok(Volumes {
        files: data.clone(),
        config: data,
    })
}
