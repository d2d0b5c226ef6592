//! Tables and their migration. Names are upstream's (PostgreSQL folds them to lower case).

use super::ids;
use crate::platform::{Clock, Database, DatabaseError, Log};
use crate::shared::rows::{number, params};

/// Schema version of this server. A database with a newer one is refused.
const VERSION: i64 = 129;

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS systems (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, createat BIGINT NOT NULL, \
     updateat BIGINT NOT NULL, deleteat BIGINT NOT NULL, username TEXT NOT NULL UNIQUE, \
     password TEXT NOT NULL, authdata TEXT UNIQUE, authservice TEXT NOT NULL, \
     email TEXT NOT NULL UNIQUE, nickname TEXT NOT NULL, roles TEXT NOT NULL, \
     mfaactive BIGINT NOT NULL, mfasecret TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS teams (id TEXT PRIMARY KEY, createat BIGINT NOT NULL, \
     deleteat BIGINT NOT NULL, name TEXT NOT NULL UNIQUE, displayname TEXT NOT NULL, \
     type TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS teammembers (teamid TEXT NOT NULL, userid TEXT NOT NULL, \
     PRIMARY KEY (teamid, userid))",
    "CREATE TABLE IF NOT EXISTS channels (id TEXT PRIMARY KEY, createat BIGINT NOT NULL, \
     deleteat BIGINT NOT NULL, teamid TEXT NOT NULL, name TEXT NOT NULL, \
     displayname TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (teamid, name))",
    "CREATE TABLE IF NOT EXISTS channelmembers (channelid TEXT NOT NULL, userid TEXT NOT NULL, \
     PRIMARY KEY (channelid, userid))",
    "CREATE TABLE IF NOT EXISTS posts (id TEXT PRIMARY KEY, createat BIGINT NOT NULL, \
     updateat BIGINT NOT NULL, editat BIGINT NOT NULL, deleteat BIGINT NOT NULL, \
     userid TEXT NOT NULL, channelid TEXT NOT NULL, originalid TEXT NOT NULL, \
     message TEXT NOT NULL, fileids TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS idx_posts_channel ON posts (channelid, createat)",
    "CREATE TABLE IF NOT EXISTS fileinfo (id TEXT PRIMARY KEY, creatorid TEXT NOT NULL, \
     postid TEXT NOT NULL, channelid TEXT NOT NULL, createat BIGINT NOT NULL, \
     deleteat BIGINT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, extension TEXT NOT NULL, \
     size BIGINT NOT NULL, mimetype TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, \
     createat BIGINT NOT NULL, expiresat BIGINT NOT NULL, userid TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, createat BIGINT NOT NULL, \
     type TEXT NOT NULL, extra TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS useraccesstokens (id TEXT PRIMARY KEY, \
     token TEXT NOT NULL UNIQUE, userid TEXT NOT NULL, description TEXT NOT NULL, \
     isactive BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS preferences (userid TEXT NOT NULL, category TEXT NOT NULL, \
     name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (userid, category, name))",
    "CREATE TABLE IF NOT EXISTS db_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL)",
];

/// Brings the tables to this version, and gives a new database its identity.
pub(super) async fn migrate(
    database: &dyn Database,
    clock: &Clock,
    log: &Log,
) -> Result<(), DatabaseError> {
    for table in TABLES {
        database.execute(table, params![]).await?;
    }
    let newest = number(
        database,
        "SELECT COALESCE(MAX(version), 0) FROM db_migrations",
        params![],
    )
    .await?;
    if newest > VERSION {
        return Err(DatabaseError::Refused(format!(
            "the database has schema {newest}, this server knows {VERSION}"
        )));
    }
    if newest == 0 {
        database
            .execute(
                "INSERT INTO db_migrations (version, name) VALUES (?, ?)",
                params![VERSION, "create_tables"],
            )
            .await?;
        log.line("Applied database migrations");
    }
    for (name, value) in [
        ("DiagnosticId", ids::id()),
        ("InstallationDate", clock.now_ms().to_string()),
    ] {
        let known = number(
            database,
            "SELECT COUNT(*) FROM systems WHERE name = ?",
            params![name],
        )
        .await?;
        if known == 0 {
            database
                .execute(
                    "INSERT INTO systems (name, value) VALUES (?, ?)",
                    params![name, value],
                )
                .await?;
        }
    }
    Ok(())
}
