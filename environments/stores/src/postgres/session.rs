//! Connections to the server, and snapshots that several share.

use std::time::Duration;

use phoenix_engine::environment::DriverError;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

pub(super) use phoenix_rows::postgres::words;

use crate::server::{REFUSES, Server};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a server that gives no sign is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Values print the same whoever set what for a role or a database, and nothing is filtered or cut
/// off silently.
const SETTINGS: &str = "SET search_path = ''; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
                        SET IntervalStyle = 'postgres'; SET extra_float_digits = 3; \
                        SET bytea_output = 'hex'; SET xmloption = 'content'; \
                        SET row_security = off; SET statement_timeout = 0; SET lock_timeout = 0; \
                        SET idle_in_transaction_session_timeout = 0";

async fn open(server: &Server) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config
        .host(server.address.ip().to_string())
        .port(server.address.port())
        .user(&server.user)
        .password(&server.password)
        .dbname(&server.database)
        .application_name("phoenix")
        .connect_timeout(CONNECT);
    let client = phoenix_rows::postgres::connect(config).await?;
    client.batch_execute(SETTINGS).await?;
    Ok(client)
}

fn connecting(server: &Server) -> String {
    format!(
        "connecting to the database '{}' in the container {} as '{}'",
        server.database, server.container, server.user
    )
}

/// A connection.
pub(super) async fn connect(server: &Server) -> Result<Client, DriverError> {
    let doing = connecting(server);
    match tokio::time::timeout(CONNECT, open(server)).await {
        Ok(opened) => opened.map_err(|error| DriverError::new(doing, words(&error))),
        Err(_) => Err(DriverError::new(doing, "no answer within 10 s")),
    }
}

/// Whether the server lets in who comes as this user with this password, and what it answered.
///
/// # Errors
/// When it does not answer, or refuses for another reason.
pub(super) async fn lets_in(server: &Server) -> Result<(bool, String), DriverError> {
    match tokio::time::timeout(CONNECT, open(server)).await {
        Ok(Ok(_client)) => Ok((true, format!("let in as {}", server.user))),
        Ok(Err(error)) if error.code() == Some(&SqlState::INVALID_PASSWORD) => {
            Ok((false, words(&error)))
        }
        Ok(Err(error)) => Err(DriverError::new(connecting(server), words(&error))),
        Err(_) => Err(DriverError::new(
            connecting(server),
            "no answer within 10 s",
        )),
    }
}

/// Waits until the server takes connections. One that goes on refusing the user or the database means
/// it.
pub(super) async fn ready(server: &Server, within: Duration) -> Result<(), DriverError> {
    let until = Instant::now() + within;
    let mut refused_since = None;
    loop {
        let error = match tokio::time::timeout(CONNECT, open(server)).await {
            Ok(Ok(_client)) => return Ok(()),
            Ok(Err(error)) => {
                refused_since =
                    is_refusal(&error).then(|| refused_since.unwrap_or_else(Instant::now));
                DriverError::new(connecting(server), words(&error))
            }
            Err(_) => DriverError::new(connecting(server), "no answer within 10 s"),
        };
        if Instant::now() >= until || refused_since.is_some_and(|at| at.elapsed() >= REFUSES) {
            return Err(error);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether a server that is up says that this user has nothing to look for here.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
    ]
    .iter()
    .any(|state| error.code() == Some(state))
}

/// All rows of a query as text.
pub(super) async fn text_rows(
    client: &Client,
    query: &str,
) -> Result<Vec<Vec<Option<String>>>, String> {
    let answer = client
        .simple_query(query)
        .await
        .map_err(|error| words(&error))?;
    Ok(answer
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|at| row.get(at).map(str::to_owned))
                    .collect(),
            ),
            _ => None,
        })
        .collect())
}

/// One moment of the database, kept for as long as the value lives.
pub(super) struct Snapshot {
    client: Client,
    id: String,
}

impl Snapshot {
    /// Holds the database as it is now.
    pub(super) async fn export(server: &Server) -> Result<Self, DriverError> {
        let client = connect(server).await?;
        let failed = |why: String| {
            DriverError::new(
                format!("taking a snapshot of the database '{}'", server.database),
                why,
            )
        };
        client
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .map_err(|error| failed(words(&error)))?;
        let rows = text_rows(&client, "SELECT pg_export_snapshot()")
            .await
            .map_err(&failed)?;
        let id = rows
            .into_iter()
            .flatten()
            .next()
            .flatten()
            .ok_or_else(|| failed("the server gave it no name".to_owned()))?;
        Ok(Self { client, id })
    }

    /// Its name, for other sessions and for `pg_dump`.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The session that holds it.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Another session that sees the same moment.
    pub(super) async fn join(&self, server: &Server) -> Result<Client, DriverError> {
        let client = connect(server).await?;
        let sql = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}'",
            self.id
        );
        client.batch_execute(&sql).await.map_err(|error| {
            DriverError::new("joining the snapshot of another session", words(&error))
        })?;
        Ok(client)
    }
}
