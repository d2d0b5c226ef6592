//! Its tables. Names are the original's with the schema as a prefix.

use crate::platform::{Database, DatabaseError};

const TABLES: [&str; 16] = [
    "CREATE TABLE IF NOT EXISTS system_encryption_keys (id TEXT PRIMARY KEY, key BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS system_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS eventstore_events2 (position INTEGER PRIMARY KEY AUTOINCREMENT, \
     event_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, created_at BIGINT NOT NULL, \
     payload TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_projects4 (id TEXT PRIMARY KEY, \
     name TEXT NOT NULL UNIQUE, role_check BIGINT NOT NULL, has_project_check BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_project_roles4 (project_id TEXT NOT NULL, \
     role_key TEXT NOT NULL, display_name TEXT NOT NULL, PRIMARY KEY (project_id, role_key))",
    "CREATE TABLE IF NOT EXISTS projections_apps7_oidc (app_id TEXT PRIMARY KEY, \
     project_id TEXT NOT NULL, name TEXT NOT NULL, client_id TEXT NOT NULL UNIQUE, \
     client_secret TEXT NOT NULL, redirect_uris TEXT NOT NULL, auth_method TEXT NOT NULL, \
     dev_mode BIGINT NOT NULL, id_token_userinfo BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_users14 (id TEXT PRIMARY KEY, \
     username TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, email TEXT NOT NULL, \
     given_name TEXT NOT NULL, family_name TEXT NOT NULL, password TEXT NOT NULL, \
     change_required BIGINT NOT NULL, mfa_skipped BIGINT NOT NULL, number BIGINT NOT NULL, \
     visible_at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_users14_machines (user_id TEXT PRIMARY KEY, \
     secret TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_authn_keys2 (id TEXT PRIMARY KEY, \
     user_id TEXT NOT NULL, public_key TEXT NOT NULL, expires_at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_user_metadata5 (user_id TEXT NOT NULL, \
     key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (user_id, key))",
    "CREATE TABLE IF NOT EXISTS projections_user_grants5 (id TEXT PRIMARY KEY, \
     user_id TEXT NOT NULL, project_id TEXT NOT NULL, roles TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_instance_members4 (user_id TEXT PRIMARY KEY, \
     roles TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_personal_access_tokens3 (id TEXT PRIMARY KEY, \
     user_id TEXT NOT NULL, expires_at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS projections_web_keys1 (id TEXT PRIMARY KEY, \
     private_key BLOB NOT NULL, public_n TEXT NOT NULL, public_e TEXT NOT NULL, \
     active BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS auth_auth_requests (id TEXT PRIMARY KEY, agent TEXT NOT NULL, \
     client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, state TEXT NOT NULL, \
     nonce TEXT NOT NULL, scope TEXT NOT NULL, challenge TEXT NOT NULL, user_id TEXT NOT NULL, \
     login_client TEXT NOT NULL, created_at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS auth_tokens (id TEXT PRIMARY KEY, kind TEXT NOT NULL, \
     user_id TEXT NOT NULL, request TEXT NOT NULL, expires_at BIGINT NOT NULL)",
];

/// Creates what is missing.
pub(super) async fn create(database: &dyn Database) -> Result<(), DatabaseError> {
    for table in TABLES {
        database.execute(table, Vec::new()).await?;
    }
    Ok(())
}
