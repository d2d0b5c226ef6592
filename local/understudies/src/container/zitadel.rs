//! `/app/zitadel`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use phoenix_understudies::platform::PostgresConfig;
use phoenix_understudies::platform::{BootError, Database as _, PostgresDatabase, Running};
use phoenix_understudies::shared::rows::number;
use phoenix_understudies::zitadel;

use super::{Variables, asks_itself, platform, until_it_succeeds};
use crate::process::serve_until_signalled;

const POSTGRES: &str = "ZITADEL_DATABASE_POSTGRES";

#[derive(Parser)]
#[command(name = "zitadel")]
enum Command {
    /// Makes role and database where they are missing, sets up, and serves.
    #[command(name = "start-from-init")]
    StartFromInit {
        /// The key is in ZITADEL_MASTERKEY.
        #[arg(long = "masterkeyFromEnv", required = true)]
        masterkey_from_env: bool,
        /// Who ends TLS.
        #[arg(long = "tlsMode", value_parser = ["external", "disabled"], default_value = "external")]
        tls_mode: String,
    },
    /// Whether the server beside it is ready.
    Ready,
}

pub(super) async fn run(env: BTreeMap<String, String>, words: Vec<OsString>) -> Result<(), String> {
    let port = Variables(&env)
        .port("ZITADEL_PORT", 8080)
        .map_err(|error| error.to_string())?;
    match Command::parse_from(words) {
        Command::Ready => asks_itself(port, "/debug/ready").await,
        Command::StartFromInit { .. } => serve_until_signalled("zitadel", start(env, port)).await,
    }
}

async fn start(env: BTreeMap<String, String>, port: u16) -> Result<Running, BootError> {
    // Before anything is asked of the database, and before anything is written to it.
    let key = env.get("ZITADEL_MASTERKEY").map_or(0, String::len);
    if key != 32 {
        return Err(BootError::Configuration(format!(
            "masterkey must be 32 bytes, but is {key}"
        )));
    }
    let variables = Variables(&env);
    for role in ["USER", "ADMIN"] {
        let name = format!("{POSTGRES}_{role}_SSL_MODE");
        let mode = variables.or(&name, "disable");
        if mode != "disable" {
            return Err(BootError::Configuration(format!(
                "{name} is {mode}: this understudy speaks to PostgreSQL without TLS; set it to disable"
            )));
        }
    }
    let own = settings(&variables, "USER", "zitadel")?;
    let mut admin = settings(&variables, "ADMIN", "postgres")?;
    admin.database = variables.or(&format!("{POSTGRES}_ADMIN_EXISTINGDATABASE"), &admin.user);
    let patience = patience(variables.get(&format!("{POSTGRES}_AWAITINITIALCONN")))?;
    let admin = PostgresDatabase::connect(admin).map_err(super::never_reached)?;
    until_it_succeeds(patience, "unable to connect to database", || admin.ping()).await?;
    initialise(&admin, &own).await?;
    admin.close();
    let database = PostgresDatabase::connect(own.clone()).map_err(super::never_reached)?;
    until_it_succeeds(patience, "unable to connect to database", || {
        database.ping()
    })
    .await?;
    // Its own schema, the first that a role's names are looked for in: nobody but the owner of a
    // database may write to `public`.
    database
        .execute(
            &format!("CREATE SCHEMA IF NOT EXISTS {}", name(&own.user)),
            Vec::new(),
        )
        .await
        .map_err(|error| BootError::GaveUp(format!("init schema failed: {error}")))?;
    zitadel::start(platform(env, port, Arc::new(database), "/")).await
}

fn settings(
    variables: &Variables<'_>,
    role: &str,
    user: &str,
) -> Result<PostgresConfig, BootError> {
    Ok(PostgresConfig {
        host: variables.or(&format!("{POSTGRES}_HOST"), "localhost"),
        port: variables.port(&format!("{POSTGRES}_PORT"), 5432)?,
        user: variables.or(&format!("{POSTGRES}_{role}_USERNAME"), user),
        password: variables.or(&format!("{POSTGRES}_{role}_PASSWORD"), ""),
        database: variables.or(&format!("{POSTGRES}_DATABASE"), "zitadel"),
    })
}

/// A duration of Go in whole seconds or minutes; none is not to wait at all.
fn patience(text: Option<&str>) -> Result<Duration, BootError> {
    let Some(text) = text else {
        return Ok(Duration::ZERO);
    };
    let units = [("s", 1), ("m", 60)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    let wrong = || BootError::Configuration(format!("AWAITINITIALCONN: invalid duration {text}"));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// Role and database where they are missing. What is there stays as it is, its password above all.
async fn initialise(admin: &PostgresDatabase, own: &PostgresConfig) -> Result<(), BootError> {
    let role = "SELECT COUNT(*) FROM pg_roles WHERE rolname = ?";
    let database = "SELECT COUNT(*) FROM pg_database WHERE datname = ?";
    let done = async {
        if number(admin, role, vec![own.user.as_str().into()]).await? == 0 {
            let sql = format!(
                "CREATE ROLE {} LOGIN PASSWORD {}",
                name(&own.user),
                literal(&own.password)
            );
            admin.execute(&sql, Vec::new()).await?;
        }
        if number(admin, database, vec![own.database.as_str().into()]).await? == 0 {
            let sql = format!("CREATE DATABASE {}", name(&own.database));
            admin.execute(&sql, Vec::new()).await?;
        }
        let sql = format!(
            "GRANT ALL ON DATABASE {} TO {}",
            name(&own.database),
            name(&own.user)
        );
        admin.execute(&sql, Vec::new()).await
    };
    done.await
        .map(|_| ())
        .map_err(|error| BootError::GaveUp(format!("init failed: {error}")))
}

fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
