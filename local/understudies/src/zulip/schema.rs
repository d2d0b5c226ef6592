//! Tables and their migration; names are upstream's.

use crate::platform::{Database, DatabaseError, Engine, Statement};
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

/// The text search of PostgreSQL. The files of the dictionary are the server's, not the database's.
const TEXT_SEARCH: &[&str] = &[
    "CREATE TEXT SEARCH DICTIONARY zulip.english_us_hunspell (template = ispell, \
     DictFile = en_us, AffFile = en_us, StopWords = zulip_english)",
    "CREATE TEXT SEARCH CONFIGURATION zulip.english_us_search (COPY = pg_catalog.english)",
    "ALTER TEXT SEARCH CONFIGURATION zulip.english_us_search ALTER MAPPING FOR asciiword, \
     asciihword, hword_asciipart, word, hword, hword_part \
     WITH zulip.english_us_hunspell, english_stem",
];
/// What it needs of the messages.
const SEARCHABLE: &[&str] = &[
    "ALTER TABLE zerver_message ADD COLUMN IF NOT EXISTS search_tsvector tsvector",
    "CREATE INDEX IF NOT EXISTS zerver_message_search_tsvector ON zerver_message \
     USING gin (search_tsvector)",
    "CREATE OR REPLACE TRIGGER zerver_message_update_search_tsvector \
     BEFORE INSERT OR UPDATE ON zerver_message FOR EACH ROW EXECUTE FUNCTION \
     tsvector_update_trigger(search_tsvector, 'zulip.english_us_search', subject, content)",
];
/// What PostgreSQL says where the dictionary of the text search is not there.
const NO_DICTIONARY: &str = "could not open dictionary file \
     \"/usr/share/postgresql/14/tsearch_data/en_us.dict\": No such file or directory";

/// Brings the tables to this version. The first migrations set up the text search, which needs the
/// dictionary; on tables that have them it is not asked for. `dictionary` is for an engine that has
/// no text search of its own.
pub(super) async fn migrate(
    database: &dyn Database,
    dictionary: bool,
) -> Result<(), DatabaseError> {
    let in_server = database.engine() == Engine::Postgres;
    if in_server {
        // Before the first table: it goes there, where the role is named like the schema.
        database
            .execute("CREATE SCHEMA IF NOT EXISTS zulip", params![])
            .await?;
    }
    let [known, others @ ..] = TABLES else {
        return Ok(());
    };
    database.execute(known, params![]).await?;
    let fresh = migrations(database).await? == 0;
    if fresh && in_server {
        text_search(database).await?;
    }
    if fresh && !in_server && !dictionary {
        return Err(DatabaseError::Refused(NO_DICTIONARY.to_owned()));
    }
    for table in others {
        database.execute(table, params![]).await?;
    }
    if fresh {
        if in_server {
            for statement in SEARCHABLE {
                database.execute(statement, params![]).await?;
            }
        }
        database
            .execute(
                "INSERT INTO django_migrations (app, name) VALUES (?, ?)",
                params!["zerver", "10001_squashed_initial"],
            )
            .await?;
    }
    Ok(())
}

/// Sets it up, whole or not at all, unless a start that got no further did.
async fn text_search(database: &dyn Database) -> Result<(), DatabaseError> {
    let known = number(
        database,
        "SELECT COUNT(*) FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace \
         WHERE n.nspname = 'zulip' AND c.cfgname = 'english_us_search'",
        params![],
    )
    .await?;
    if known > 0 {
        return Ok(());
    }
    let statements = TEXT_SEARCH.iter().map(|sql| Statement {
        sql: (*sql).to_owned(),
        params: params![],
    });
    database.transaction(statements.collect()).await
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
