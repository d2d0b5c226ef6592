//! What may be lost: the cache (`CACHE_DRIVER`) and the sessions (`SESSION_DRIVER`), in files
//! under the mounted folder or in a table of the database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha1::{Digest, Sha1};

use super::rows::params;
use super::sealing::hexadecimal;
use crate::platform::{Clock, Database, Statement, Value};

/// How long a session lives after its last request.
pub(super) const SESSION_LIFETIME_S: i64 = 120 * 60;

/// Values by key, each until a moment.
#[derive(Clone)]
pub(super) struct Scratch {
    place: Place,
    clock: Clock,
}

#[derive(Clone)]
enum Place {
    Files(PathBuf),
    Cache(Arc<dyn Database>),
    Sessions(Arc<dyn Database>),
}

/// Why a value could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct ScratchError(String);

fn failed(error: impl std::fmt::Display) -> ScratchError {
    ScratchError(error.to_string())
}

impl Scratch {
    /// Files, one for each key, named by the key's SHA-1 as Laravel names them.
    pub(super) fn files(folder: PathBuf, clock: Clock) -> Self {
        Self {
            place: Place::Files(folder),
            clock,
        }
    }

    /// The table `cache`.
    pub(super) fn cache_table(database: Arc<dyn Database>, clock: Clock) -> Self {
        Self {
            place: Place::Cache(database),
            clock,
        }
    }

    /// The table `sessions`.
    pub(super) fn session_table(database: Arc<dyn Database>, clock: Clock) -> Self {
        Self {
            place: Place::Sessions(database),
            clock,
        }
    }

    /// The value, unless it is absent or its time is over.
    pub(super) async fn get(&self, key: &str) -> Result<Option<String>, ScratchError> {
        let now_s = self.clock.now_s();
        match &self.place {
            Place::Files(folder) => match tokio::fs::read_to_string(file_of(folder, key)).await {
                Ok(content) => Ok(unexpired(&content, now_s)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed(error)),
            },
            Place::Cache(database) => {
                let sql = "SELECT value, expiration FROM cache WHERE cache_key = ?";
                let rows = database.query(sql, params![key]).await.map_err(failed)?;
                let row = rows.first().filter(|row| row.integer(1) > now_s);
                Ok(row.map(|row| row.text(0)))
            }
            Place::Sessions(database) => {
                let sql = "SELECT payload, last_activity FROM sessions WHERE id = ?";
                let rows = database.query(sql, params![key]).await.map_err(failed)?;
                let row = rows
                    .first()
                    .filter(|row| row.integer(1) > now_s - SESSION_LIFETIME_S);
                Ok(row.map(|row| row.text(0)))
            }
        }
    }

    /// Keeps a value for so many seconds.
    pub(super) async fn set(&self, key: &str, value: &str, ttl_s: i64) -> Result<(), ScratchError> {
        let now_s = self.clock.now_s();
        let until_s = now_s + ttl_s;
        match &self.place {
            Place::Files(folder) => {
                tokio::fs::create_dir_all(folder).await.map_err(failed)?;
                let content = format!("{until_s:010}{value}");
                let file = file_of(folder, key);
                // A reader never sees half of a value: written beside, then renamed.
                let fresh = file.with_extension(format!("{:016x}", rand::random::<u64>()));
                tokio::fs::write(&fresh, content).await.map_err(failed)?;
                tokio::fs::rename(&fresh, &file).await.map_err(failed)
            }
            Place::Cache(database) => {
                let delete = "DELETE FROM cache WHERE cache_key = ?";
                let insert = "INSERT INTO cache (cache_key, value, expiration) VALUES (?, ?, ?)";
                let values = params![key, value, until_s];
                replace(database.as_ref(), (delete, params![key]), (insert, values)).await
            }
            Place::Sessions(database) => {
                let delete = "DELETE FROM sessions WHERE id = ?";
                let insert = "INSERT INTO sessions (id, payload, last_activity) VALUES (?, ?, ?)";
                let values = params![key, value, now_s];
                replace(database.as_ref(), (delete, params![key]), (insert, values)).await
            }
        }
    }

    /// Forgets one value.
    pub(super) async fn delete(&self, key: &str) -> Result<(), ScratchError> {
        match &self.place {
            Place::Files(folder) => match tokio::fs::remove_file(file_of(folder, key)).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            },
            Place::Cache(database) => {
                let sql = "DELETE FROM cache WHERE cache_key = ?";
                database
                    .execute(sql, params![key])
                    .await
                    .map_err(failed)
                    .map(drop)
            }
            Place::Sessions(database) => {
                let sql = "DELETE FROM sessions WHERE id = ?";
                database
                    .execute(sql, params![key])
                    .await
                    .map_err(failed)
                    .map(drop)
            }
        }
    }

    /// Forgets everything (`artisan cache:clear`).
    pub(super) async fn clear(&self) -> Result<(), ScratchError> {
        match &self.place {
            Place::Files(folder) => match tokio::fs::remove_dir_all(folder).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            },
            Place::Cache(database) => database
                .execute("DELETE FROM cache", Vec::new())
                .await
                .map_err(failed)
                .map(drop),
            Place::Sessions(database) => {
                let all = database.execute("DELETE FROM sessions", Vec::new()).await;
                all.map_err(failed).map(drop)
            }
        }
    }

    /// Whether a value that is written is read back: what `/status` asks.
    pub(super) async fn works(&self) -> bool {
        let word = format!("{:016x}", rand::random::<u64>());
        let key = format!("status-test-{word}");
        let written = self.set(&key, &word, 60).await.is_ok();
        let read = matches!(self.get(&key).await, Ok(Some(value)) if value == word);
        let forgotten = self.delete(&key).await.is_ok();
        written && read && forgotten
    }
}

async fn replace(
    database: &dyn Database,
    delete: (&str, Vec<Value>),
    insert: (&str, Vec<Value>),
) -> Result<(), ScratchError> {
    let statements = [delete, insert]
        .map(|(sql, params)| Statement {
            sql: sql.to_owned(),
            params,
        })
        .into_iter()
        .collect();
    database.transaction(statements).await.map_err(failed)
}

fn file_of(folder: &Path, key: &str) -> PathBuf {
    folder.join(hexadecimal(&Sha1::digest(key)))
}

/// A file is ten digits of expiry, then the value.
fn unexpired(content: &str, now_s: i64) -> Option<String> {
    let (until_s, value) = content.split_at_checked(10)?;
    (until_s.parse::<i64>().ok()? > now_s).then(|| value.to_owned())
}
