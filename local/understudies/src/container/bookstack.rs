//! BookStack in the solidnerd image: its start script ends at the first thing that fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phoenix_understudies::bookstack;
use phoenix_understudies::platform::MysqlConfig;
use phoenix_understudies::platform::{BootError, Database as _, MysqlDatabase, Resolver, Running};

use super::{Variables, platform, trust, until_it_succeeds};
use crate::process::serve_until_signalled;

const PORT: u16 = 8080;
const HOME: &str = "/var/www/bookstack";
const PHP: &str = "/usr/local/etc/php/conf.d";
/// How long the start script waits for the database.
const DATABASE_WAIT: Duration = Duration::from_secs(15);

pub(super) async fn run(env: BTreeMap<String, String>) -> Result<(), String> {
    serve_until_signalled("bookstack", start(env)).await
}

async fn start(env: BTreeMap<String, String>) -> Result<Running, BootError> {
    let variables = Variables(&env);
    // This image does not halt without it: it ends.
    variables.required("APP_KEY")?;
    let database = MysqlDatabase::connect(settings(&variables)?).map_err(super::never_reached)?;
    until_it_succeeds(DATABASE_WAIT, "waiting for the database", || {
        database.ping()
    })
    .await?;
    let mut platform = platform(env, PORT, Arc::new(database), HOME);
    platform.files = Path::new(HOME).join("storage");
    platform.trust_pem = trust::php(Path::new(PHP));
    platform.resolver = Resolver::of_the_system().with_localhost_here();
    bookstack::clear_cache(&platform)
        .await
        .map_err(BootError::GaveUp)?;
    bookstack::start_or_give_up(platform).await
}

/// All of them are required; the port may be part of `DB_HOST`.
fn settings(variables: &Variables<'_>) -> Result<MysqlConfig, BootError> {
    let host = variables.required("DB_HOST")?;
    let (host, port) = match host.split_once(':') {
        Some((host, port)) => {
            let wrong = |_| BootError::Configuration(format!("DB_HOST has no port: {port}"));
            (host.to_owned(), port.parse().map_err(wrong)?)
        }
        None => (host, variables.port("DB_PORT", 3306)?),
    };
    Ok(MysqlConfig {
        host,
        port,
        user: variables.required("DB_USERNAME")?,
        password: variables.required("DB_PASSWORD")?,
        database: variables.required("DB_DATABASE")?,
    })
}
