//! Ids and ties: `<!-- phoenix: id -->` and `<!-- phoenix: survival zulip-efs -->`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use phoenix_evidence::finding::CheckKind;

use super::sections::Draft;
use super::{Source, digest};
use crate::document::{Claim, ClaimKind, Document, Warning};
use crate::mapping::{Selector, Tie, TiedCheck};

/// What a comment beside a claim means.
enum Annotation {
    Id(String),
    Tie(Tie),
    Odd(String),
}

/// Reads a comment; `None` when it is not addressed to phoenix.
fn annotation(comment: &str) -> Option<Annotation> {
    let text = comment.strip_prefix("phoenix:")?.trim();
    let mut words = text.split_whitespace();
    let (first, second, third) = (words.next(), words.next(), words.next());
    Some(match (first, second, third) {
        (Some("status"), None, _) => return None,
        (Some("not-testable"), Some(_), _) => {
            let reason = text["not-testable".len()..].trim().to_owned();
            Annotation::Tie(Tie {
                not_testable: Some(reason),
                ..Tie::default()
            })
        }
        (Some(id), None, _) if is_id(id) => Annotation::Id(id.to_owned()),
        (Some(check), Some(name), None) => match check_kind(check) {
            Some(check) => {
                let on = match name {
                    "all" => Selector::All,
                    name => Selector::Named(name.to_owned()),
                };
                let checks = vec![TiedCheck { check, on }];
                Annotation::Tie(Tie {
                    checks,
                    ..Tie::default()
                })
            }
            None => Annotation::Odd(format!("\"{check}\" is no check")),
        },
        _ => Annotation::Odd(format!(
            "\"{text}\" is neither an id nor a check with its subject"
        )),
    })
}

fn is_id(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

fn check_kind(name: &str) -> Option<CheckKind> {
    serde_json::from_value(serde_json::Value::String(name.replace('_', "-"))).ok()
}

/// Gives the drafts their ids, in two rounds: what people wrote is never taken by a slug.
pub(super) fn claims(source: &Source<'_>, mut drafts: Vec<Draft>, document: &mut Document) {
    drafts.sort_by_key(|draft| draft.span.start);
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut read: Vec<(Option<String>, Vec<Tie>)> = Vec::new();
    for draft in &drafts {
        let (mut id, mut ties) = (None, Vec::new());
        for comment in &draft.comments {
            let mut warn = |message: String, help: &str| {
                document.warnings.push(Warning {
                    line: draft.span.line,
                    message,
                    help: help.to_owned(),
                });
            };
            match annotation(comment) {
                None => {}
                Some(Annotation::Tie(tie)) => ties.push(tie),
                Some(Annotation::Id(_)) if id.is_some() => {
                    warn(format!("a second id for \"{}\"", draft.title), "keep one");
                }
                Some(Annotation::Id(found)) if !taken.insert(found.clone()) => warn(
                    format!("the id \"{found}\" is taken by an earlier claim"),
                    "give this claim an id of its own",
                ),
                Some(Annotation::Id(found)) => id = Some(found),
                Some(Annotation::Odd(what)) => warn(
                    format!("a comment to phoenix that is not understood: {what}"),
                    "write `phoenix: an-id`, or `phoenix: survival store-name`",
                ),
            }
        }
        read.push((id, ties));
    }
    let mut next = BTreeMap::new();
    let mut titles: BTreeMap<(ClaimKind, String), u32> = BTreeMap::new();
    for (draft, (id, ties)) in drafts.into_iter().zip(read) {
        let annotated = id.is_some();
        let id = id.unwrap_or_else(|| unique(slug(&draft.title), &mut taken, &mut next));
        let key = (draft.kind, draft.title.clone());
        match titles.get(&key) {
            Some(line) if draft.kind != ClaimKind::TranscriptLine && !annotated => {
                document.warnings.push(Warning {
                    line: draft.span.line,
                    message: format!("\"{}\" is already the title of line {line}", draft.title),
                    help: format!("name it by its id, `{id}`, or add `<!-- phoenix: your-id -->`"),
                });
            }
            Some(_) => {}
            None => {
                titles.insert(key, draft.span.line);
            }
        }
        if let Some(transcript) = draft
            .transcript
            .and_then(|at| document.transcripts.get_mut(at))
        {
            transcript.outcomes.push(id.clone());
        }
        let text = source.text[draft.span.start..draft.span.end].replace('\r', "");
        document.claims.push(Claim {
            id,
            annotated,
            kind: draft.kind,
            title: draft.title,
            span: draft.span,
            says: draft.says,
            tense: draft.tense,
            severity: draft.severity,
            theme: draft.theme,
            section: draft.section,
            notes: draft.notes,
            fields: draft.fields,
            locations: draft.locations,
            values: draft.values,
            ties,
            digest: digest(text.as_bytes()),
        });
    }
}

/// A title as an id.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "claim".to_owned()
    } else {
        slug.to_owned()
    }
}

/// The first free id of a slug. `next` remembers where to go on: a document of one title many times
/// must not cost the square of their number.
fn unique(slug: String, taken: &mut BTreeSet<String>, next: &mut BTreeMap<String, u32>) -> String {
    let n = next.entry(slug.clone()).or_insert(1);
    let mut id = slug.clone();
    while !taken.insert(id.clone()) {
        *n += 1;
        id = format!("{slug}-{n}");
    }
    id
}

/// What is odd about the document as a whole.
pub(super) fn finish(source: &Source<'_>, document: &mut Document) {
    if document.claims.is_empty() {
        document.warnings.push(Warning {
            line: source.line(source.base.min(source.text.len())),
            message: "no claim was found in this document".to_owned(),
            help:
                "a table with a status column, or headings with `Problem:` and `Fix:` below, make \
                   claims"
                    .to_owned(),
        });
    }
}
