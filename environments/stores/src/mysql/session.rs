//! Connections to the server, and moments that several share.

use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, OptsBuilder, Row, ServerError};
use phoenix_engine::environment::DriverError;
use phoenix_rows::mysql::text;

use crate::server::{NotLetIn, Server, let_in};
use crate::sql::READERS;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// What a server answers to a wrong password, or to a name that it does not know.
const ACCESS_DENIED: u16 = 1045;
/// What a server that is up answers to whom it will not take: that, no right to the database, no such
/// database.
const REFUSALS: [u16; 3] = [ACCESS_DENIED, 1044, 1049];

fn options(server: &Server) -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname(server.address.ip().to_string())
        .tcp_port(server.address.port())
        .user(Some(&server.user))
        .pass(Some(&server.password))
        .db_name(Some(&server.database))
        .prefer_socket(false)
        .stmt_cache_size(0)
        .init(vec![
            "SET NAMES utf8mb4".to_owned(),
            "SET SESSION time_zone = '+00:00', SESSION group_concat_max_len = 1048576, \
             SESSION wait_timeout = 86400, SESSION net_write_timeout = 3600"
                .to_owned(),
        ])
}

fn connecting(server: &Server) -> String {
    format!(
        "connecting to the database '{}' in the container {} as '{}'",
        server.database, server.container, server.user
    )
}

/// Opens a connection; a refusal of the password is the answer inside.
async fn open(server: &Server) -> Result<Result<Conn, ServerError>, DriverError> {
    let doing = connecting(server);
    match tokio::time::timeout(CONNECT, Conn::new(options(server))).await {
        Ok(Ok(connection)) => Ok(Ok(connection)),
        Ok(Err(Error::Server(error))) if error.code == ACCESS_DENIED => Ok(Err(error)),
        Ok(Err(error)) => Err(DriverError::new(doing, error)),
        Err(_) => Err(DriverError::new(doing, "no answer within 10 s")),
    }
}

/// A connection.
pub(super) async fn connect(server: &Server) -> Result<Conn, DriverError> {
    open(server)
        .await?
        .map_err(|refused| DriverError::new(connecting(server), refused))
}

/// Whether the server lets in who comes as this user with this password, and what it answered.
///
/// # Errors
/// When it does not answer, or refuses for another reason.
pub(super) async fn lets_in(server: &Server) -> Result<(bool, String), DriverError> {
    match open(server).await? {
        Ok(connection) => {
            close(connection).await;
            Ok((true, format!("let in as {}", server.user)))
        }
        Err(refused) => Ok((false, refused.to_string())),
    }
}

/// Waits until the server takes connections. One that goes on refusing the user or the database means
/// it.
pub(super) async fn ready(server: &Server, within: Duration) -> Result<(), DriverError> {
    let_in(within, || async {
        let (error, refused) = match tokio::time::timeout(CONNECT, Conn::new(options(server))).await
        {
            Ok(Ok(connection)) => {
                close(connection).await;
                return Ok(());
            }
            Ok(Err(error)) => {
                let refused =
                    matches!(&error, Error::Server(said) if REFUSALS.contains(&said.code));
                (DriverError::new(connecting(server), error), refused)
            }
            Err(_) => (
                DriverError::new(connecting(server), "no answer within 10 s"),
                false,
            ),
        };
        Err(NotLetIn { error, refused })
    })
    .await
}

/// Ends a connection; what the server says to that changes nothing.
pub(super) async fn close(connection: Conn) {
    let _said = connection.disconnect().await;
}

/// All rows of a query as text.
pub(super) async fn text_rows(
    connection: &mut Conn,
    query: &str,
) -> Result<Vec<Vec<String>>, String> {
    let rows: Vec<Row> = connection
        .query(query)
        .await
        .map_err(|error| error.to_string())?;
    Ok(rows
        .into_iter()
        .map(|row| row.unwrap().iter().map(text).collect())
        .collect())
}

/// A name as SQL takes it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Several sessions that see the same moment. Until [`Moment::release`] nobody can write.
pub(super) struct Moment {
    lock: Option<Conn>,
    /// The sessions.
    pub(super) readers: Vec<Conn>,
}

impl Moment {
    /// Locks all tables against writing, and opens the sessions under the lock.
    pub(super) async fn hold(server: &Server) -> Result<Self, DriverError> {
        let failed = |why: mysql_async::Error| {
            DriverError::new(
                format!(
                    "holding a moment of the database '{}' in the container {}",
                    server.database, server.container
                ),
                why,
            )
        };
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let mut reader = connect(server).await?;
            reader
                .query_drop("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                .await
                .map_err(failed)?;
            readers.push(reader);
        }
        let mut lock = connect(server).await?;
        lock.query_drop("FLUSH TABLES WITH READ LOCK")
            .await
            .map_err(failed)?;
        for reader in &mut readers {
            reader
                .query_drop("START TRANSACTION WITH CONSISTENT SNAPSHOT")
                .await
                .map_err(failed)?;
        }
        Ok(Self {
            lock: Some(lock),
            readers,
        })
    }

    /// The lock by itself: others write again when it is dropped, or the server ends.
    pub(super) fn keep_lock(&mut self) -> Option<Conn> {
        self.lock.take()
    }

    /// Lets others write again.
    pub(super) async fn release(&mut self) -> Result<(), DriverError> {
        if let Some(mut lock) = self.lock.take() {
            lock.query_drop("UNLOCK TABLES")
                .await
                .map_err(|error| DriverError::new("releasing the read lock", error))?;
            close(lock).await;
        }
        Ok(())
    }
}
