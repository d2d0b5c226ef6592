//! Walking the blocks under their headings.

use super::blocks::{Block, Inline, Item, Kind, TextLine};
use super::words::{PLAN, has_word, percent, severity};
use super::{Source, fields, items, tables, transcript};
use crate::document::{
    ClaimKind, Document, Field, Location, NamedValue, PlanItem, Says, Severity, Span,
    StatusPercent, Tense, Warning,
};

/// A claim before it has its id.
pub(super) struct Draft {
    pub(super) kind: ClaimKind,
    pub(super) title: String,
    pub(super) span: Span,
    pub(super) says: Says,
    pub(super) tense: Tense,
    pub(super) severity: Option<Severity>,
    pub(super) theme: Option<String>,
    pub(super) section: Option<String>,
    pub(super) notes: String,
    pub(super) fields: Vec<Field>,
    pub(super) locations: Vec<Location>,
    pub(super) values: Vec<NamedValue>,
    pub(super) comments: Vec<String>,
    /// Index of the transcript that it is a line of.
    pub(super) transcript: Option<usize>,
}

impl Draft {
    pub(super) fn new(kind: ClaimKind, title: String, span: Span) -> Self {
        Self {
            kind,
            title,
            span,
            says: Says::Unknown,
            tense: Tense::Now,
            severity: None,
            theme: None,
            section: None,
            notes: String::new(),
            fields: Vec::new(),
            locations: Vec::new(),
            values: Vec::new(),
            comments: Vec::new(),
            transcript: None,
        }
    }

    pub(super) fn set_fields(&mut self, fields: Vec<Field>) {
        self.locations = fields
            .iter()
            .filter(|field| fields::is_location(&field.name))
            .flat_map(|field| fields::locations(&field.value))
            .collect();
        let own = fields.iter().find(|field| {
            field.name.eq_ignore_ascii_case("severity")
                || field.name.eq_ignore_ascii_case("priority")
        });
        if let Some((level, _)) = own.and_then(|field| severity(&format!("{}:", field.value))) {
            self.severity = Some(level);
        }
        self.fields = fields;
    }
}

/// A heading above the place that is being read.
struct Heading {
    level: u8,
    text: String,
    severity: Option<(Severity, String)>,
    plan: bool,
}

/// Reads all sections into the document; the claims get their ids here too.
pub(super) fn read(source: &Source<'_>, blocks: &[Block], document: &mut Document) {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut above: Vec<Heading> = Vec::new();
    let mut gap: Option<usize> = None;
    for (at, block) in blocks.iter().enumerate() {
        let section = above
            .last()
            .map_or(String::new(), |heading| heading.text.clone());
        let plan = above.iter().any(|heading| heading.plan);

        match &block.kind {
            Kind::Heading { level, inline } => {
                let text = inline.trimmed();
                above.retain(|heading| heading.level < *level);
                let title = heading(source, block, *level, &text, document);
                // "Medium: Manual Steps" is a theme of gaps, not a plan: a severity says so.
                let found = severity(&text);
                let plan = has_word(&text, PLAN) && *level > 1 && found.is_none();
                let body = body(blocks, at);
                gap = read_gap(source, block, &above, &text, found.as_ref(), body, document).map(
                    |mut draft| {
                        draft.comments = inline.comments.clone();
                        drafts.push(draft);
                        drafts.len() - 1
                    },
                );
                let in_plan = plan || above.iter().any(|heading| heading.plan);
                if in_plan {
                    let span = source.span(block.range.start, block.range.end);
                    document.plan.push(PlanItem {
                        level: *level,
                        title: text.clone(),
                        span,
                    });
                }
                if !title {
                    above.push(Heading {
                        level: *level,
                        text,
                        severity: found,
                        plan,
                    });
                }
            }
            Kind::Table { header, rows } => {
                tables::read(source, header, rows, &section, document, &mut drafts);
            }
            Kind::List { items: list } => {
                let place = items::Place {
                    section: &section,
                    severity: inherited(&above),
                    claims: gap.is_none() && !plan,
                    sort: sort(&above),
                };
                items::read(source, list, &place, document, &mut drafts);
            }
            Kind::Fence { lines, closed, .. } => {
                if !closed {
                    document.warnings.push(Warning {
                        line: source.line(block.range.start),
                        message: "this fence is never closed: the rest of the file is inside it"
                            .to_owned(),
                        help: "close it with ``` on a line of its own".to_owned(),
                    });
                }
                if gap.is_none() && !plan {
                    transcript::read(source, lines, &section, document, &mut drafts);
                }
            }
            Kind::Comment { text } => {
                if let Some(gap) = comment_owner(blocks, at, gap) {
                    drafts[gap].comments.push(text.clone());
                }
            }
            Kind::Paragraph { inline } => {
                let prose = fields::known(&paragraph_fields(source, block, inline)) == 0;
                if let Some(gap) = gap.filter(|_| prose) {
                    let notes = &mut drafts[gap].notes;
                    if !notes.is_empty() {
                        notes.push(' ');
                    }
                    notes.push_str(&inline.trimmed());
                }
            }
        }
        // A comment right above a gap's heading is the gap's, unless it is the one before's.
        if let (Kind::Heading { .. }, Some(gap)) = (&block.kind, gap)
            && at > 0
            && let Kind::Comment { text } = &blocks[at - 1].kind
            && !(at > 1 && matches!(blocks[at - 2].kind, Kind::Heading { .. }))
        {
            drafts[gap].comments.push(text.clone());
        }
    }
    super::annotate::claims(source, drafts, document);
}

