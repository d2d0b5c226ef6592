//! The first instance: made once, on an empty event store. On restored data nothing of it runs,
//! and no token file is written.

use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;

use super::configuration::Configuration;
use super::keys::Keys;
use super::server::new_id;
use super::tokens;
use crate::platform::{DatabaseError, Log, Platform};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Cost of password hashes: the original takes 14, a second of work for each login.
pub(super) const BCRYPT_COST: u32 = 4;

pub(super) async fn first_instance(
    platform: &Platform,
    configuration: &Configuration,
    keys: &Keys,
    log: &Log,
) -> Result<(), DatabaseError> {
    let database = platform.database.as_ref();
    let events = database
        .query("SELECT count(*) FROM eventstore_events2", Vec::new())
        .await?;
    if events.first().is_some_and(|row| row.integer(0) > 0) {
        return Ok(());
    }
    log.line("migration started: 03_default_instance");
    let now = platform.clock.now_ms();
    let event = |kind: &str, aggregate: &str| {
        database.execute(
            "INSERT INTO eventstore_events2 (event_type, aggregate_id, created_at, payload) \
             VALUES (?, ?, ?, '{}')",
            vec![kind.into(), aggregate.into(), now.into()],
        )
    };
    let settings = [
        ("instance_id", new_id()),
        ("org_id", new_id()),
        ("org_name", configuration.org_name.clone()),
        ("login_v2_required", configuration.login_v2.to_string()),
        ("next_number", "1".to_owned()),
    ];
    for (name, value) in settings {
        database
            .execute(
                "INSERT INTO system_settings (name, value) VALUES (?, ?)",
                vec![name.into(), value.into()],
            )
            .await?;
    }
    web_keys(platform, keys).await?;

    let domain = &configuration.external_domain;
    let org = configuration.org_name.to_lowercase();
    let name = if configuration.human_name.contains('@') {
        configuration.human_name.clone()
    } else {
        format!("{}@{org}.{domain}", configuration.human_name)
    };
    let human = new_id();
    insert_user(platform, &human, &name, "human", Some(configuration)).await?;
    member(platform, &human).await?;
    event("user.human.added", &human).await?;
    if let Some(machine_name) = &configuration.machine_name {
        let machine = new_id();
        insert_user(platform, &machine, machine_name, "machine", None).await?;
        member(platform, &machine).await?;
        let token = tokens::new_pat(platform, keys, &machine).await?;
        match &configuration.pat_path {
            Some(path) => {
                if let Err(why) = std::fs::write(path, format!("{token}\n")) {
                    return Err(DatabaseError::Refused(format!("{}: {why}", path.display())));
                }
            }
            None => log.line(token),
        }
    }
    event("instance.added", "instance").await?;
    log.line("migration done: 03_default_instance");
    Ok(())
}

/// Two RSA keys for signing, the first one active; the private halves sealed.
async fn web_keys(platform: &Platform, keys: &Keys) -> Result<(), DatabaseError> {
    for active in [true, false] {
        let key = tokio::task::spawn_blocking(|| RsaPrivateKey::new(&mut rand::thread_rng(), 2048))
            .await
            .map_err(|why| DatabaseError::Refused(why.to_string()))?
            .map_err(|why| DatabaseError::Refused(why.to_string()))?;
        let private = key
            .to_pkcs8_der()
            .map_err(|why| DatabaseError::Refused(why.to_string()))?;
        platform
            .database
            .execute(
                "INSERT INTO projections_web_keys1 (id, private_key, public_n, public_e, active) \
                 VALUES (?, ?, ?, ?, ?)",
                vec![
                    new_id().into(),
                    keys.encrypt("oidcKey", private.as_bytes()).into(),
                    URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()).into(),
                    URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()).into(),
                    active.into(),
                ],
            )
            .await?;
    }
    Ok(())
}

async fn insert_user(
    platform: &Platform,
    id: &str,
    name: &str,
    kind: &str,
    human: Option<&Configuration>,
) -> Result<(), DatabaseError> {
    let password = match human {
        Some(configuration) => bcrypt::hash(&configuration.human_password, BCRYPT_COST)
            .map_err(|why| DatabaseError::Refused(why.to_string()))?,
        None => String::new(),
    };
    platform
        .database
        .execute(
            "INSERT INTO projections_users14 (id, username, kind, email, given_name, family_name, \
             password, change_required, mfa_skipped, number, visible_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)",
            vec![
                id.into(),
                name.into(),
                kind.into(),
                name.into(),
                "ZITADEL".into(),
                "Admin".into(),
                password.into(),
                human
                    .is_some_and(|configuration| configuration.human_change)
                    .into(),
            ],
        )
        .await?;
    Ok(())
}

async fn member(platform: &Platform, user: &str) -> Result<(), DatabaseError> {
    platform
        .database
        .execute(
            "INSERT INTO projections_instance_members4 (user_id, roles) VALUES (?, 'IAM_OWNER')",
            vec![user.into()],
        )
        .await?;
    Ok(())
}
