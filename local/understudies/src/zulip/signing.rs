//! Signatures with the secret key: sessions, and the short-lived addresses of uploads.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

fn mac(key: &str, salt: &str, value: &str) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(salt.as_bytes());
    mac.update(b":");
    mac.update(value.as_bytes());
    Some(mac)
}

/// A value with its signature behind it.
pub(super) fn sign(key: &str, salt: &str, value: &str) -> String {
    let signature = mac(key, salt, value)
        .map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        .unwrap_or_default();
    format!("{}:{signature}", URL_SAFE_NO_PAD.encode(value))
}

/// The value, when this key signed it.
pub(super) fn unsign(key: &str, salt: &str, signed: &str) -> Option<String> {
    let (value, signature) = signed.split_once(':')?;
    let value = String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    mac(key, salt, &value)?.verify_slice(&signature).ok()?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::{sign, unsign};

    #[test]
    fn only_the_same_key_and_salt_open() {
        let signed = sign("key", "session", "42");
        assert_eq!(unsign("key", "session", &signed).as_deref(), Some("42"));
        assert_eq!(unsign("another", "session", &signed), None);
        assert_eq!(unsign("key", "upload", &signed), None);
    }
}
