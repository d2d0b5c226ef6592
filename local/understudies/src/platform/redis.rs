//! Redis over the network.

use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo as _,
    RedisConnectionInfo,
};
use tokio::sync::Mutex;

use super::Cache;

/// Longest that making a connection, or one answer, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to reach a Redis server. The password is in no message of an error.
#[derive(Clone)]
pub struct RedisSettings {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its password, where it demands one.
    pub password: Option<String>,
}

/// A Redis server, by one connection that is made when it is needed and again when it was lost.
pub struct RedisCache {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl RedisCache {
    /// Nothing is asked of the server before the first call.
    ///
    /// # Errors
    /// When the settings are no address.
    pub fn new(settings: &RedisSettings) -> Result<Self, String> {
        let mut login = RedisConnectionInfo::default();
        if let Some(password) = &settings.password {
            login = login.set_password(password);
        }
        let info = ConnectionAddr::Tcp(settings.host.clone(), settings.port)
            .into_connection_info()
            .map_err(|error| error.to_string())?
            .set_redis_settings(login);
        let client = Client::open(info).map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            connection: Mutex::default(),
        })
    }

    async fn connection(&self) -> Result<MultiplexedConnection, String> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = held.as_ref() {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| format!("redis: {error}"))?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    /// One command. Every command here may be given twice, so a lost connection is noticed by
    /// asking once more on a new one.
    async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Result<T, String> {
        let mut connection = self.connection().await?;
        let first = match command.query_async(&mut connection).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !first.is_unrecoverable_error() && !first.is_io_error() {
            return Err(format!("redis: {first}"));
        }
        self.connection.lock().await.take();
        let mut connection = self.connection().await?;
        command
            .query_async(&mut connection)
            .await
            .map_err(|error| format!("redis: {error}"))
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.ask(Cmd::get(key)).await
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Option<Duration>) -> Result<(), String> {
        match ttl {
            None => self.ask(Cmd::set(key, value)).await,
            Some(ttl) => {
                // Redis refuses a life of zero.
                let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
                self.ask(Cmd::pset_ex(key, value, milliseconds)).await
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), String> {
        self.ask(Cmd::del(key)).await
    }

    async fn flush(&self) -> Result<(), String> {
        self.ask(redis::cmd("FLUSHDB")).await
    }
}
