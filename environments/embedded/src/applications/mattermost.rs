//! Mattermost: rows, files and generated keys in three stores; people log in through its GitLab
//! adapter, which is pointed at the provider.

use super::Container;

pub(super) fn variables(container: &Container<'_>) -> Vec<(&'static str, String)> {
    let provider = container.provider();
    vec![
        (
            "MM_SQLSETTINGS_DATASOURCE",
            "postgres://mattermost:unused@database:5432/mattermost".to_owned(),
        ),
        ("MM_SERVICESETTINGS_SITEURL", container.base()),
        (
            "MM_SERVICESETTINGS_ENABLEUSERACCESSTOKENS",
            "true".to_owned(),
        ),
        ("MM_FILESETTINGS_ENABLEPUBLICLINK", "true".to_owned()),
        ("MM_GITLABSETTINGS_ENABLE", "true".to_owned()),
        ("MM_GITLABSETTINGS_ID", container.client("client_id")),
        (
            "MM_GITLABSETTINGS_SECRET",
            container.client("client_secret"),
        ),
        // With `openid` in it the adapter would be another provider, which this edition lacks.
        ("MM_GITLABSETTINGS_SCOPE", "profile email".to_owned()),
        (
            "MM_GITLABSETTINGS_AUTHENDPOINT",
            format!("{provider}/oauth/v2/authorize"),
        ),
        (
            "MM_GITLABSETTINGS_TOKENENDPOINT",
            format!("{provider}/oauth/v2/token"),
        ),
        (
            "MM_GITLABSETTINGS_USERAPIENDPOINT",
            format!("{provider}/oidc/v1/userinfo"),
        ),
    ]
}
