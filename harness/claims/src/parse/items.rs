//! Lists: tasks, links, and gaps of teams that write them as nested items.

use super::Source;
use super::blocks::Item;
use super::fields;
use super::sections::Draft;
use super::words::{FAILS, LINKS, SUCCESS, WORKS, has_word, says, severity};
use crate::document::{ClaimKind, Document, Reference, Says, Severity, Span, Task};

/// What the items of a list are by the heading above them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// What works, as far as an item does not say otherwise.
    Works,
    /// What does not.
    Gaps,
    /// What success means.
    Criteria,
    /// Anything: only an item with the fields of a gap is a claim.
    Other,
}

impl Sort {
    /// By a heading; `None` when it says nothing of it. What fails is asked first: "not working".
    pub(super) fn of(heading: &str) -> Option<Self> {
        if has_word(heading, FAILS) {
            Some(Self::Gaps)
        } else if has_word(heading, SUCCESS) {
            Some(Self::Criteria)
        } else if has_word(heading, WORKS) {
            Some(Self::Works)
        } else {
            None
        }
    }
}

/// Where a list stands.
pub(super) struct Place<'a> {
    /// The heading above it.
    pub(super) section: &'a str,
    /// The nearest severity above it, with its theme.
    pub(super) severity: Option<&'a (Severity, String)>,
    /// Whether claims may stand there.
    pub(super) claims: bool,
    /// What the items are.
    pub(super) sort: Sort,
}

/// Reads a list.
pub(super) fn read(
    source: &Source<'_>,
    items: &[Item],
    place: &Place<'_>,
    document: &mut Document,
    drafts: &mut Vec<Draft>,
) {
    for item in items {
        let span = source.span(item.range.start, item.range.end);
        if let Some(done) = item.task {
            document.tasks.push(Task {
                text: item.inline.trimmed(),
                done,
                span,
            });
        }
        if has_word(place.section, LINKS) {
            for (text, target) in &item.inline.links {
                let (text, target) = (text.clone(), target.clone());
                document.references.push(Reference { text, target, span });
            }
        }
        let own = fields::of_items(source, &item.children);
        let title = item.inline.text.trim().lines().next().unwrap_or("").trim();
        let (level, rest) = match severity(title) {
            Some((level, rest)) if !rest.is_empty() => (Some(level), rest),
            Some((level, _)) => (Some(level), title.to_owned()),
            None => (None, title.to_owned()),
        };
        // One field is enough where a heading or the item itself says that it is a gap.
        let told = place.sort == Sort::Gaps || level.is_some();
        let fields_min = if told { 1 } else { 2 };
        let is_leaf = item.children.is_empty() && item.task.is_none();
        if !place.claims || title.is_empty() {
            read(source, &item.children, place, document, drafts);
        } else if fields::known(&own) >= fields_min || (is_leaf && place.sort == Sort::Gaps) {
            let mut draft = Draft::new(ClaimKind::Gap, rest, span);
            draft.says = Says::Broken;
            draft.severity = level.or(place.severity.map(|(level, _)| *level));
            draft.theme = place
                .severity
                .map(|(_, theme)| theme.clone())
                .filter(|t| !t.is_empty());
            draft.set_fields(own);
            drafts.push(placed(draft, item, place));
        } else if is_leaf && place.sort != Sort::Other {
            drafts.push(placed(plain(title, span, place.sort), item, place));
        } else {
            read(source, &item.children, place, document, drafts);
        }
    }
}

fn placed(mut draft: Draft, item: &Item, place: &Place<'_>) -> Draft {
    draft.section = Some(place.section.to_owned()).filter(|text| !text.is_empty());
    draft.comments = item.inline.comments.clone();
    draft
}

/// A line of a list of what works or of what success means: `Backups of the wiki: yes`.
fn plain(title: &str, span: Span, sort: Sort) -> Draft {
    if sort == Sort::Criteria {
        return Draft::new(ClaimKind::Criterion, title.to_owned(), span);
    }
    let parted = [": ", " – ", " — ", " - "]
        .iter()
        .find_map(|mark| title.split_once(mark));
    let (name, said) = match parted {
        Some((name, rest)) if says(rest).is_some() => (name, says(rest)),
        _ => (title, None),
    };
    let mut draft = Draft::new(ClaimKind::Capability, name.trim().to_owned(), span);
    draft.says = said.unwrap_or(Says::Works);
    draft.notes = parted.map_or(String::new(), |(_, rest)| rest.trim().to_owned());
    draft
}
