//! Proposing which check answers which claim, for a person to approve. A proposal never counts.

use phoenix_evidence::finding::{CheckKind, Subject};
use serde::{Deserialize, Serialize};

use super::subject_name;
use super::topics::{CRITERIA, GAP_TOPICS, TOPICS, of_a_backup, topic};
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

/// The share of the best score that is still worth showing.
const NEAR_BEST: f64 = 0.85;

/// The least score that is worth showing.
const SCORE_MIN: f64 = 0.3;

/// The score from which a subject is taken to be meant.
const SURE: f64 = 0.45;

/// The least score of a subject to which a topic is narrowed: one common word in the title.
const KIND_MIN: f64 = 0.12;

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
            ClaimKind::Capability => capability(claim, names),
            ClaimKind::TranscriptLine if claim.says == Says::Works => capability(claim, names),
            ClaimKind::TranscriptLine | ClaimKind::Risk | ClaimKind::Gap => {
                let mut found = subjects(claim, names, SCORE_MIN);
                // An application alone, or nothing, is no answer to what a whole kind does.
                if found.iter().all(|(_, _, score, _)| *score < SURE) {
                    found.extend(topic(claim, GAP_TOPICS));
                }
                found
            }
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

pub(super) type Found = (CheckKind, Option<Subject>, f64, String);

/// What a capability speaks of: a topic, on the subjects that it names where there are any.
fn capability(claim: &Claim, names: &Names) -> Vec<Found> {
    let mut named = subjects(claim, names, KIND_MIN);
    let topics = topic(claim, TOPICS);
    let title_decides = topics.iter().any(|(_, _, score, _)| *score > SURE);
    if title_decides {
        let Some((check, _, score, why)) = topics.first() else {
            return topics;
        };
        named.retain(|(_, subject, _, _)| {
            matches!(
                (check, subject),
                (
                    CheckKind::RecoveryPoints
                        | CheckKind::Survival
                        | CheckKind::Loads
                        | CheckKind::Freshness
                        | CheckKind::Content,
                    Some(Subject::Store(_))
                ) | (
                    CheckKind::Login | CheckKind::Certificate,
                    Some(Subject::Service(_))
                )
            )
        });
        let best = named.iter().map(|found| found.2).fold(0.0, f64::max);
        named.retain(|found| found.2 >= best * NEAR_BEST);
        for found in &mut named {
            let words = found.3.trim_start_matches("it ");
            *found = (
                *check,
                found.1.clone(),
                *score,
                format!("{why}, and {words}"),
            );
        }
        return if named.is_empty() { topics } else { named };
    }
    named.retain(|found| found.2 >= SCORE_MIN);
    // A service that is named with one of its stores is not what the claim is about.
    let is_service = |found: &Found| matches!(found.1, Some(Subject::Service(_)));
    if !named.iter().all(is_service) {
        named.retain(|found| !is_service(found));
    }
    if named.is_empty() { topics } else { named }
}

/// Every subject whose name shares words with the claim's title, with its text below too. A word of
/// the name counts in full in the title and half in the text; words that people use for it count
/// half of that, and never more than one word of the name.
fn subjects(claim: &Claim, names: &Names, score_min: f64) -> Vec<Found> {
    let title = ClaimWords::of(&claim.title);
    let fields = claim.fields.iter().map(|field| field.value.as_str());
    let text: Vec<&str> = [claim.notes.as_str()].into_iter().chain(fields).collect();
    let body = ClaimWords::of(&text.join(". "));
    let mut found = Vec::new();
    for (subject, aliases) in &names.subjects {
        let own = words(subject_name(subject));
        let mut other: Vec<String> = aliases.iter().flat_map(|alias| words(alias)).collect();
        other.sort();
        other.dedup();
        other.retain(|word| !own.contains(word));
        let in_title = |word: &&String| title.has(word);
        let in_body = |word: &&String| !title.has(word) && body.has(word);
        let count = |of: &[String], test: &dyn Fn(&&String) -> bool| {
            of.iter().filter(|word| test(word)).count() as f64
        };
        // A manual step is known by its title rather than by its name.
        let is_step = matches!(subject, Subject::ManualStep(_));
        let alias = if is_step { 1.0 } else { 0.5 };
        let by_name = count(&own, &in_title) + 0.5 * count(&own, &in_body);
        let by_alias = alias * (count(&other, &in_title) + 0.5 * count(&other, &in_body));
        let shared: Vec<&str> = own
            .iter()
            .chain(&other)
            .filter(|word| title.has(word) || body.has(word))
            .map(String::as_str)
            .collect();
        let titled = own.iter().chain(&other).filter(in_title).count();
        // One word of a step's title is chance.
        let is_chance = titled == 0 || (is_step && titled < 2 && shared.len() < 3);
        let score = (by_name + by_alias.min(1.0)) / (own.len() as f64 + 1.0);
        if score < score_min || is_chance {
            continue;
        }
        let Some(check) = check_for(claim, subject) else {
            continue;
        };
        let why = format!("it shares \"{}\"", shared.join("\", \""));
        found.push((check, Some(subject.clone()), score, why));
    }
    found
}

/// The words of a part of a claim.
struct ClaimWords {
    single: Vec<String>,
    /// Two that stand side by side: a name may write them together, as in `masterkey`.
    pairs: Vec<String>,
}

impl ClaimWords {
    fn of(text: &str) -> Self {
        let single = words(text);
        let all: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let pairs = all.windows(2).map(<[String]>::concat).collect();
        Self { single, pairs }
    }

    fn has(&self, word: &str) -> bool {
        self.single.iter().any(|other| same_word(word, other))
            || self.pairs.iter().any(|pair| pair == word)
    }
}

/// Whether two words mean the same: `config` and `configuration`, `verify` and `verification`.
fn same_word(left: &str, right: &str) -> bool {
    let shared = left
        .chars()
        .zip(right.chars())
        .take_while(|(left, right)| left == right)
        .count();
    let shorter = left.chars().count().min(right.chars().count());
    left == right || (shared >= 5 && shared + 1 >= shorter)
}

/// The check that a gap about such a subject calls for.
fn check_for(claim: &Claim, subject: &Subject) -> Option<CheckKind> {
    let text = format!("{} {}", claim.title, claim.notes).to_lowercase();
    match subject {
        Subject::Store(_) => Some(of_a_backup(&text).map_or(CheckKind::Survival, |found| found.0)),
        Subject::Secret(_) => Some(CheckKind::Survival),
        Subject::ManualStep(_) => Some(CheckKind::ManualStep),
        Subject::Service(_) if text.contains("health") => Some(CheckKind::Health),
        Subject::Service(_)
            if ["login", "log in", "logging in", "sso", "sign-on"]
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
    "its", "it", "by", "at", "be", "are", "has", "had", "new", "old", "each", "other", "need",
    "from", "that", "this", "nobody",
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
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_plain) {
        return text.to_owned();
    }
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
