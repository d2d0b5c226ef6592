//! The role by which an application comes into its database. A file asks nobody for a password; a
//! server does, and knows the one that its role was made with. That is kept in the file itself, in a
//! header field that SQLite leaves to its users: so a snapshot of the file carries it along, as a
//! snapshot of a server carries its roles, and no row or digest of rows is touched by it.

use std::path::Path;

use super::sqlite;

/// What the role is known by; `None` for one that was never made.
pub(crate) fn of(path: &Path) -> rusqlite::Result<Option<i32>> {
    let known: i32 =
        sqlite::open(path)?.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok((known != 0).then_some(known))
}

/// Makes the role, or gives it another password.
pub(crate) fn make(path: &Path, known_by: i32) -> rusqlite::Result<()> {
    sqlite::open(path)?.pragma_update(None, "application_id", known_by)
}

/// What a role with this password is known by.
pub(crate) fn known_by(password: &str) -> i32 {
    let digest = blake3::derive_key("phoenix embedded role v1", password.as_bytes());
    let mut word = [0; 4];
    word.copy_from_slice(&digest[..4]);
    // 0 is what a file has that was never given any.
    i32::from_le_bytes(word) | 1
}
