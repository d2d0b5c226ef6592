//! Bcrypt as Laravel's hasher uses it: only hashes with the prefix `$2y$` are verified. Hashing
//! runs off the async threads.

use std::collections::HashMap;
use std::sync::Mutex;

use sha2::{Digest, Sha256};

/// What the hasher throws.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PasswordError {
    /// The stored hash has another prefix. The text is upstream's.
    #[error("This password does not use the Bcrypt algorithm.")]
    Algorithm,
    /// It could not be hashed.
    #[error("bcrypt: {0}")]
    Bcrypt(String),
}

/// Hashes with the prefix `$2y$`.
pub(super) async fn hash(password: &str, cost: u32) -> Result<String, PasswordError> {
    let password = password.to_owned();
    blocking(move || {
        let parts = bcrypt::hash_with_result(password, cost).map_err(failed)?;
        Ok(parts.format_for_version(bcrypt::Version::TwoY))
    })
    .await
}

/// Verifies, and remembers what was right: the same secret comes with every API call, and an
/// answer for the same hash and secret never changes.
#[derive(Default)]
pub(super) struct Verifier {
    right: Mutex<HashMap<String, [u8; 32]>>,
}

impl Verifier {
    const REMEMBERED_MAX: usize = 1024;

    /// Whether the hash is of this password.
    pub(super) async fn verify(&self, password: &str, hash: &str) -> Result<bool, PasswordError> {
        if !hash.starts_with("$2y$") {
            return Err(PasswordError::Algorithm);
        }
        let digest: [u8; 32] = Sha256::digest(password).into();
        if self
            .right
            .lock()
            .is_ok_and(|right| right.get(hash) == Some(&digest))
        {
            return Ok(true);
        }
        let (secret, stored) = (password.to_owned(), hash.to_owned());
        let right = blocking(move || bcrypt::verify(secret, &stored).map_err(failed)).await?;
        if right && let Ok(mut remembered) = self.right.lock() {
            if remembered.len() >= Self::REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(hash.to_owned(), digest);
        }
        Ok(right)
    }
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Bcrypt(error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
) -> Result<T, PasswordError> {
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}
