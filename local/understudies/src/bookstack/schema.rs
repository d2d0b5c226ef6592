//! Tables, migrations and the rows that a first migration leaves (BookStack before v25.09, where
//! books and pages are tables of their own). Where upstream's column name is a reserved word
//! (`order`, `key`), it is spelt out.

use crate::platform::{Database, DatabaseError, Row, Statement, Value};

/// What the first migrations write besides tables.
pub(super) struct Seeds {
    /// Bcrypt hash of `password`.
    pub(super) admin_password: String,
    /// A new UUID.
    pub(super) instance_id: String,
    /// `YYYY-MM-DD HH:MM:SS`.
    pub(super) now: String,
}

/// A key that the database gives, and never gives again after a row was deleted.
const KEY: &str = "id INTEGER PRIMARY KEY AUTOINCREMENT";
const STAMPS: &str = "created_at TEXT, updated_at TEXT";
const OWNED: &str = "created_by BIGINT, updated_by BIGINT, owned_by BIGINT, deleted_at TEXT";

/// Permissions that a role may have; the three lists are the roles of a new instance.
const ADMIN: &[&str] = &[
    "access-api",
    "attachment-create-all",
    "attachment-delete-all",
    "attachment-update-all",
    "book-create-all",
    "book-delete-all",
    "book-update-all",
    "book-view-all",
    "image-create-all",
    "image-delete-all",
    "page-create-all",
    "page-delete-all",
    "page-update-all",
    "page-view-all",
    "settings-manage",
    "users-manage",
];
const EDITOR: &[&str] = &[
    "attachment-create-all",
    "attachment-delete-all",
    "attachment-update-all",
    "book-create-all",
    "book-update-all",
    "book-view-all",
    "image-create-all",
    "page-create-all",
    "page-delete-all",
    "page-update-all",
    "page-view-all",
];
const VIEWER: &[&str] = &["book-view-all", "page-view-all"];

/// Applies what is missing, oldest first; the names applied now.
///
/// # Errors
/// What the database answers; migrations before the failed one stay applied.
pub(super) async fn migrate(
    database: &dyn Database,
    seeds: &Seeds,
) -> Result<Vec<&'static str>, DatabaseError> {
    let id = KEY;
    let table = format!(
        "CREATE TABLE IF NOT EXISTS migrations ({id}, migration TEXT NOT NULL, batch BIGINT)"
    );
    database.execute(&table, Vec::new()).await?;
    let rows = database
        .query("SELECT migration, batch FROM migrations", Vec::new())
        .await?;
    let applied: Vec<&str> = rows.iter().filter_map(text_of_first).collect();
    let batch = rows.iter().filter_map(batch_of).max().unwrap_or(0) + 1;
    let mut now_applied = Vec::new();
    for (name, statements) in migrations(seeds) {
        if applied.contains(&name) {
            continue;
        }
        let mut statements = statements;
        statements.push(Statement {
            sql: "INSERT INTO migrations (migration, batch) VALUES (?, ?)".to_owned(),
            params: vec![Value::Text(name.to_owned()), Value::Integer(batch)],
        });
        database.transaction(statements).await?;
        now_applied.push(name);
    }
    Ok(now_applied)
}

