//! Lists: tasks, links, and gaps of teams that write them as nested items.

use super::Source;
use super::blocks::Item;
use super::fields;
use super::sections::Draft;
use super::words::{LINKS, has_word, severity};
use crate::document::{ClaimKind, Document, Reference, Says, Task};

/// Reads a list. `gaps`: whether it stands where gaps stand.
pub(super) fn read(
    source: &Source<'_>,
    items: &[Item],
    section: &str,
    gaps: bool,
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
        if has_word(section, LINKS) {
            for (text, target) in &item.inline.links {
                let (text, target) = (text.clone(), target.clone());
                document.references.push(Reference { text, target, span });
            }
        }
        let own = fields::of_items(source, &item.children);
        let title = item.inline.text.trim().lines().next().unwrap_or("").trim();
        if gaps && !title.is_empty() && fields::known(&own) >= 2 {
            let (level, title) = match severity(title) {
                Some((level, rest)) if !rest.is_empty() => (Some(level), rest),
                Some((level, _)) => (Some(level), title.to_owned()),
                None => (None, title.to_owned()),
            };
            let mut draft = Draft::new(ClaimKind::Gap, title, span);
            draft.says = Says::Broken;
            draft.severity = level;
            draft.section = Some(section.to_owned()).filter(|section| !section.is_empty());
            draft.comments = item.inline.comments.clone();
            draft.set_fields(own);
            drafts.push(draft);
        } else {
            read(source, &item.children, section, gaps, document, drafts);
        }
    }
}
