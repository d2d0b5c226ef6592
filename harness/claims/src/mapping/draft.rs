//! Proposing which check answers which claim, for a person to approve. A proposal never counts.

use phoenix_evidence::finding::{CheckKind, Subject};
use serde::{Deserialize, Serialize};

use super::subject_name;
use crate::document::{Claim, ClaimKind, Document, Says};

/// The names of an environment file, each with the words that people use for it: a title, an
/// engine, a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// What has a name.
    pub subjects: Vec<(Subject, Vec<String>)>,
}

/// A check that may answer a claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Path of the document.
    pub document: String,
    /// Id of the claim.
    pub claim: String,
    /// Title of the claim.
    pub title: String,
    /// Line of the claim, from 1.
    pub line: u32,
    /// The check.
    pub check: CheckKind,
    /// On what; `None` means on everything.
    pub subject: Option<Subject>,
    /// The words that led there.
    pub why: String,
    /// From 0 to 1.
    pub score: f64,
}

/// Words that say what a claim is about, and the check that answers such a claim.
const TOPICS: &[(&[&str], CheckKind)] = &[
    (&["isolat"], CheckKind::Isolation),
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
        &["create", "provision", "rebuild", "infrastructure"],
        CheckKind::Rebuild,
    ),
];

const CRITERIA: &[(&[&str], CheckKind)] = &[
    (&["loss", "lost"], CheckKind::DataLoss),
    (&["rpo", "recovery point"], CheckKind::Rpo),
    (&["manual", "by hand"], CheckKind::ManualSteps),
    (&["time", "rto", "duration", "minutes"], CheckKind::Rto),
];

/// The share of the best score that is still worth showing.
const NEAR_BEST: f64 = 0.75;

/// The least score that is worth showing.
const SCORE_MIN: f64 = 0.3;

/// Proposes checks for the claims of a document, best first within each claim.
#[must_use]
pub fn draft_mapping(document: &Document, names: &Names) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    for claim in &document.claims {
        // What a person tied, or said cannot be tested, needs no proposal.
        if !claim.ties.is_empty() {
            continue;
        }
        let mut found = match claim.kind {
            ClaimKind::Criterion => topic(claim, CRITERIA),
            ClaimKind::Capability => topic(claim, TOPICS),
            ClaimKind::TranscriptLine if claim.says == Says::Works => topic(claim, TOPICS),
            ClaimKind::TranscriptLine | ClaimKind::Risk | ClaimKind::Gap => subjects(claim, names),
        };
        found.sort_by(|left, right| right.2.total_cmp(&left.2));
        // What fits much worse than the best is noise.
        let best = found.first().map_or(0.0, |best| best.2);
        found.retain(|(_, _, score, _)| *score >= best * NEAR_BEST);
        suggestions.extend(
            found
                .into_iter()
                .map(|(check, subject, score, why)| Suggestion {
                    document: document.path.clone(),
                    claim: claim.id.clone(),
                    title: claim.title.clone(),
                    line: claim.span.line,
                    check,
                    subject,
                    why,
                    score,
                }),
        );
    }
    suggestions
}

type Found = (CheckKind, Option<Subject>, f64, String);

/// The first topic whose words stand in the title, else in the notes.
fn topic(claim: &Claim, topics: &[(&[&str], CheckKind)]) -> Vec<Found> {
    let places = [
        (claim.title.to_lowercase(), 0.8),
        (claim.notes.to_lowercase(), 0.4),
    ];
    for (text, score) in places {
        for (words, check) in topics {
            if let Some(word) = words.iter().find(|word| text.contains(**word)) {
                return vec![(*check, None, score, format!("it speaks of \"{word}\""))];
            }
        }
    }
    Vec::new()
}

/// Every subject whose name shares words with the claim.
fn subjects(claim: &Claim, names: &Names) -> Vec<Found> {
    let title = words(&claim.title);
    let mut body = words(&claim.notes);
    for field in &claim.fields {
        body.extend(words(&field.value));
    }
    let mut found = Vec::new();
    for (subject, aliases) in &names.subjects {
        let own = words(subject_name(subject));
        let mut wanted = own.clone();
        wanted.extend(aliases.iter().flat_map(|alias| words(alias)));
        wanted.sort();
        wanted.dedup();
        let in_title: Vec<_> = wanted.iter().filter(|word| title.contains(word)).collect();
        let in_body: Vec<_> = wanted
            .iter()
            .filter(|word| !title.contains(word) && body.contains(word))
            .collect();
        // Few words decide: a short name that is there whole says more than one word of a long one.
        let weight = in_title.len() as f64 + 0.5 * in_body.len() as f64;
        let score = (weight / (own.len().max(1) as f64)).min(1.0);
        if score < SCORE_MIN {
            continue;
        }
        let Some(check) = check_for(claim, subject) else {
            continue;
        };
        let shared: Vec<_> = in_title
            .iter()
            .chain(&in_body)
            .map(|word| word.as_str())
            .collect();
        let why = format!("it shares \"{}\"", shared.join("\", \""));
        found.push((check, Some(subject.clone()), score, why));
    }
    found
}

