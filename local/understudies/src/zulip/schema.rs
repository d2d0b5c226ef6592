//! Tables and their migration; names are upstream's.

use crate::platform::{Database, DatabaseError, Engine};
use crate::shared::rows::{number, params};

const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS django_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     app TEXT NOT NULL, name TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS zerver_realm (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     string_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, uuid TEXT NOT NULL, \
     date_created BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS zerver_userprofile (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     realm_id BIGINT NOT NULL, delivery_email TEXT NOT NULL, full_name TEXT NOT NULL, \
     password TEXT NOT NULL, api_key TEXT NOT NULL UNIQUE, role BIGINT NOT NULL, \
     is_active BIGINT NOT NULL, date_joined BIGINT NOT NULL, UNIQUE (realm_id, delivery_email))",
    "CREATE TABLE IF NOT EXISTS zerver_stream (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     realm_id BIGINT NOT NULL, name TEXT NOT NULL, UNIQUE (realm_id, name))",
    "CREATE TABLE IF NOT EXISTS zerver_subscription (user_profile_id BIGINT NOT NULL, \
     stream_id BIGINT NOT NULL, PRIMARY KEY (user_profile_id, stream_id))",
    "CREATE TABLE IF NOT EXISTS zerver_message (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     realm_id BIGINT NOT NULL, sender_id BIGINT NOT NULL, stream_id BIGINT NOT NULL, \
     subject TEXT NOT NULL, content TEXT NOT NULL, date_sent BIGINT NOT NULL, \
     last_edit_time BIGINT, edit_history TEXT)",
    "CREATE INDEX IF NOT EXISTS zerver_message_stream ON zerver_message (stream_id, id)",
    "CREATE TABLE IF NOT EXISTS zerver_usermessage (user_profile_id BIGINT NOT NULL, \
     message_id BIGINT NOT NULL, PRIMARY KEY (user_profile_id, message_id))",
    "CREATE TABLE IF NOT EXISTS zerver_archivedmessage (id BIGINT PRIMARY KEY, \
     sender_id BIGINT NOT NULL, stream_id BIGINT NOT NULL, subject TEXT NOT NULL, \
     content TEXT NOT NULL, date_sent BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS zerver_attachment (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     realm_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, file_name TEXT NOT NULL, \
     path_id TEXT NOT NULL UNIQUE, size BIGINT NOT NULL, create_time BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS zerver_attachment_messages (attachment_id BIGINT NOT NULL, \
     message_id BIGINT NOT NULL, PRIMARY KEY (attachment_id, message_id))",
    "CREATE TABLE IF NOT EXISTS zerver_realmauditlog (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     realm_id BIGINT NOT NULL, event_type TEXT NOT NULL, event_time BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS django_session (session_key TEXT PRIMARY KEY, \
     session_data TEXT NOT NULL, expire_date BIGINT NOT NULL)",
];

/// What PostgreSQL says where the dictionary of the text search is not there.
const NO_DICTIONARY: &str = "could not open dictionary file \
     \"/usr/share/postgresql/14/tsearch_data/en_us.dict\": No such file or directory";

/// Upstream's dictionary, which a server without its files refuses to make.
const DICTIONARY: &str = "CREATE TEXT SEARCH DICTIONARY english_us_hunspell \
     (TEMPLATE = ispell, DictFile = en_us, AffFile = en_us, StopWords = zulip_english)";

/// Sets up the dictionary where a server is to have one and this database does not know it yet.
pub(super) async fn dictionary(database: &dyn Database) -> Result<(), DatabaseError> {
    if database.engine() != Engine::Postgres {
        return Ok(());
    }
    let known = "SELECT COUNT(*) FROM pg_ts_dict WHERE dictname = 'english_us_hunspell'";
    if number(database, known, params![]).await? == 0 {
        database.execute(DICTIONARY, params![]).await?;
    }
    Ok(())
}

/// Brings the tables to this version. The first migrations set up the text search, which needs the
/// dictionary; on tables that have them it is not asked for.
pub(super) async fn migrate(
    database: &dyn Database,
    dictionary: bool,
) -> Result<(), DatabaseError> {
    let [known, others @ ..] = TABLES else {
        return Ok(());
    };
    database.execute(known, params![]).await?;
    let fresh = migrations(database).await? == 0;
    if fresh && !dictionary {
        return Err(DatabaseError::Refused(NO_DICTIONARY.to_owned()));
    }
    for table in others {
        database.execute(table, params![]).await?;
    }
    if fresh {
        database
            .execute(
                "INSERT INTO django_migrations (app, name) VALUES (?, ?)",
                params!["zerver", "10001_squashed_initial"],
            )
            .await?;
    }
    Ok(())
}

/// How many migrations a database knows: none is an empty one.
pub(super) async fn migrations(database: &dyn Database) -> Result<i64, DatabaseError> {
    number(
        database,
        "SELECT COUNT(*) FROM django_migrations",
        params![],
    )
    .await
}
