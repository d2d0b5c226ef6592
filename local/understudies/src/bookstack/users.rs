//! People, their roles and what their roles permit.

use std::collections::BTreeSet;

use super::rows::{first, number, params};
use crate::platform::{Database, DatabaseError, Row, Statement, Value};

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) password: String,
}

const COLUMNS: &str = "id, name, email, password";

fn user(row: &Row) -> User {
    User {
        id: row.integer(0),
        name: row.text(1),
        email: row.text(2),
        password: row.text(3),
    }
}

async fn found(
    database: &dyn Database,
    condition: &str,
    value: Value,
) -> Result<Option<User>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE {condition}");
    Ok(first(database, &sql, vec![value]).await?.as_ref().map(user))
}

/// The user with an id.
pub(super) async fn by_id(db: &dyn Database, id: i64) -> Result<Option<User>, DatabaseError> {
    found(db, "id = ?", id.into()).await
}

/// The user with an email, the guest excepted: nobody logs in as the guest.
pub(super) async fn by_email(
    db: &dyn Database,
    email: &str,
) -> Result<Option<User>, DatabaseError> {
    let value = email.into();
    found(db, "email = ? AND system_name <> 'public'", value).await
}

/// The user with an identity at the provider.
pub(super) async fn by_external_id(
    db: &dyn Database,
    external_id: &str,
) -> Result<Option<User>, DatabaseError> {
    let value = external_id.into();
    found(db, "external_auth_id = ?", value).await
}

/// Reads the row of the guest, as every request of the website does.
///
/// # Errors
/// What the database answers, also when the table is not there.
pub(super) async fn guest_exists(db: &dyn Database) -> Result<bool, DatabaseError> {
    let sql = "SELECT COUNT(*) FROM users WHERE system_name = 'public'";
    Ok(number(db, sql, Vec::new()).await? > 0)
}

/// What a user's roles permit.
pub(super) async fn permissions(
    db: &dyn Database,
    user_id: i64,
) -> Result<BTreeSet<String>, DatabaseError> {
    let sql = "SELECT p.name FROM role_user ru \
               JOIN permission_role pr ON pr.role_id = ru.role_id \
               JOIN role_permissions p ON p.id = pr.permission_id WHERE ru.user_id = ?";
    Ok(db
        .query(sql, params![user_id])
        .await?
        .iter()
        .map(|row| row.text(0))
        .collect())
}

/// Whether a second factor stands between this user's credentials and a session.
pub(super) async fn needs_second_factor(
    db: &dyn Database,
    user_id: i64,
) -> Result<bool, DatabaseError> {
    let enrolled = "SELECT COUNT(*) FROM mfa_values WHERE user_id = ?";
    let enforced = "SELECT COUNT(*) FROM role_user ru JOIN roles r ON r.id = ru.role_id \
                    WHERE ru.user_id = ? AND r.mfa_enforced = 1";
    Ok(number(db, enrolled, params![user_id]).await? > 0
        || number(db, enforced, params![user_id]).await? > 0)
}

/// A new user without a password, in the role that the setting `registration-role` names.
pub(super) async fn register(
    db: &dyn Database,
    name: &str,
    email: &str,
    external_id: &str,
    now: &str,
) -> Result<User, DatabaseError> {
    let sql = "INSERT INTO users (name, email, password, email_confirmed, external_auth_id, \
               system_name, slug, created_at, updated_at) VALUES (?, ?, '', 1, ?, '', ?, ?, ?)";
    let values = params![name, email, external_id, slug(name), now, now];
    let id = db.insert(sql, values).await?;
    let role = "INSERT INTO role_user (user_id, role_id) SELECT u.id, r.id \
                FROM users u, roles r, settings s WHERE u.id = ? \
                AND s.setting_key = 'registration-role' AND r.display_name = s.value";
    db.execute(role, params![id]).await?;
    Ok(User {
        id,
        name: name.to_owned(),
        email: email.to_owned(),
        password: String::new(),
    })
}

/// Gives the user the roles that the provider's groups name, by a role's `external_auth_id`
/// (a comma-separated list) or else by its name; takes the others away if told to.
pub(super) async fn sync_roles(
    db: &dyn Database,
    user_id: i64,
    groups: &[String],
    detach_others: bool,
) -> Result<(), DatabaseError> {
    let normal = |name: &str| name.trim().to_lowercase().replace(' ', "-");
    let groups: BTreeSet<String> = groups.iter().map(|group| normal(group)).collect();
    let roles = db
        .query(
            "SELECT id, display_name, external_auth_id FROM roles",
            Vec::new(),
        )
        .await?
        .into_iter()
        .filter(|row| match row.text(2).as_str() {
            "" => groups.contains(&normal(&row.text(1))),
            list => list.split(',').any(|name| groups.contains(&normal(name))),
        })
        .map(|row| row.integer(0));
    let mut statements = Vec::new();
    if detach_others {
        let sql = "DELETE FROM role_user WHERE user_id = ?";
        statements.push(Statement {
            sql: sql.to_owned(),
            params: params![user_id],
        });
    }
    for role_id in roles {
        for sql in [
            "DELETE FROM role_user WHERE user_id = ? AND role_id = ?",
            "INSERT INTO role_user (user_id, role_id) VALUES (?, ?)",
        ] {
            statements.push(Statement {
                sql: sql.to_owned(),
                params: params![user_id, role_id],
            });
        }
    }
    if statements.is_empty() {
        Ok(())
    } else {
        db.transaction(statements).await
    }
}

/// A name as part of a URL.
pub(super) fn slug(name: &str) -> String {
    let words: Vec<String> = name
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        "entity".to_owned()
    } else {
        words.join("-")
    }
}
