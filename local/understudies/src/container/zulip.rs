//! Zulip in its docker image, and `manage.py` beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use phoenix_understudies::platform::PostgresConfig;
use phoenix_understudies::platform::rabbitmq::RabbitSettings;
use phoenix_understudies::platform::redis::RedisSettings;
use phoenix_understudies::platform::{
    Backing, BootError, MemcachedCache, PostgresDatabase, RabbitQueue, RedisCache, Running,
};
use phoenix_understudies::zulip::{self, NewRealm};

use super::{Variables, platform, trust};
use crate::process::{print, serve_until_signalled};

const PORT: u16 = 80;
const DATA: &str = "/data";
/// Where every other server is, unless it is said: in one machine with Zulip.
const HERE: &str = "127.0.0.1";

#[derive(Parser)]
#[command(name = "manage.py")]
enum Command {
    /// Makes an organisation and its owner.
    #[command(name = "create_realm")]
    CreateRealm {
        /// Name of the organisation.
        name: String,
        /// E-mail of its owner.
        email: String,
        /// Name of its owner.
        full_name: String,
        /// A file with the owner's password.
        #[arg(long, value_name = "FILE")]
        password_file: PathBuf,
        /// Its subdomain; the root domain without one.
        #[arg(long, default_value = "")]
        string_id: String,
    },
}

pub(super) async fn serve(env: BTreeMap<String, String>) -> Result<(), String> {
    serve_until_signalled("zulip", start(env)).await
}

async fn start(env: BTreeMap<String, String>) -> Result<Running, BootError> {
    let database =
        Arc::new(PostgresDatabase::connect(database(&env)?).map_err(super::never_reached)?);
    let backing = backing(&env)?;
    let trusted = trust::python(&env);
    let mut platform = platform(env, PORT, database, DATA);
    platform.backing = backing;
    platform.trust_pem = trusted;
    // nginx listens at once; the application behind it waits for its database.
    zulip::start(platform).await
}

/// `manage.py`, beside a server that runs: it needs the database and the clock.
pub(super) async fn manage(
    env: BTreeMap<String, String>,
    words: Vec<OsString>,
) -> Result<(), String> {
    let Command::CreateRealm {
        name,
        email,
        full_name,
        password_file,
        string_id,
    } = Command::parse_from(words);
    if !string_id.is_empty() {
        return Err(format!(
            "--string-id {string_id}: this understudy serves the organisation of the root domain; \
             leave it out"
        ));
    }
    let password = read(&password_file)?;
    if password.is_empty() {
        return Err(format!("{} holds no password", password_file.display()));
    }
    let settings = database(&env).map_err(|error| error.to_string())?;
    let database = Arc::new(PostgresDatabase::connect(settings).map_err(|why| why.to_string())?);
    let platform = platform(env, PORT, database, DATA);
    let realm = NewRealm {
        name: &name,
        email: &email,
        full_name: &full_name,
        password: &password,
    };
    if zulip::create_realm(&platform, &realm).await? {
        print(&[format!("Organisation {name} and its owner were made.")]);
        Ok(())
    } else {
        Err("Subdomain is already in use. Please choose a different one.".to_owned())
    }
}

fn database(env: &BTreeMap<String, String>) -> Result<PostgresConfig, BootError> {
    let variables = Variables(env);
    Ok(PostgresConfig {
        host: variables.or("SETTING_REMOTE_POSTGRES_HOST", HERE),
        port: variables.port("SETTING_REMOTE_POSTGRES_PORT", 5432)?,
        user: variables.or("CONFIG_postgresql__database_user", "zulip"),
        password: secret(&variables, "postgres_password")?.unwrap_or_default(),
        database: variables.or("CONFIG_postgresql__database_name", "zulip"),
    })
}

/// Cache, login store and queue. There is no leaving one out: without a name it is looked for in
/// this container, where it is not.
fn backing(env: &BTreeMap<String, String>) -> Result<Backing, BootError> {
    let variables = Variables(env);
    let redis = RedisCache::new(&RedisSettings {
        host: variables.or("SETTING_REDIS_HOST", HERE),
        port: variables.port("SETTING_REDIS_PORT", 6379)?,
        password: secret(&variables, "redis_password")?,
    });
    let rabbitmq = RabbitQueue::new(RabbitSettings {
        host: variables.or("SETTING_RABBITMQ_HOST", HERE),
        port: variables.port("SETTING_RABBITMQ_PORT", 5672)?,
        user: variables.or("SETTING_RABBITMQ_USERNAME", "zulip"),
        password: secret(&variables, "rabbitmq_password")?.unwrap_or_default(),
        virtual_host: variables.or("SETTING_RABBITMQ_VHOST", "/"),
    });
    let memcached = variables.or("SETTING_MEMCACHED_LOCATION", "127.0.0.1:11211");
    Ok(Backing {
        memcached: Some(Arc::new(MemcachedCache::new(&memcached))),
        redis: Some(Arc::new(redis.map_err(BootError::Configuration)?)),
        rabbitmq: Some(Arc::new(rabbitmq)),
    })
}

/// `SECRETS_x`, or what is in the file that `SECRETS_x_FILE` names.
fn secret(variables: &Variables<'_>, name: &str) -> Result<Option<String>, BootError> {
    if let Some(value) = variables.get(&format!("SECRETS_{name}")) {
        return Ok(Some(value.to_owned()));
    }
    variables
        .get(&format!("SECRETS_{name}_FILE"))
        .map(|file| read(Path::new(file)).map_err(BootError::Configuration))
        .transpose()
}

fn read(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|why| format!("cannot read {}: {why}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
