//! Buckets: an object server does not say which it has, but applications name theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::About;
use super::stores::{Looking, Store};
use super::variables::{mark, marked, unknown};
use super::write::plain;
use crate::project::{Project, Service};

impl Looking {
    /// Buckets that applications name; whether the server's volume belongs to them.
    pub(super) fn buckets(
        &mut self,
        project: &Project,
        name: &str,
        service: &Service,
        port: u16,
        secrets: &[String],
    ) -> bool {
        let keys = access_keys(service, secrets);
        let mut buckets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut unset = BTreeSet::new();
        for (user, other) in &project.services {
            for (key, value) in &other.environment {
                let upper = key.to_uppercase();
                let names = upper.ends_with("BUCKET")
                    || upper.ends_with("BUCKETS")
                    || upper.ends_with("BUCKET_NAME");
                for bucket in value.split([',', ' ']).filter(|_| names) {
                    if let Some(variable) = unknown(bucket) {
                        unset.insert(variable.to_owned());
                    } else if !bucket.is_empty() {
                        buckets
                            .entry(bucket.to_owned())
                            .or_default()
                            .insert(user.clone());
                    }
                }
            }
        }
        for variable in unset {
            self.ask(
                About::Stores,
                format!(
                    "Which bucket of {name} does {variable} name? Nothing sets it, and the bucket is \
                     no store until it is declared."
                ),
            );
        }
        let (Some((key, secret)), false) = (keys, buckets.is_empty()) else {
            self.ask(
                About::Stores,
                format!(
                    "Which buckets are on {name}, and which variables have its access key and \
                     secret? Until then its volume is taken as files: `BUCKET: {{ bucket: {{ name: \
                     …, service: {name}, port: {port}, key: VARIABLE, secret: VARIABLE }} }}`."
                ),
            );
            return false;
        };
        for (bucket, mut users) in buckets {
            users.remove(name);
            self.stores.push(Store {
                entry: format!(
                    "bucket: {{ name: {}, service: {name}, port: {port}, key: {key}, secret: \
                     {secret} }}",
                    plain(&bucket)
                ),
                what: format!("bucket on {name}"),
                name: bucket,
                users,
                losable: false,
            });
        }
        true
    }
}

/// The variables with the access key and secret of an object server.
fn access_keys(service: &Service, secrets: &[String]) -> Option<(String, String)> {
    let variable = |keys: &[&str]| {
        keys.iter().find_map(|key| {
            let value = service.environment.get(*key)?;
            let variable = marked(value, secrets.iter()).first().copied()?;
            (*value == mark(variable)).then(|| variable.to_owned())
        })
    };
    Some((
        variable(&[
            "MINIO_ROOT_USER",
            "MINIO_ACCESS_KEY",
            "S3_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
        ])?,
        variable(&[
            "MINIO_ROOT_PASSWORD",
            "MINIO_SECRET_KEY",
            "S3_SECRET_KEY",
            "AWS_SECRET_ACCESS_KEY",
        ])?,
    ))
}