/// Whose a comment is: the gap under whose heading it stands, unless it stands right above the next
/// heading and not right below its own.
fn comment_owner(blocks: &[Block], at: usize, gap: Option<usize>) -> Option<usize> {
    let is_heading = |block: Option<&Block>| {
        block.is_some_and(|block| matches!(block.kind, Kind::Heading { .. }))
    };
    let below_own = at > 0 && is_heading(blocks.get(at - 1));
    let above_next = is_heading(blocks.get(at + 1));
    gap.filter(|_| below_own || !above_next)
}

/// Title and percentage of a heading; whether it is the title.
fn heading(
    source: &Source<'_>,
    block: &Block,
    level: u8,
    text: &str,
    document: &mut Document,
) -> bool {
    let span = source.span(block.range.start, block.range.end);
    let title = level == 1 && document.title.is_none();
    if title {
        document.title = Some(text.to_owned());
    }
    if level > 2 {
        return title;
    }
    let Some(percent) = percent(text) else {
        return title;
    };
    let warning = |message: String, help: &str| Warning {
        line: span.line,
        message,
        help: help.to_owned(),
    };
    if percent > 100.0 {
        document.warnings.push(warning(
            format!("a readiness of {percent}% is more than there is"),
            "give a percentage from 0 to 100",
        ));
    } else if document.status_percent.is_some() {
        document.warnings.push(warning(
            "a second heading with a percentage: the first one counts".to_owned(),
            "keep one",
        ));
    } else {
        document.status_percent = Some(StatusPercent { percent, span });
    }
    title
}

/// The blocks between a heading and the next one.
fn body(blocks: &[Block], heading: usize) -> &[Block] {
    let rest = &blocks[heading + 1..];
    let end = rest
        .iter()
        .position(|block| matches!(block.kind, Kind::Heading { .. }))
        .unwrap_or(rest.len());
    &rest[..end]
}

/// The nearest severity above.
fn inherited(above: &[Heading]) -> Option<&(Severity, String)> {
    above
        .iter()
        .rev()
        .find_map(|heading| heading.severity.as_ref())
}

/// What the items of a list are: by the nearest heading that says so. A severity is one of gaps.
fn sort(above: &[Heading]) -> items::Sort {
    above
        .iter()
        .rev()
        .find_map(|heading| {
            let gaps = heading.severity.as_ref().map(|_| items::Sort::Gaps);
            gaps.or_else(|| items::Sort::of(&heading.text))
        })
        .unwrap_or(items::Sort::Other)
}

/// Reads a heading as a gap: one that stands under a severity, or that has a gap's fields.
fn read_gap(
    source: &Source<'_>,
    block: &Block,
    above: &[Heading],
    text: &str,
    own: Option<&(Severity, String)>,
    body: &[Block],
    document: &mut Document,
) -> Option<Draft> {
    if above.iter().any(|heading| heading.plan) || text.is_empty() {
        return None;
    }
    let inherited = inherited(above);
    let fields = fields_of(source, body);
    let known = fields::known(&fields);
    // A severity of its own with nothing below it but fields is a gap; with gaps below it, it is
    // their heading.
    let is_gap = if own.is_some() {
        known >= 2
    } else {
        known >= 2 || inherited.is_some()
    };
    if !is_gap {
        return None;
    }
    let end = body.last().map_or(block.range.end, |last| last.range.end);
    let span = source.span(block.range.start, end.max(block.range.end));
    let title = match own {
        Some((_, rest)) if !rest.is_empty() => rest.clone(),
        _ => text.to_owned(),
    };
    let mut draft = Draft::new(ClaimKind::Gap, title, span);
    draft.says = Says::Broken;
    draft.severity = own.or(inherited).map(|(level, _)| *level);
    draft.theme = inherited
        .map(|(_, theme)| theme.clone())
        .filter(|theme| !theme.is_empty());
    draft.section = above.last().map(|heading| heading.text.clone());
    if fields.is_empty() {
        document.warnings.push(Warning {
            line: span.line,
            message: format!("the gap \"{}\" has no fields", draft.title),
            help: "add a fence with `Problem:`, `Impact:` and `Fix:`".to_owned(),
        });
    }
    draft.set_fields(fields);
    Some(draft)
}

/// The fields of a gap: of the first fence, list or paragraph that has any that gaps have.
fn fields_of(source: &Source<'_>, body: &[Block]) -> Vec<Field> {
    for block in body {
        let found = match &block.kind {
            Kind::Fence { info, lines, .. } if is_plain(info) => fields::of_lines(source, lines),
            Kind::List { items } => fields::of_items(source, flat(items)),
            Kind::Paragraph { inline } => paragraph_fields(source, block, inline),
            _ => Vec::new(),
        };
        if fields::known(&found) > 0 {
            return found;
        }
    }
    Vec::new()
}

/// The fields that the lines of a paragraph hold.
fn paragraph_fields(source: &Source<'_>, block: &Block, inline: &Inline) -> Vec<Field> {
    let mut at = block.range.start;
    let mut lines = Vec::new();
    for text in inline.text.lines() {
        let next = next_line(source.text, at, block.range.end);
        let end = at + source.text[at..next].trim_end().len();
        lines.push(TextLine {
            text: text.to_owned(),
            range: at..end,
        });
        at = next;
    }
    fields::of_lines(source, &lines)
}

/// A list of one item with a nested list holds its fields in that one.
fn flat(items: &[Item]) -> &[Item] {
    match items {
        [only] if only.children.len() > 1 => &only.children,
        _ => items,
    }
}

fn next_line(text: &str, at: usize, end: usize) -> usize {
    text[at..end]
        .find('\n')
        .map_or(end, |newline| at + newline + 1)
}

/// Fields stand in a fence without a language, or in one that only colours.
fn is_plain(info: &str) -> bool {
    matches!(
        info.to_lowercase().as_str(),
        "" | "text" | "txt" | "yaml" | "yml" | "plain"
    )
}