fn text_of_first(row: &Row) -> Option<&str> {
    match row.0.first() {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn batch_of(row: &Row) -> Option<i64> {
    match row.0.get(1) {
        Some(Value::Integer(batch)) => Some(*batch),
        _ => None,
    }
}

fn migrations(seeds: &Seeds) -> Vec<(&'static str, Vec<Statement>)> {
    vec![
        ("2014_10_12_000000_create_users_table", users(seeds)),
        ("2015_08_29_105422_add_roles_and_permissions", roles(seeds)),
        ("2015_08_08_200447_add_users_to_entities", entities()),
        ("2016_10_09_142037_create_attachments_table", uploads()),
        ("2019_12_29_120917_add_api_auth", api_tokens()),
        ("2021_06_30_173111_create_mfa_values_table", mfa_values()),
        (
            "2021_09_26_044614_add_deletions_and_search_terms",
            recycle_bin_and_search(),
        ),
        (
            "2022_01_23_155421_create_sessions_and_cache_tables",
            sessions_and_cache(),
        ),
        ("2025_02_05_150842_add_instance_id_setting", settings(seeds)),
    ]
}

fn create(name: &str, columns: &str) -> Statement {
    Statement {
        sql: format!("CREATE TABLE {name} ({columns})"),
        params: Vec::new(),
    }
}

/// A table whose key the database gives.
fn create_keyed(name: &str, columns: &str) -> Statement {
    create(name, &format!("{KEY}, {columns}"))
}

fn write(sql: &str, params: &[&str]) -> Statement {
    let params = params
        .iter()
        .map(|text| Value::Text((*text).to_owned()))
        .collect();
    Statement {
        sql: sql.to_owned(),
        params,
    }
}

fn users(seeds: &Seeds) -> Vec<Statement> {
    let columns = format!(
        "name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, password TEXT, \
         email_confirmed BIGINT NOT NULL, external_auth_id TEXT NOT NULL, \
         system_name TEXT NOT NULL, slug TEXT NOT NULL, {STAMPS}"
    );
    let insert = "INSERT INTO users (name, email, password, email_confirmed, external_auth_id, \
                  system_name, slug, created_at, updated_at) VALUES (?, ?, ?, 1, '', ?, ?, ?, ?)";
    let now = seeds.now.as_str();
    let admin = [
        "Admin",
        "admin@admin.com",
        &seeds.admin_password,
        "",
        "admin",
        now,
        now,
    ];
    let guest = [
        "Guest",
        "guest@example.com",
        "",
        "public",
        "guest",
        now,
        now,
    ];
    vec![
        create_keyed("users", &columns),
        write(insert, &admin),
        write(insert, &guest),
    ]
}

fn roles(seeds: &Seeds) -> Vec<Statement> {
    let columns = format!(
        "display_name TEXT NOT NULL, description TEXT, system_name TEXT NOT NULL, \
         external_auth_id TEXT NOT NULL, mfa_enforced BIGINT NOT NULL, {STAMPS}"
    );
    let mut statements = vec![
        create_keyed("roles", &columns),
        create(
            "role_user",
            "user_id BIGINT NOT NULL, role_id BIGINT NOT NULL, PRIMARY KEY (user_id, role_id)",
        ),
        create_keyed(
            "role_permissions",
            &format!("name TEXT NOT NULL UNIQUE, {STAMPS}"),
        ),
        create(
            "permission_role",
            "permission_id BIGINT NOT NULL, role_id BIGINT NOT NULL, \
             PRIMARY KEY (permission_id, role_id)",
        ),
    ];
    let now = seeds.now.as_str();
    for permission in ADMIN {
        let sql = "INSERT INTO role_permissions (name, created_at, updated_at) VALUES (?, ?, ?)";
        statements.push(write(sql, &[permission, now, now]));
    }
    let named = [
        ("Admin", "admin", ADMIN),
        ("Editor", "", EDITOR),
        ("Viewer", "", VIEWER),
        ("Public", "public", &[]),
    ];
    for (name, system_name, permissions) in named {
        let sql = "INSERT INTO roles (display_name, description, system_name, external_auth_id, \
                   mfa_enforced, created_at, updated_at) VALUES (?, '', ?, '', 0, ?, ?)";
        statements.push(write(sql, &[name, system_name, now, now]));
        for permission in permissions {
            let sql = "INSERT INTO permission_role (permission_id, role_id) SELECT p.id, r.id \
                       FROM role_permissions p, roles r WHERE p.name = ? AND r.display_name = ?";
            statements.push(write(sql, &[permission, name]));
        }
    }
    for (email, role) in [
        ("admin@admin.com", "Admin"),
        ("guest@example.com", "Public"),
    ] {
        let sql = "INSERT INTO role_user (user_id, role_id) SELECT u.id, r.id \
                   FROM users u, roles r WHERE u.email = ? AND r.display_name = ?";
        statements.push(write(sql, &[email, role]));
    }
    statements
}

fn entities() -> Vec<Statement> {
    let named = "name TEXT NOT NULL, slug TEXT NOT NULL";
    let book = format!("{named}, description TEXT NOT NULL, {OWNED}, {STAMPS}");
    let page = format!(
        "book_id BIGINT NOT NULL, chapter_id BIGINT NOT NULL, {named}, html TEXT NOT NULL, \
         text TEXT NOT NULL, markdown TEXT NOT NULL, priority BIGINT NOT NULL, \
         draft BIGINT NOT NULL, template BIGINT NOT NULL, revision_count BIGINT NOT NULL, \
         editor TEXT NOT NULL, {OWNED}, {STAMPS}"
    );
    let revision = format!(
        "page_id BIGINT NOT NULL, {named}, book_slug TEXT NOT NULL, html TEXT NOT NULL, \
         text TEXT NOT NULL, markdown TEXT NOT NULL, type TEXT NOT NULL, summary TEXT, \
         revision_number BIGINT NOT NULL, created_by BIGINT, {STAMPS}"
    );
    let tag = format!(
        "entity_id BIGINT NOT NULL, entity_type TEXT NOT NULL, name TEXT NOT NULL, \
         value TEXT NOT NULL, sort_order BIGINT NOT NULL, {STAMPS}"
    );
    vec![
        create_keyed("books", &book),
        create_keyed("pages", &page),
        create_keyed("page_revisions", &revision),
        create_keyed("tags", &tag),
    ]
}

fn uploads() -> Vec<Statement> {
    let by = "created_by BIGINT, updated_by BIGINT";
    let attachment = format!(
        "name TEXT NOT NULL, path TEXT NOT NULL, extension TEXT NOT NULL, \
         uploaded_to BIGINT NOT NULL, external BIGINT NOT NULL, sort_order BIGINT NOT NULL, \
         {by}, {STAMPS}"
    );
    let image = format!(
        "name TEXT NOT NULL, url TEXT NOT NULL, path TEXT NOT NULL, type TEXT NOT NULL, \
         uploaded_to BIGINT NOT NULL, {by}, {STAMPS}"
    );
    vec![
        create_keyed("attachments", &attachment),
        create_keyed("images", &image),
    ]
}

fn api_tokens() -> Vec<Statement> {
    let columns = format!(
        "name TEXT NOT NULL, token_id TEXT NOT NULL UNIQUE, secret TEXT NOT NULL, \
         user_id BIGINT NOT NULL, expires_at TEXT NOT NULL, {STAMPS}"
    );
    vec![create_keyed("api_tokens", &columns)]
}

fn mfa_values() -> Vec<Statement> {
    let columns = format!(
        "user_id BIGINT NOT NULL, method TEXT NOT NULL, value TEXT NOT NULL, {STAMPS}, \
         UNIQUE (user_id, method)"
    );
    vec![create_keyed("mfa_values", &columns)]
}

fn recycle_bin_and_search() -> Vec<Statement> {
    let deletion = format!(
        "deleted_by BIGINT NOT NULL, deletable_type TEXT NOT NULL, \
         deletable_id BIGINT NOT NULL, {STAMPS}"
    );
    let term = "term TEXT NOT NULL, entity_type TEXT NOT NULL, entity_id BIGINT NOT NULL, \
                score BIGINT NOT NULL";
    vec![
        create_keyed("deletions", &deletion),
        create_keyed("search_terms", term),
    ]
}

fn sessions_and_cache() -> Vec<Statement> {
    vec![
        create(
            "sessions",
            "id TEXT PRIMARY KEY, user_id BIGINT, payload TEXT NOT NULL, \
             last_activity BIGINT NOT NULL",
        ),
        create(
            "cache",
            "cache_key TEXT PRIMARY KEY, value TEXT NOT NULL, expiration BIGINT NOT NULL",
        ),
    ]
}

fn settings(seeds: &Seeds) -> Vec<Statement> {
    let insert = "INSERT INTO settings (setting_key, value, created_at, updated_at) \
                  VALUES (?, ?, ?, ?)";
    let now = seeds.now.as_str();
    vec![
        create(
            "settings",
            &format!("setting_key TEXT PRIMARY KEY, value TEXT NOT NULL, {STAMPS}"),
        ),
        write(insert, &["instance-id", &seeds.instance_id, now, now]),
        write(insert, &["app-name", "BookStack", now, now]),
        write(insert, &["registration-role", "Viewer", now, now]),
    ]
}