/// The check that a gap about such a subject calls for.
fn check_for(claim: &Claim, subject: &Subject) -> Option<CheckKind> {
    let text = format!("{} {}", claim.title, claim.notes).to_lowercase();
    match subject {
        Subject::Store(_) | Subject::Secret(_) => Some(CheckKind::Survival),
        Subject::ManualStep(_) => Some(CheckKind::ManualStep),
        Subject::Service(_) if text.contains("health") => Some(CheckKind::Health),
        Subject::Service(_)
            if ["login", "log in", "sso", "oidc"]
                .iter()
                .any(|w| text.contains(w)) =>
        {
            Some(CheckKind::Login)
        }
        Subject::Service(_) if claim.says == Says::Works => Some(CheckKind::Health),
        Subject::Service(_) | Subject::Stack => None,
    }
}

/// The words of a text in lower case, without the ones that say nothing.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 1)
        .map(|word| {
            let word = word.to_lowercase();
            // `uploads` is `upload`, but `efs` is no plural.
            if word.len() > 3 {
                word.trim_end_matches('s').to_owned()
            } else {
                word
            }
        })
        .filter(|word| !DULL.contains(&word.as_str()))
        .collect();
    words.sort();
    words.dedup();
    words
}

const DULL: &[&str] = &[
    "the", "and", "of", "no", "not", "is", "in", "on", "for", "to", "with", "data", "store", "a",
];

/// The proposals as YAML to paste under `gaps:` of an environment file, with the reasons as
/// comments. Several proposals for one claim are one entry each check, best first.
#[must_use]
pub fn draft_yaml(suggestions: &[Suggestion]) -> String {
    let mut out = String::from(
        "# Proposed by words alone. Nothing here counts until a person has read it, corrected it\n\
         # and put it into the environment file.\ngaps:\n",
    );
    let mut at = 0;
    while at < suggestions.len() {
        let first = &suggestions[at];
        let same = |s: &&Suggestion| s.document == first.document && s.claim == first.claim;
        let group: Vec<_> = suggestions[at..].iter().take_while(same).collect();
        out.push_str(&format!(
            "  # {}:{} {}\n",
            first.document, first.line, first.title
        ));
        let mut checks: Vec<(CheckKind, Vec<&str>)> = Vec::new();
        for suggestion in &group {
            let name = suggestion.subject.as_ref().map_or("all", subject_name);
            let check = check_name(suggestion.check);
            let score = suggestion.score * 100.0;
            out.push_str(&format!(
                "  #   {check}: {name}, {score:.0} %: {}\n",
                suggestion.why
            ));
            match checks
                .iter_mut()
                .find(|(known, _)| *known == suggestion.check)
            {
                Some((_, names)) => names.push(name),
                None => checks.push((suggestion.check, vec![name])),
            }
        }
        let checks: Vec<_> = checks
            .iter()
            .map(|(check, names)| {
                let check = check_name(*check);
                match names.as_slice() {
                    [one] => format!("{check}: {}", quoted(one)),
                    several => {
                        let several: Vec<_> = several.iter().map(|name| quoted(name)).collect();
                        format!("{check}: [{}]", several.join(", "))
                    }
                }
            })
            .collect();
        out.push_str(&format!(
            "  {}: {{ {} }}\n",
            quoted(&first.claim),
            checks.join(", ")
        ));
        at += group.len();
    }
    if suggestions.is_empty() {
        out.push_str("  {}\n");
    }
    out
}

/// A YAML scalar that is read back as the same text.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The name of a check in an environment file.
#[must_use]
pub fn check_name(check: CheckKind) -> String {
    match serde_json::to_value(check) {
        Ok(serde_json::Value::String(name)) => name.replace('-', "_"),
        _ => format!("{check:?}").to_lowercase(),
    }
}
