//! From what an application or a store answered to what was observed of a canary.

use std::collections::BTreeMap;

use phoenix_evidence::payload;
use phoenix_evidence::verdict::Observed;

use super::Cycle;
use super::state::Known;
use crate::application::{Content, Seen};
use crate::environment::DirectCopy;
use crate::words::first_bytes;

impl Cycle<'_> {
    pub(super) async fn observe(
        &self,
        known: &Known,
        store: &str,
        seen: &Seen,
        stands_as: Option<&str>,
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
    ) -> Observed {
        match seen {
            Seen::Absent => Observed::Absent,
            Seen::Present(contents) => self.recognise(known, contents),
            Seen::Unreadable {
                decryption: false, ..
            }
            | Seen::Unreachable {
                token_dead: false, ..
            } => Observed::Unreachable,
            // Nobody came as far as to ask; a store that reads well and does not hold it answers.
            Seen::NoLogin { .. } => {
                let text = stands_as.unwrap_or(&known.marker);
                match self.environment.find_text(store, text).await {
                    Ok(false) if self.keyless_reads(store, direct) => Observed::Absent,
                    _ => Observed::Unreachable,
                }
            }
            // The key's error, or the error with which the harness's own token died of it: it is
            // there if a direct read finds it, and the key is to blame only if what needs no key
            // reads well in the same store.
            Seen::Unreadable {
                decryption: true, ..
            }
            | Seen::Unreachable {
                token_dead: true, ..
            } => {
                let text = stands_as.unwrap_or(&known.marker);
                let found = self.environment.find_text(store, text).await;
                let reads = self.keyless_reads(store, direct);
                let keyless_reads = reads && self.key_changed(known);
                match found {
                    // The store itself was read, well, and does not hold it: that is an answer,
                    // whatever became of the key.
                    Ok(false) if reads => Observed::Absent,
                    found => Observed::Undecryptable {
                        found_directly: found.unwrap_or(false),
                        keyless_reads,
                    },
                }
            }
        }
    }

    /// Whether a canary that needs no key reads well in this store.
    fn keyless_reads(
        &self,
        store: &str,
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
    ) -> bool {
        let Some(Some(copies)) = direct.get(store) else {
            return false;
        };
        copies.iter().any(|copy| {
            payload::find_markers(&copy.marker)
                .first()
                .is_some_and(|found| {
                    found.nonce == self.nonce
                        && copy.text == payload::text(self.seed, &self.nonce, found.id, 0)
                })
        })
    }

    /// Whether a key that this canary is read with has another value than before the disaster.
    fn key_changed(&self, known: &Known) -> bool {
        let Some(key) = self.key_of(known) else {
            return false;
        };
        let state = self.state();
        match (
            state.secrets_before.get(&key),
            state.secrets_after.get(&key),
        ) {
            (Some(before), Some(after)) => before != after,
            _ => false,
        }
    }

    /// The secret that a canary is read with: its own, or that of its service, which the harness's
    /// token needs.
    pub(super) fn key_of(&self, known: &Known) -> Option<String> {
        known.spec.key.clone().or_else(|| {
            let service = self.stack.service(known.spec.service.as_deref()?)?;
            self.stack.key_of(service).map(|secret| secret.name.clone())
        })
    }

    /// Which version a copy is, by the bytes that each version has.
    pub(super) fn recognise(&self, known: &Known, contents: &[Content]) -> Observed {
        let id = known.spec.id;
        let version_of = |content: &Content| match content {
            Content::Proved(version) => Some(*version),
            Content::Text(text) => (0..=known.newest)
                .find(|version| *text == payload::text(self.seed, &self.nonce, id, *version)),
            Content::Bytes(bytes) => (0..=known.newest)
                .find(|version| *bytes == payload::bytes(self.seed, id, *version, known.file_len)),
        };
        Observed::Present {
            version: contents.first().and_then(version_of),
            copies: u32::try_from(contents.len()).unwrap_or(u32::MAX),
            same: contents.windows(2).all(|pair| pair[0] == pair[1]),
        }
    }
}

pub(super) fn words_of(contents: &[Content]) -> String {
    match contents.first() {
        Some(Content::Text(text)) => first_bytes(text, 80),
        Some(Content::Bytes(bytes)) => {
            format!(
                "{} bytes, blake3 {}",
                bytes.len(),
                &blake3::hash(bytes).to_hex()[..12]
            )
        }
        Some(Content::Proved(version)) => format!("proved to be version {version}"),
        None => "nothing".to_owned(),
    }
}

pub(super) fn words_of_seen(seen: &Seen) -> String {
    match seen {
        Seen::Absent => "not there".to_owned(),
        Seen::Present(contents) => words_of(contents),
        Seen::Unreadable { error, .. } => first_bytes(error, 120),
        Seen::NoLogin { error, .. } => first_bytes(&format!("no login: {error}"), 120),
        Seen::Unreachable { why, .. } => first_bytes(why, 120),
    }
}
