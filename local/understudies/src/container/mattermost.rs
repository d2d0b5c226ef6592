//! `/mattermost/bin/mattermost`, and `mmctl` beside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use phoenix_understudies::mattermost::{self, data_source};
use phoenix_understudies::platform::PostgresConfig;
use phoenix_understudies::platform::{BootError, Database as _, PostgresDatabase, Running};

use super::{Variables, asks_itself, platform, trust, until_it_succeeds};
use crate::process::{print, serve_until_signalled};

/// How long the server asks for its database before it gives up.
const DATABASE_WAIT: Duration = Duration::from_secs(60);

#[derive(Parser)]
#[command(name = "mmctl")]
enum Mmctl {
    /// The server.
    #[command(subcommand)]
    System(System),
}

#[derive(Subcommand)]
enum System {
    /// Whether the server beside it is well, its database and its files among it.
    Status {
        /// By the local socket, which asks for no login.
        #[arg(long, required = true)]
        local: bool,
    },
}

pub(super) async fn serve(env: BTreeMap<String, String>) -> Result<(), String> {
    serve_until_signalled("mattermost", start(env)).await
}

async fn start(env: BTreeMap<String, String>) -> Result<Running, BootError> {
    let variables = Variables(&env);
    let port = port(&variables)?;
    let source = data_source(&variables.or("MM_SQLSETTINGS_DATASOURCE", ""))?;
    if source.ssl_mode != "disable" {
        return Err(BootError::Configuration(format!(
            "the data source has sslmode={}: this understudy speaks to PostgreSQL without TLS; \
             write sslmode=disable",
            source.ssl_mode
        )));
    }
    let database = PostgresDatabase::connect(PostgresConfig {
        host: source.host,
        port: source.port,
        user: source.user,
        password: source.password,
        database: source.database,
    })
    .map_err(super::never_reached)?;
    until_it_succeeds(DATABASE_WAIT, "Failed to ping DB", || database.ping()).await?;
    let files = variables.or("MM_FILESETTINGS_DIRECTORY", "/mattermost/data/");
    let trusted = trust::go(&env);
    let mut platform = platform(env, port, Arc::new(database), "/mattermost/config");
    platform.files = PathBuf::from("/mattermost").join(files);
    platform.trust_pem = trusted;
    mattermost::start(platform).await
}

/// `mmctl system status --local`.
pub(super) async fn status(
    env: &BTreeMap<String, String>,
    words: Vec<OsString>,
) -> Result<(), String> {
    let Mmctl::System(System::Status { .. }) = Mmctl::parse_from(words);
    let variables = Variables(env);
    if variables.or("MM_SERVICESETTINGS_ENABLELOCALMODE", "false") != "true" {
        return Err(
            "Error: socket file \"/var/tmp/mattermost_local.socket\" doesn't exist, please \
             check the server configuration for local mode"
                .to_owned(),
        );
    }
    let port = port(&variables).map_err(|error| error.to_string())?;
    asks_itself(port, "/api/v4/system/ping?get_server_status=true").await?;
    print(&["Server status: OK".to_owned()]);
    Ok(())
}

/// The port of `:8065` or `ADDRESS:8065`.
fn port(variables: &Variables<'_>) -> Result<u16, BootError> {
    let address = variables.or("MM_SERVICESETTINGS_LISTENADDRESS", ":8065");
    let port = address.rsplit_once(':').map(|(_, port)| port.parse());
    match port {
        Some(Ok(port)) => Ok(port),
        _ => Err(BootError::Configuration(format!(
            "MM_SERVICESETTINGS_LISTENADDRESS is no address with a port: {address}"
        ))),
    }
}
