//! Lists: tasks, links, and gaps of teams that write them as nested items.

use super::Source;
use super::blocks::Item;
use super::fields;
use super::sections::Draft;
use super::words::{LINKS, has_word, severity};
use crate::document::{ClaimKind, Document, Reference, Says, Severity, Task};

/// Where a list stands.
pub(super) struct Place<'a> {
    /// The heading above it.
    pub(super) section: &'a str,
    /// The nearest severity above it, with its theme.
    pub(super) severity: Option<&'a (Severity, String)>,
    /// Whether gaps may stand there.
    pub(super) gaps: bool,
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
        if place.gaps && !title.is_empty() && fields::known(&own) >= 2 {
            let (level, title) = match severity(title) {
                Some((level, rest)) if !rest.is_empty() => (Some(level), rest),
                Some((level, _)) => (Some(level), title.to_owned()),
                None => (None, title.to_owned()),
            };
            let mut draft = Draft::new(ClaimKind::Gap, title, span);
            draft.says = Says::Broken;
            draft.severity = level.or(place.severity.map(|(level, _)| *level));
            draft.theme = place
                .severity
                .map(|(_, theme)| theme.clone())
                .filter(|t| !t.is_empty());
            draft.section = Some(place.section.to_owned()).filter(|text| !text.is_empty());
            draft.comments = item.inline.comments.clone();
            draft.set_fields(own);
            drafts.push(draft);
        } else {
            read(source, &item.children, place, document, drafts);
        }
    }
}
