//! Laravel's `Encrypter`: AES-256-CBC with an HMAC-SHA-256 over nonce and cipher text, in base64
//! JSON `{"iv","value","mac","tag"}`. Cookies and `mfa_values.value` are sealed with it.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::Sha256;

/// `APP_KEY`: 32 bytes.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

/// What Laravel throws when a payload is not its own. The texts are upstream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnsealError {
    /// Not base64 JSON with the expected members.
    #[error("The payload is invalid.")]
    Payload,
    /// Sealed with another key, or changed.
    #[error("The MAC is invalid.")]
    Mac,
    /// The MAC fits and the padding does not.
    #[error("Could not decrypt the data.")]
    Cipher,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iv: String,
    value: String,
    mac: String,
    #[serde(default)]
    tag: String,
}

impl Key {
    /// Reads the variable as Laravel does: `base64:` and base64, or the bytes themselves.
    /// `None` is a key of a length that AES-256 does not take.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = match text.strip_prefix("base64:") {
            Some(encoded) => STANDARD.decode(encoded).ok()?,
            None => text.as_bytes().to_vec(),
        };
        bytes.try_into().ok().map(Self)
    }

    fn mac(&self, iv: &str, value: &str) -> Hmac<Sha256> {
        let mut mac = keyed::<Hmac<Sha256>>(&self.0);
        mac.update(iv.as_bytes());
        mac.update(value.as_bytes());
        mac
    }

    /// Seals a text.
    pub(super) fn seal(&self, text: &str) -> String {
        let mut iv = [0_u8; 16];
        rand::thread_rng().fill_bytes(&mut iv);
        let cipher = cbc::Encryptor::<aes::Aes256>::new(&self.0.into(), &iv.into());
        let value = STANDARD.encode(cipher.encrypt_padded_vec_mut::<Pkcs7>(text.as_bytes()));
        let iv = STANDARD.encode(iv);
        let mac = hexadecimal(&self.mac(&iv, &value).finalize().into_bytes());
        let json = serde_json::json!({ "iv": iv, "value": value, "mac": mac, "tag": "" });
        STANDARD.encode(json.to_string())
    }

    /// Opens what [`Key::seal`] made.
    pub(super) fn unseal(&self, sealed: &str) -> Result<String, UnsealError> {
        let json = STANDARD.decode(sealed).map_err(|_| UnsealError::Payload)?;
        let payload: Payload = serde_json::from_slice(&json).map_err(|_| UnsealError::Payload)?;
        let iv: [u8; 16] = STANDARD
            .decode(&payload.iv)
            .ok()
            .and_then(|iv| iv.try_into().ok())
            .ok_or(UnsealError::Payload)?;
        let given = from_hexadecimal(&payload.mac).ok_or(UnsealError::Payload)?;
        self.mac(&payload.iv, &payload.value)
            .verify_slice(&given)
            .map_err(|_| UnsealError::Mac)?;
        let value = STANDARD
            .decode(&payload.value)
            .map_err(|_| UnsealError::Payload)?;
        let plain = cbc::Decryptor::<aes::Aes256>::new(&self.0.into(), &iv.into())
            .decrypt_padded_vec_mut::<Pkcs7>(&value)
            .map_err(|_| UnsealError::Cipher)?;
        String::from_utf8(plain).map_err(|_| UnsealError::Cipher)
    }

    /// Seals a text in PHP's serialised form, as the helper `encrypt()` does.
    pub(super) fn seal_serialised(&self, text: &str) -> String {
        self.seal(&format!("s:{}:\"{text}\";", text.len()))
    }

    /// Opens what [`Key::seal_serialised`] made.
    pub(super) fn unseal_serialised(&self, sealed: &str) -> Result<String, UnsealError> {
        let plain = self.unseal(sealed)?;
        let body = plain
            .strip_prefix("s:")
            .and_then(|rest| rest.split_once(":\""));
        body.and_then(|(_length, rest)| rest.strip_suffix("\";"))
            .map(ToOwned::to_owned)
            .ok_or(UnsealError::Payload)
    }

    /// A cookie's value: sealed together with a prefix that binds it to the cookie's name.
    pub(super) fn seal_cookie(&self, name: &str, value: &str) -> String {
        self.seal(&format!("{}|{value}", self.cookie_prefix(name)))
    }

    /// The value of a cookie of that name, or `None` when this key did not seal it for that name.
    pub(super) fn unseal_cookie(&self, name: &str, sealed: &str) -> Option<String> {
        let plain = self.unseal(sealed).ok()?;
        let (prefix, value) = plain.split_once('|')?;
        (prefix == self.cookie_prefix(name)).then(|| value.to_owned())
    }

    fn cookie_prefix(&self, name: &str) -> String {
        let mut mac = keyed::<Hmac<Sha1>>(&self.0);
        mac.update(name.as_bytes());
        mac.update(b"v2");
        hexadecimal(&mac.finalize().into_bytes())
    }
}

/// An HMAC under a key of any length.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(super) fn keyed<M: Mac + hmac::digest::KeyInit>(key: &[u8]) -> M {
    <M as Mac>::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// Lower-case hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const OTHER: &str = "base64:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn another_key_fails_on_the_mac_and_the_same_key_opens() {
        let key = Key::parse(KEY).unwrap();
        let sealed = key.seal_serialised("JBSWY3DPEHPK3PXP");
        assert_eq!(key.unseal_serialised(&sealed).unwrap(), "JBSWY3DPEHPK3PXP");
        let other = Key::parse(OTHER).unwrap();
        assert_eq!(other.unseal_serialised(&sealed), Err(UnsealError::Mac));
        assert_eq!(key.unseal("bm90IGpzb24="), Err(UnsealError::Payload));
    }

    #[test]
    fn a_cookie_is_bound_to_its_name() {
        let key = Key::parse(KEY).unwrap();
        let sealed = key.seal_cookie("bookstack_session", "abc");
        assert_eq!(
            key.unseal_cookie("bookstack_session", &sealed).as_deref(),
            Some("abc")
        );
        assert_eq!(key.unseal_cookie("XSRF-TOKEN", &sealed), None);
    }

    #[test]
    fn only_thirty_two_bytes_are_a_key() {
        assert!(Key::parse("base64:AAEC").is_none());
        assert!(Key::parse("base64:%%%").is_none());
        assert!(Key::parse("0123456789abcdef0123456789abcdef").is_some());
    }
}
