//! The key chain: the master key wraps key-encryption keys, and those encrypt data. AES-256-CFB,
//! unauthenticated, with the initialisation vector in front (zitadel `internal/crypto/aes.go`).

use std::collections::BTreeMap;

use aes::Aes256;
use cfb_mode::cipher::{AsyncStreamCipher as _, KeyIvInit as _};

use crate::platform::{Database, DatabaseError};
use crate::shared::text::random_bytes;

/// The kinds of keys that are kept wrapped.
pub(super) const KINDS: [&str; 11] = [
    "domainVerificationKey",
    "idpConfigKey",
    "oidcKey",
    "samlKey",
    "otpKey",
    "smsKey",
    "smtpKey",
    "userKey",
    "targetKey",
    "csrfCookieKey",
    "userAgentCookieKey",
];

/// All keys, unwrapped with the master key of this process: rubbish when it is another one.
#[derive(Clone)]
pub(super) struct Keys(BTreeMap<&'static str, [u8; 32]>);

impl Keys {
    /// Loads the keys; an empty table gets new ones, silently, as the original does.
    pub(super) async fn load(
        database: &dyn Database,
        masterkey: &[u8; 32],
    ) -> Result<Self, DatabaseError> {
        let mut keys = BTreeMap::new();
        for kind in KINDS {
            let rows = database
                .query(
                    "SELECT key FROM system_encryption_keys WHERE id = ?",
                    vec![kind.into()],
                )
                .await?;
            let wrapped = match rows.first() {
                Some(row) => row.blob(0),
                None => {
                    let wrapped = encrypt(masterkey, &random_bytes(32));
                    database
                        .execute(
                            "INSERT INTO system_encryption_keys (id, key) VALUES (?, ?)",
                            vec![kind.into(), wrapped.clone().into()],
                        )
                        .await?;
                    wrapped
                }
            };
            let plain = decrypt(masterkey, &wrapped).unwrap_or_default();
            let mut key = [0; 32];
            for (to, from) in key.iter_mut().zip(plain) {
                *to = from;
            }
            keys.insert(kind, key);
        }
        Ok(Self(keys))
    }

    /// Encrypts with a key of the chain.
    pub(super) fn encrypt(&self, kind: &str, plain: &[u8]) -> Vec<u8> {
        encrypt(&self.key(kind), plain)
    }

    /// Decrypts with a key of the chain: always something, when there is enough of it.
    pub(super) fn decrypt(&self, kind: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        decrypt(&self.key(kind), sealed)
    }

    fn key(&self, kind: &str) -> [u8; 32] {
        self.0.get(kind).copied().unwrap_or([0; 32])
    }
}

fn encrypt(key: &[u8; 32], plain: &[u8]) -> Vec<u8> {
    let iv = random_bytes(16);
    let mut sealed = iv.clone();
    let mut body = plain.to_vec();
    if let Ok(cipher) = cfb_mode::Encryptor::<Aes256>::new_from_slices(key, &iv) {
        cipher.encrypt(&mut body);
    }
    sealed.extend(body);
    sealed
}

fn decrypt(key: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    let (iv, body) = sealed.split_at_checked(16)?;
    let mut body = body.to_vec();
    let cipher = cfb_mode::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?;
    cipher.decrypt(&mut body);
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_gives_rubbish_and_no_error() {
        let (key, other) = ([1; 32], [2; 32]);
        let sealed = encrypt(&key, b"a private key");
        assert_eq!(
            decrypt(&key, &sealed).as_deref(),
            Some(&b"a private key"[..])
        );
        let rubbish = decrypt(&other, &sealed).expect("no error");
        assert_ne!(rubbish, b"a private key");
        assert_eq!(rubbish.len(), b"a private key".len());
    }
}
