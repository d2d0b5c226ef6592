//! Time-based one-time codes (RFC 6238: HMAC-SHA-1, six digits, 30 seconds), as BookStack's
//! authenticator method uses them.

use hmac::{Hmac, Mac};
use rand::RngCore;
use sha1::Sha1;

use super::sealing::keyed;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_S: i64 = 30;

/// A new secret: 20 random bytes in base32, 32 characters.
pub(super) fn generate_secret() -> String {
    let mut bytes = [0_u8; 20];
    rand::thread_rng().fill_bytes(&mut bytes);
    let mut text = String::with_capacity(32);
    for chunk in bytes.chunks_exact(5) {
        let word = chunk
            .iter()
            .fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        for shift in (0..8).rev() {
            let digit = usize::try_from((word >> (shift * 5)) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET[digit]));
        }
    }
    text
}

/// Whether a code is the secret's now, one step ago or one step ahead.
pub(super) fn verifies(secret: &str, code: &str, now_s: i64) -> bool {
    (-1..=1).any(|drift| code_at(secret, now_s + drift * STEP_S).as_deref() == Some(code))
}

/// The code at a moment, in seconds since the Unix epoch; `None` if the secret is not base32.
fn code_at(secret: &str, at_s: i64) -> Option<String> {
    let key = base32_decoded(secret)?;
    let mut mac = keyed::<Hmac<Sha1>>(&key);
    mac.update(&at_s.div_euclid(STEP_S).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]);
    Some(format!("{:06}", (word & 0x7fff_ffff) % 1_000_000))
}

fn base32_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut word, mut bits) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let digit = ALPHABET
            .iter()
            .position(|known| *known == letter.to_ascii_uppercase())?;
        word = (word << 5) | u32::try_from(digit).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((word >> bits) & 0xff).ok()?);
            word &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix B of RFC 6238, its eight digits cut to six; the secret is
    /// `12345678901234567890` in base32.
    #[test]
    fn the_rfc_vectors() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (at_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(secret, at_s).as_deref(), Some(code));
            assert!(verifies(secret, code, at_s + 30));
            assert!(!verifies(secret, code, at_s + 90));
        }
    }

    #[test]
    fn a_new_secret_is_base32_of_twenty_bytes() {
        let secret = generate_secret();
        assert_eq!(base32_decoded(&secret).unwrap().len(), 20);
        assert_ne!(secret, generate_secret());
    }
}
