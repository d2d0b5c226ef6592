//! What is written into a canary. Everything derives from (run seed, canary, version), so that the
//! ledger alone is enough to verify what comes back.

use crate::canary::{CanaryId, Version};

/// The short name of a canary: `phx-1a2b3c4d-000123`. Safe in titles, user names and file names.
#[must_use]
pub fn marker(nonce: &str, id: CanaryId) -> String {
    format!("phx-{nonce}-{:06}", id.0)
}

/// The name of the write that shows that a service takes writes again. No canary: nothing is asked of it
/// later but whether a restart keeps it.
#[must_use]
pub fn first_write(round: u32, nonce: &str, service: &str) -> String {
    format!("first{round}-{nonce}-{service}")
}

/// Whether a text is that of such a write, of any run.
#[must_use]
pub fn has_first_write(text: &str) -> bool {
    text.match_indices("first").any(|(at, word)| {
        let rest = &text[at + word.len()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let nonce = rest[digits..]
            .strip_prefix('-')
            .and_then(|rest| rest.get(..9));
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        digits > 0
            && nonce
                .is_some_and(|nonce| nonce.ends_with('-') && nonce.bytes().take(8).all(hexadecimal))
    })
}

/// The text of a version: its marker and version, a few words to search for, characters that a
/// careless dump loses (four bytes, combining, right to left), and a check digest at the end, so
/// that a text cut short is seen.
#[must_use]
pub fn text(seed: u64, nonce: &str, id: CanaryId, version: Version) -> String {
    const WORDS: [&str; 8] = [
        "ember", "hearth", "kindling", "furnace", "beacon", "lantern", "torch", "cinder",
    ];
    let digest = digest(seed, id, version);
    let word = |at: usize| WORDS[usize::from(digest.as_bytes()[at]) % WORDS.len()];
    format!(
        "{}.v{version} {} {} {} 🔥 n\u{303}a אש {}",
        marker(nonce, id),
        word(0),
        word(1),
        word(2),
        &digest.to_hex()[..12]
    )
}

/// The bytes of a version's file: as random as a digest, so that nothing else makes them.
#[must_use]
pub fn bytes(seed: u64, id: CanaryId, version: Version, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    keyed(seed, id, version).finalize_xof().fill(&mut bytes);
    bytes
}

/// A marker found in a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// Nonce of the run that wrote it.
    pub nonce: String,
    /// The canary.
    pub id: CanaryId,
}

/// Every marker in a text, in order, repeated where it is repeated.
#[must_use]
pub fn find_markers(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("phx-") {
        rest = &rest[at + 4..];
        let Some(nonce) = rest.get(..8) else { continue };
        if !nonce
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        {
            continue;
        }
        let Some(number) = rest[8..].strip_prefix('-') else {
            continue;
        };
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        if digits < 6 {
            continue;
        }
        if let Ok(id) = number[..digits].parse() {
            found.push(Found {
                nonce: nonce.to_owned(),
                id: CanaryId(id),
            });
        }
        rest = &number[digits..];
    }
    found
}

fn keyed(seed: u64, id: CanaryId, version: Version) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key("phoenix canary payload v1");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&id.0.to_le_bytes());
    hasher.update(&version.to_le_bytes());
    hasher
}

fn digest(seed: u64, id: CanaryId, version: Version) -> blake3::Hash {
    keyed(seed, id, version).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_write_is_known_in_any_text() {
        let text = format!("<p>é{}</p>", first_write(12, "0a1b2c3d", "web"));
        assert!(has_first_write(&text));
        for other in [
            "first",
            "first-0a1b2c3d-web",
            "first1-0a1b2c3d",
            "first1-xyzxyzxy-web",
            "first1-0a1b2cé",
        ] {
            assert!(!has_first_write(other), "{other}");
        }
    }

    #[test]
    fn markers_are_found_in_any_text() {
        let text = format!(
            "<p>{} and {}x</p> phx-zzzzzzzz-000001 phx-0000",
            marker("0a1b2c3d", CanaryId(7)),
            marker("ffffffff", CanaryId(1_234_567))
        );
        let found = find_markers(&text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0],
            Found {
                nonce: "0a1b2c3d".into(),
                id: CanaryId(7)
            }
        );
        assert_eq!(found[1].id, CanaryId(1_234_567));
    }

    #[test]
    fn payloads_differ_by_seed_canary_and_version() {
        let base = bytes(1, CanaryId(1), 0, 64);
        assert_eq!(base, bytes(1, CanaryId(1), 0, 64));
        assert_ne!(base, bytes(2, CanaryId(1), 0, 64));
        assert_ne!(base, bytes(1, CanaryId(2), 0, 64));
        assert_ne!(base, bytes(1, CanaryId(1), 1, 64));
        assert_ne!(
            text(1, "00000000", CanaryId(1), 0),
            text(1, "00000000", CanaryId(1), 1)
        );
    }
}
