//! Connections to the server, and snapshots that several share.

use std::time::Duration;

use phoenix_engine::environment::DriverError;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

pub(super) use phoenix_rows::postgres::words;

use crate::server::{NotLetIn, Server, let_in};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Values print the same whoever set what for a role or a database, and nothing is filtered or cut
/// off silently.
const SETTINGS: &str = "SET search_path = ''; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
                        SET IntervalStyle = 'postgres'; SET extra_float_digits = 3; \
                        SET bytea_output = 'hex'; SET xmloption = 'content'; \
                        SET row_security = off; SET statement_timeout = 0; SET lock_timeout = 0; \
                        SET idle_in_transaction_session_timeout = 0";

/// What a server that is up answers to whom it will not take: another password, no such user, no such
/// database.
const REFUSALS: [SqlState; 3] = [
    SqlState::INVALID_PASSWORD,
    SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    SqlState::INVALID_CATALOG_NAME,
];

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

/// A connection, or why there is none and by which code the server says so.
async fn attempt(server: &Server) -> Result<Client, (DriverError, Option<SqlState>)> {
    let (why, code) = match tokio::time::timeout(CONNECT, open(server)).await {
        Ok(Ok(client)) => return Ok(client),
        Ok(Err(error)) => (words(&error), error.code().cloned()),
        Err(_) => ("no answer within 10 s".to_owned(), None),
    };
    Err((DriverError::new(connecting(server), why), code))
}

/// A connection.
pub(super) async fn connect(server: &Server) -> Result<Client, DriverError> {
    attempt(server).await.map_err(|(error, _)| error)
}

/// Whether the server lets in who comes as this user with this password, and what it answered.
///
/// # Errors
/// When it does not answer, or refuses for another reason.
pub(super) async fn lets_in(server: &Server) -> Result<(bool, String), DriverError> {
    match attempt(server).await {
        Ok(_client) => Ok((true, format!("let in as {}", server.user))),
        Err((error, Some(SqlState::INVALID_PASSWORD))) => Ok((false, error.why)),
        Err((error, _)) => Err(error),
    }
}

/// Waits until the server takes connections. One that goes on refusing the user or the database means
/// it.
pub(super) async fn ready(server: &Server, within: Duration) -> Result<(), DriverError> {
    let_in(within, || async {
        match attempt(server).await {
            Ok(_client) => Ok(()),
            Err((error, code)) => Err(NotLetIn {
                error,
                refused: code.is_some_and(|code| REFUSALS.contains(&code)),
            }),
        }
    })
    .await
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
