//! Time-based one-time codes (RFC 6238: HMAC-SHA-1, six digits, steps of 30 seconds), as an
//! authenticator on a person's telephone shows them.

use hmac::{Hmac, Mac};
use sha1::Sha1;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_S: i64 = 30;

/// The code of a base32 secret at a moment, in seconds since the Unix epoch; `None` for a secret
/// that is not base32.
pub(super) fn code_at(secret: &str, at_s: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(&base32_decoded(secret)?).ok()?;
    mac.update(&at_s.div_euclid(STEP_S).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    // The last four bits say where the four bytes of the code begin.
    let at = usize::from(digest.last()? & 0x0f);
    let word: [u8; 4] = digest.get(at..at + 4)?.try_into().ok()?;
    let number = (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000;
    Some(format!("{number:06}"))
}

fn base32_decoded(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u16, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let letter = letter.to_ascii_uppercase();
        let digit = ALPHABET.iter().position(|known| *known == letter)?;
        word = (word << 5) | u16::try_from(digit).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits).ok()?);
            word &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::code_at;

    /// Appendix B of RFC 6238, its eight digits cut to six; the secret is `12345678901234567890`.
    #[test]
    fn the_vectors_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (at_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(secret, at_s).as_deref(), Some(code), "{at_s}");
            assert_eq!(code_at(&secret.to_lowercase(), at_s).as_deref(), Some(code));
        }
        assert_eq!(code_at("GEZD1NBV", 59), None, "1 is no digit of base32");
    }
}
