//! The words that say what a claim is about.

use phoenix_evidence::finding::CheckKind;

use super::draft::Found;
use crate::document::Claim;

/// Parts of words, and the check that answers a claim in which one of them stands.
type Topic = (&'static [&'static str], CheckKind);

/// Words that say what a claim is about, and the check that answers such a claim.
pub(super) const TOPICS: &[Topic] = &[
    (&["isolat"], CheckKind::Isolation),
    // That data is there afterwards is seen in the data, whatever else the sentence names.
    (
        &[
            "surviv",
            "come back",
            "comes back",
            "intact",
            "lose nothing",
            "loses nothing",
            "not lost",
        ],
        CheckKind::Survival,
    ),
    (
        &[
            "login",
            "log in",
            "logging in",
            "logs in",
            "sign-on",
            "sign on",
            "sso",
        ],
        CheckKind::Login,
    ),
    (&["certificate", "tls", "https"], CheckKind::Certificate),
    (
        &["destroy", "teardown", "orphan", "clean"],
        CheckKind::Destruction,
    ),
    (
        &["backup", "snapshot", "retention"],
        CheckKind::RecoveryPoints,
    ),
    (
        &["secret", "password", "credential"],
        CheckKind::SecretRegenerated,
    ),
    (
        &[
            "create",
            "provision",
            "rebuild",
            "infrastructure",
            "terraform",
        ],
        CheckKind::Rebuild,
    ),
];

/// Words of gaps about a whole kind of thing, where none of it is named.
pub(super) const GAP_TOPICS: &[Topic] = &[
    (
        &["encryption key", "keys", "secret", "decrypt"],
        CheckKind::SecretPreserved,
    ),
    (&["login", "logs in", "log in", "sso"], CheckKind::Login),
    (&["backup", "snapshot"], CheckKind::RecoveryPoints),
];

/// Words of criteria.
pub(super) const CRITERIA: &[Topic] = &[
    (&["loss", "lost"], CheckKind::DataLoss),
    (&["rpo", "recovery point"], CheckKind::Rpo),
    (&["manual", "by hand"], CheckKind::ManualSteps),
    (&["time", "rto", "duration", "minutes"], CheckKind::Rto),
];

/// Words for what a backup is in.
const BACKUPS: &[&str] = &["backup", "backups", "dump", "dumps", "archive", "archives"];

/// What is said of a backup itself, in whole words: such a claim is answered by one that is restored
/// and looked at, whoever made it. That a store *can be restored* is none: that is said of a stack.
const OF_BACKUPS: &[Topic] = &[
    (
        &[
            "load",
            "loads",
            "loaded",
            "loadable",
            "readable",
            "restorable",
            "never restored",
            "never been restored",
        ],
        CheckKind::Loads,
    ),
    (
        &[
            "fresh",
            "freshness",
            "stale",
            "outdated",
            "up to date",
            "out of date",
            "no older than",
            "not older than",
            "how old",
            "age",
        ],
        CheckKind::Freshness,
    ),
    (
        &[
            "contain", "contains", "complete", "holds", "hold", "content", "contents",
        ],
        CheckKind::Content,
    ),
];

/// The check that answers what a text says of a backup itself, and the word that says it.
pub(super) fn of_a_backup(text: &str) -> Option<(CheckKind, &'static str)> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if !words.iter().any(|word| BACKUPS.contains(&word.as_str())) {
        return None;
    }
    let text = format!(" {} ", words.join(" "));
    OF_BACKUPS.iter().find_map(|(words, check)| {
        let said = words
            .iter()
            .find(|word| text.contains(&format!(" {word} ")));
        said.map(|word| (*check, *word))
    })
}

/// The first topic whose words stand in the title, else in the notes.
pub(super) fn topic(claim: &Claim, topics: &[Topic]) -> Vec<Found> {
    let places = [
        (claim.title.to_lowercase(), 0.8),
        (claim.notes.to_lowercase(), 0.4),
    ];
    for (text, score) in places {
        if let Some((check, word)) = of_a_backup(&text) {
            let why = format!("it speaks of a backup and of \"{word}\"");
            return vec![(check, None, score, why)];
        }
        for (words, check) in topics {
            if let Some(word) = words.iter().find(|word| text.contains(**word)) {
                return vec![(*check, None, score, format!("it speaks of \"{word}\""))];
            }
        }
    }
    Vec::new()
}
