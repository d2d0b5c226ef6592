//! Ids and tokens: 26 characters of the alphabet that upstream uses (z-base-32).

use crate::shared::text::random_from;

const ALPHABET: &[u8] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// A new id.
pub(super) fn id() -> String {
    random_from(ALPHABET, 26)
}

/// Whether a text could be an id: 26 letters or digits.
pub(super) fn valid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
