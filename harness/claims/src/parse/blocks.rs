//! The block structure of a document, with byte offsets.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use super::{Source, options};

/// A line of text and where its first byte stands.
#[derive(Clone, Debug)]
pub(crate) struct TextLine {
    pub(crate) text: String,
    pub(crate) range: Range<usize>,
}

/// Text of a heading, a cell, a paragraph or an item, without markup.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inline {
    pub(crate) text: String,
    /// Comments inside it.
    pub(crate) comments: Vec<String>,
    /// Links inside it: text and target.
    pub(crate) links: Vec<(String, String)>,
}

impl Inline {
    pub(crate) fn trimmed(&self) -> String {
        self.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Inline>,
    pub(crate) range: Range<usize>,
    /// Cells that stand in the file; the parser pads and cuts to the header.
    pub(crate) written: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) inline: Inline,
    pub(crate) task: Option<bool>,
    pub(crate) children: Vec<Item>,
    pub(crate) range: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Heading {
        level: u8,
        inline: Inline,
    },
    Paragraph {
        inline: Inline,
    },
    Fence {
        info: String,
        lines: Vec<TextLine>,
        closed: bool,
    },
    Table {
        header: Row,
        rows: Vec<Row>,
    },
    List {
        items: Vec<Item>,
    },
    Comment {
        text: String,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    pub(crate) range: Range<usize>,
}

/// Reads the blocks in order. Quotes are seen through: their content counts as if it stood alone.
pub(crate) fn read(source: &Source<'_>) -> Vec<Block> {
    let mut reader = Reader::new(source);
    let body = &source.text[source.base..];
    for (event, range) in Parser::new_ext(body, options()).into_offset_iter() {
        let range = range.start + source.base..range.end + source.base;
        reader.event(event, range);
    }
    reader.out
}

struct Reader<'s, 't> {
    source: &'s Source<'t>,
    out: Vec<Block>,
    inline: Inline,
    link: Option<(String, usize)>,
    items: Vec<(Vec<Item>, Range<usize>)>,
    open: Vec<Item>,
    /// Info string, whether it is closed, and the bytes of its content.
    fence: Option<(String, bool, Option<Range<usize>>)>,
    quotes: usize,
    html: String,
    header: Option<Row>,
    rows: Vec<Row>,
    cells: Vec<Inline>,
}

impl<'s, 't> Reader<'s, 't> {
    fn new(source: &'s Source<'t>) -> Self {
        Self {
            source,
            out: Vec::new(),
            inline: Inline::default(),
            link: None,
            items: Vec::new(),
            open: Vec::new(),
            fence: None,
            quotes: 0,
            html: String::new(),
            header: None,
            rows: Vec::new(),
            cells: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => match &mut self.fence {
                Some(fence) => {
                    fence.2 = Some(match fence.2.take() {
                        Some(body) => body.start..range.end,
                        None => range,
                    });
                }
                None => self.inline.text.push_str(&text),
            },
            Event::Code(text) => self.inline.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.inline.text.push('\n'),
            Event::TaskListMarker(done) => {
                if let Some(item) = self.open.last_mut() {
                    item.task = Some(done);
                }
            }
            Event::InlineHtml(html) => {
                self.inline.comments.extend(comments(&html));
                if html.to_lowercase().starts_with("<br") {
                    self.inline.text.push('\n');
                }
            }
            Event::Html(html) => self.html.push_str(&html),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Heading { .. } | Tag::TableCell | Tag::TableHead | Tag::TableRow => {
                self.inline = Inline::default();
                if matches!(tag, Tag::TableHead | Tag::TableRow) {
                    self.cells.clear();
                }
            }
            Tag::Paragraph if self.open.is_empty() => self.inline = Inline::default(),
            Tag::Table(_) => {
                self.header = None;
                self.rows.clear();
            }
            Tag::CodeBlock(kind) => {
                let (info, fenced) = match kind {
                    CodeBlockKind::Fenced(info) => (info.trim().to_owned(), true),
                    CodeBlockKind::Indented => (String::new(), false),
                };
                let closed = !fenced || is_closed(&self.source.text[range]);
                self.fence = Some((info, closed, None));
            }
            Tag::List(_) => {
                self.take_item_text();
                self.items.push((Vec::new(), range));
            }
            Tag::Item => {
                self.inline = Inline::default();
                self.open.push(Item {
                    inline: Inline::default(),
                    task: None,
                    children: Vec::new(),
                    range,
                });
            }
            Tag::HtmlBlock => self.html.clear(),
            Tag::BlockQuote(_) => self.quotes += 1,
            Tag::Link { dest_url, .. } => {
                self.link = Some((dest_url.to_string(), self.inline.text.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Heading(level) => {
                let inline = std::mem::take(&mut self.inline);
                self.push(
                    Kind::Heading {
                        level: depth(level),
                        inline,
                    },
                    range,
                );
            }
            TagEnd::Paragraph if self.open.is_empty() => {
                let inline = std::mem::take(&mut self.inline);
                self.push(Kind::Paragraph { inline }, range);
            }
            TagEnd::Paragraph => self.inline.text.push('\n'),
            TagEnd::HtmlBlock => {
                for text in comments(&std::mem::take(&mut self.html)) {
                    match self.open.last_mut() {
                        Some(item) => item.inline.comments.push(text),
                        None => self.push(Kind::Comment { text }, range.clone()),
                    }
                }
            }
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::Link => {
                if let Some((target, from)) = self.link.take() {
                    let text = self.inline.text.get(from..).unwrap_or_default().to_owned();
                    self.inline.links.push((text, target));
                }
            }
            TagEnd::TableCell => self.cells.push(std::mem::take(&mut self.inline)),
            TagEnd::TableHead => self.header = Some(self.row(range)),
            TagEnd::TableRow => {
                let row = self.row(range);
                self.rows.push(row);
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                if let Some(header) = self.header.take() {
                    self.push(Kind::Table { header, rows }, range);
                }
            }
            TagEnd::CodeBlock => {
                if let Some((info, closed, body)) = self.fence.take() {
                    let lines = body
                        .map(|body| fence_lines(self.source.text, body, self.quotes > 0))
                        .unwrap_or_default();
                    self.push(
                        Kind::Fence {
                            info,
                            lines,
                            closed,
                        },
                        range,
                    );
                }
            }
            TagEnd::Item => {
                self.take_item_text();
                if let (Some(item), Some((items, _))) = (self.open.pop(), self.items.last_mut()) {
                    items.push(item);
                }
            }
            TagEnd::List(_) => {
                if let Some((items, range)) = self.items.pop() {
                    match self.open.last_mut() {
                        Some(item) => item.children.extend(items),
                        None => self.push(Kind::List { items }, range),
                    }
                }
            }
            _ => {}
        }
    }

    /// Gives the text read so far to the innermost open item.
    fn take_item_text(&mut self) {
        if let Some(item) = self.open.last_mut() {
            let inline = std::mem::take(&mut self.inline);
            item.inline.text.push_str(&inline.text);
            item.inline.comments.extend(inline.comments);
            item.inline.links.extend(inline.links);
        }
    }

    fn row(&mut self, range: Range<usize>) -> Row {
        let written = cells_written(&self.source.text[range.clone()]);
        Row {
            cells: std::mem::take(&mut self.cells),
            range,
            written,
        }
    }

    fn push(&mut self, kind: Kind, range: Range<usize>) {
        self.out.push(Block { kind, range });
    }
}

/// The lines of a fence, from the file itself: the parser hands them over in pieces.
fn fence_lines(text: &str, body: Range<usize>, quoted: bool) -> Vec<TextLine> {
    let mut at = body.start;
    let mut lines = Vec::new();
    for piece in text[body].split_inclusive('\n') {
        let mut content = piece.trim_end_matches(['\n', '\r']);
        let mut start = at;
        if quoted {
            let bare = content.trim_start_matches([' ', '>']);
            start += content.len() - bare.len();
            content = bare;
        }
        lines.push(TextLine {
            text: content.to_owned(),
            range: start..start + content.len(),
        });
        at += piece.len();
    }
    lines
}

/// The contents of the comments in a piece of HTML. One that is never closed reaches to its end.
fn comments(html: &str) -> Vec<String> {
    html.split("<!--")
        .skip(1)
        .map(|rest| rest.split("-->").next().unwrap_or(rest).trim().to_owned())
        .collect()
}

/// Whether a fence ends with its own mark rather than with the file.
fn is_closed(text: &str) -> bool {
    let mut lines = text.lines();
    let Some(first) = lines.next() else {
        return true;
    };
    let mark = if first.trim_start().starts_with('~') {
        "~~~"
    } else {
        "```"
    };
    lines.next_back().is_some_and(|last| {
        let last = last.trim_start_matches(|c: char| c.is_whitespace() || c == '>');
        last.starts_with(mark)
    })
}

/// The cells that a row really has: bars that are neither escaped nor at its ends part them.
fn cells_written(row: &str) -> usize {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = 1;
    let mut escaped = false;
    let mut open = false;
    for c in row.chars() {
        if c == '|' && !escaped {
            cells += 1;
            open = false;
        } else {
            open = true;
        }
        escaped = c == '\\' && !escaped;
    }
    if !open && cells > 1 { cells - 1 } else { cells }
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
