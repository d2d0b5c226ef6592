//! Its environment variables.

use std::time::Duration;

use crate::platform::{BootError, Platform};

/// What the variables say.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    pub(super) masterkey: [u8; 32],
    pub(super) external_domain: String,
    pub(super) external_secure: bool,
    pub(super) await_database: Duration,
    pub(super) org_name: String,
    pub(super) human_name: String,
    pub(super) human_password: String,
    pub(super) human_change: bool,
    pub(super) machine_name: Option<String>,
    pub(super) pat_path: Option<std::path::PathBuf>,
    pub(super) login_v2: bool,
}

impl Configuration {
    pub(super) fn read(platform: &Platform) -> Result<Self, BootError> {
        let get = |name: &str| platform.env.get(name).map(String::as_str);
        let flag = |name: &str, default: bool| get(name).map_or(default, |value| value == "true");
        let key = get("ZITADEL_MASTERKEY").unwrap_or_default().as_bytes();
        let masterkey = key.try_into().map_err(|_| {
            BootError::Configuration(format!("masterkey must be 32 bytes, but is {}", key.len()))
        })?;
        let await_database = get("ZITADEL_DATABASE_POSTGRES_AWAITINITIALCONN")
            .and_then(|text| text.strip_suffix('s'))
            .and_then(|text| text.parse().ok())
            .map_or(Duration::ZERO, Duration::from_secs);
        Ok(Self {
            masterkey,
            external_domain: get("ZITADEL_EXTERNALDOMAIN")
                .unwrap_or("localhost")
                .to_owned(),
            external_secure: flag("ZITADEL_EXTERNALSECURE", true),
            await_database,
            org_name: get("ZITADEL_FIRSTINSTANCE_ORG_NAME")
                .unwrap_or("ZITADEL")
                .to_owned(),
            human_name: get("ZITADEL_FIRSTINSTANCE_ORG_HUMAN_USERNAME")
                .unwrap_or("zitadel-admin")
                .to_owned(),
            human_password: get("ZITADEL_FIRSTINSTANCE_ORG_HUMAN_PASSWORD")
                .unwrap_or("Password1!")
                .to_owned(),
            human_change: flag(
                "ZITADEL_FIRSTINSTANCE_ORG_HUMAN_PASSWORDCHANGEREQUIRED",
                true,
            ),
            machine_name: get("ZITADEL_FIRSTINSTANCE_ORG_MACHINE_MACHINE_USERNAME")
                .map(str::to_owned),
            pat_path: get("ZITADEL_FIRSTINSTANCE_PATPATH").map(|path| platform.files.join(path)),
            login_v2: flag("ZITADEL_DEFAULTINSTANCE_FEATURES_LOGINV2_REQUIRED", true),
        })
    }
}
