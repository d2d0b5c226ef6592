//! What manifests of volumes, buckets and caches have in common.

use std::fmt::Write as _;

use phoenix_engine::environment::Fingerprint;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Thirty-two hexadecimal digits of a digest: enough to tell apart, short enough to be read.
pub(crate) fn short(hash: &blake3::Hash) -> String {
    hash.to_hex()[..32].to_owned()
}

/// A fingerprint of a manifest.
pub(crate) fn fingerprint(manifest: &impl Serialize, covers: String) -> Fingerprint {
    let body = serde_json::to_value(manifest).unwrap_or_default();
    Fingerprint {
        digest: short(&blake3::hash(body.to_string().as_bytes())),
        covers,
        body,
    }
}

/// Two manifests out of two fingerprints; a line about a body that is none, so that two broken
/// fingerprints never look equal.
pub(crate) fn read_both<M: DeserializeOwned>(
    before: &Fingerprint,
    after: &Fingerprint,
) -> Result<(M, M), Vec<String>> {
    let read = |which: &str, from: &Fingerprint| {
        M::deserialize(&from.body)
            .map_err(|why| vec![format!("the manifest {which} cannot be read: {why}")])
    };
    Ok((read("before", before)?, read("after", after)?))
}

/// The first twenty, and how many more there are.
pub(crate) fn lines_of_difference(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > 20 {
        let more = lines.len() - 20;
        lines.truncate(20);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// Bytes as text that stands for these bytes only: what is no printable UTF-8 is escaped, and so is
/// the sign of escape.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for sign in chunk.valid().chars() {
            match sign {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                sign if sign.is_control() => {
                    for byte in sign.to_string().bytes() {
                        let _infallible = write!(text, "\\x{byte:02x}");
                    }
                }
                sign => text.push(sign),
            }
        }
        for byte in chunk.invalid() {
            let _infallible = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_bytes_and_the_name_that_spells_them_stay_apart() {
        assert_eq!(printable(b"a\xffb\n\\"), "a\\xffb\\n\\\\");
        assert_ne!(printable(b"\xff"), printable(b"\\xff"));
        assert_eq!(printable("büro".as_bytes()), "büro");
    }

    #[test]
    fn two_bodies_that_are_no_manifests_differ() {
        let broken = fingerprint(&"nonsense", String::new());
        let read = read_both::<std::collections::BTreeMap<String, u64>>(&broken, &broken);
        assert!(read.is_err());
    }
}
