//! Zitadel: the provider. Its first boot leaves the token of a service user in its container.

use super::Container;

/// File in the container that the first boot writes the service user's token to.
pub(crate) const PAT: &str = "pat.txt";

pub(super) fn variables(container: &Container<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("ZITADEL_MASTERKEY", container.secret(0)),
        ("ZITADEL_EXTERNALDOMAIN", container.host.to_owned()),
        ("ZITADEL_EXTERNALSECURE", "true".to_owned()),
        (
            "ZITADEL_DATABASE_POSTGRES_AWAITINITIALCONN",
            "10s".to_owned(),
        ),
        (
            "ZITADEL_FIRSTINSTANCE_ORG_MACHINE_MACHINE_USERNAME",
            "terraform".to_owned(),
        ),
        ("ZITADEL_FIRSTINSTANCE_PATPATH", PAT.to_owned()),
    ]
}
