//! YAML as a tree in which every node knows its place.

use std::cell::RefCell;
use std::io::Read as _;
use std::path::Path;
use std::string::FromUtf8Error;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

/// Largest file that is read.
pub const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// How many characters it covers on its first line.
    pub width: usize,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Text, a number, a truth value: all text until a vocabulary says what it has to be.
    Scalar {
        /// The text.
        text: String,
        /// Written without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys in their order.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it is.
    pub place: Place,
}

impl Node {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(known, _)| known.text == key)
            .map(|(_, node)| node)
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is empty or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// The items of a list; a single value is a list of one.
    #[must_use]
    pub fn items(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::List(items) => items.iter().collect(),
            _ if self.is_null() => Vec::new(),
            _ => vec![self],
        }
    }

    /// The entries of a map; none of anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// As JSON, for the parts of a file that are passed on as they are.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar { text, plain } => {
                if !*plain {
                    return serde_json::Value::String(text.clone());
                }
                match text.as_str() {
                    "" | "~" | "null" => serde_json::Value::Null,
                    "true" => true.into(),
                    "false" => false.into(),
                    other => {
                        number(other).unwrap_or_else(|| serde_json::Value::String(other.to_owned()))
                    }
                }
            }
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.text.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }

    /// The same tree with `${name}` in its texts replaced. What is not known is left as it is, and
    /// told to `unknown` with its place.
    #[must_use]
    pub fn substituted(
        &self,
        values: &dyn Fn(&str) -> Option<String>,
        unknown: &mut dyn FnMut(&str, Place),
    ) -> Self {
        let kind = match &self.kind {
            Kind::Scalar { text, plain } => Kind::Scalar {
                text: substitute(text, values, &mut |name| unknown(name, self.place)),
                plain: *plain,
            },
            Kind::List(items) => Kind::List(
                items
                    .iter()
                    .map(|item| item.substituted(values, unknown))
                    .collect(),
            ),
            Kind::Map(entries) => Kind::Map(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), node.substituted(values, unknown)))
                    .collect(),
            ),
        };
        Self {
            place: self.place,
            kind,
        }
    }
}

/// A plain text that is a number: whole, or with a decimal point.
fn number(text: &str) -> Option<serde_json::Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let (whole, decimals) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole.strip_prefix('-').unwrap_or(whole)) || !digits(decimals) {
        return None;
    }
    serde_json::Number::from_f64(text.parse().ok()?).map(serde_json::Value::Number)
}

fn substitute(
    text: &str,
    values: &dyn Fn(&str) -> Option<String>,
    unknown: &mut dyn FnMut(&str),
) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            break;
        };
        let name = &rest[at + 2..at + end];
        match values(name) {
            Some(value) => out.push_str(&value),
            None => {
                unknown(name);
                out.push_str(&rest[at..=at + end]);
            }
        }
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out
}

/// A file that was read: its text, its tree, and what was found wrong with it so far.
#[derive(Debug)]
pub struct Source {
    /// The file, as it was given.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Its tree.
    pub root: Node,
    found: RefCell<Vec<Diagnostic>>,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is too large, is not UTF-8, is empty, or is not YAML.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        let file = path.display().to_string();
        let whole = |code, message: String, help| Diagnostics::of_file(&file, code, message, help);
        let meta = std::fs::metadata(path)
            .map_err(|why| whole("unreadable", format!("cannot be read: {why}"), None))?;
        if meta.is_dir() {
            let help = Some("name the file inside it");
            return Err(whole("unreadable", "this is a folder".to_owned(), help));
        }
        let mut bytes = Vec::new();
        // A device has no length, and may have no end.
        std::fs::File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|why| whole("unreadable", format!("cannot be read: {why}"), None))?;
        if bytes.len() as u64 > BYTES_MAX {
            let message = format!("this is larger than the {BYTES_MAX} bytes that are read");
            return Err(whole("too-large", message, Some("is this the right file?")));
        }
        let text = String::from_utf8(bytes).map_err(|why| not_utf8(&file, &why))?;
        Self::parse(&file, &text)
    }

    /// Parses a text; `file` is what diagnostics call it.
    ///
    /// # Errors
    /// When it is empty or not YAML.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostics> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let mut reader = Reader {
            text: &text,
            file,
            keys: Vec::new(),
        };
        let root = reader.document()?;
        let duplicates = std::mem::take(&mut reader.keys);
        let source = Self {
            file: file.to_owned(),
            root,
            found: RefCell::new(Vec::new()),
            text,
        };
        for (key, place) in duplicates {
            source.error(
                place,
                "duplicate-key",
                format!("`{key}` is written twice"),
                Some("remove one of them".to_owned()),
            );
        }
        Ok(source)
    }

    /// Notes an error.
    pub fn error(&self, place: Place, code: &'static str, message: String, help: Option<String>) {
        self.note(Severity::Error, place, code, message, help);
    }

    /// Notes a warning.
    pub fn warn(&self, place: Place, code: &'static str, message: String, help: Option<String>) {
        self.note(Severity::Warning, place, code, message, help);
    }

    fn note(
        &self,
        severity: Severity,
        place: Place,
        code: &'static str,
        message: String,
        help: Option<String>,
    ) {
        let diagnostic = at(&self.file, &self.text, place, code, message, help);
        self.found.borrow_mut().push(Diagnostic {
            severity,
            ..diagnostic
        });
    }

    /// What was found wrong so far, in the order of the file.
    #[must_use]
    pub fn found(&self) -> Diagnostics {
        let mut found = self.found.borrow().clone();
        found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        found.dedup();
        Diagnostics(found)
    }

    /// The file, if nothing is wrong with it that forbids using it.
    ///
    /// # Errors
    /// Everything that was found.
    pub fn checked(self) -> Result<Self, Diagnostics> {
        let found = self.found();
        if found.has_errors() {
            Err(found)
        } else {
            Ok(self)
        }
    }
}

/// The first byte that is no text, with its line as far as it can be read.
fn not_utf8(file: &str, why: &FromUtf8Error) -> Diagnostics {
    let byte = why.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(why.as_bytes());
    let bad = text.find('\u{fffd}').unwrap_or(0);
    let line = text[..bad].matches('\n').count() + 1;
    let begins = text[..bad].rfind('\n').map_or(0, |newline| newline + 1);
    let place = Place {
        line,
        column: text[begins..bad].chars().count() + 1,
        width: 1,
    };
    Diagnostics(vec![at(
        file,
        &text,
        place,
        "not-utf8",
        format!("not UTF-8 at byte {byte} of the file"),
        Some("save the file as UTF-8".to_owned()),
    )])
}

fn at(
    file: &str,
    text: &str,
    place: Place,
    code: &'static str,
    message: String,
    help: Option<String>,
) -> Diagnostic {
    let line = text
        .lines()
        .nth(place.line.saturating_sub(1))
        .unwrap_or_default();
    let shown: String = line.chars().take(200).collect();
    let room = shown
        .chars()
        .count()
        .saturating_sub(place.column.saturating_sub(1))
        .max(1);
    Diagnostic {
        severity: Severity::Error,
        code,
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        width: place.width.clamp(1, room),
        text: shown,
        message,
        help,
    }
}

struct Reader<'t> {
    text: &'t str,
    file: &'t str,
    /// Keys that were written twice.
    keys: Vec<(String, Place)>,
}

type Events<'t> = dyn Iterator<Item = Result<(Event<'t>, Place), Diagnostics>> + 't;

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Diagnostics> {
        let (text, file) = (self.text, self.file);
        let mut events: Box<Events<'t>> = Box::new(
            Parser::new_from_str(text)
                .map(move |next| match next {
                    Ok((event, span)) => {
                        let same_line = span.start.line() == span.end.line();
                        let width = if same_line {
                            span.end.col().saturating_sub(span.start.col())
                        } else {
                            1
                        };
                        let place = Place {
                            line: span.start.line(),
                            column: span.start.col() + 1,
                            width: width.max(1),
                        };
                        Ok((event, place))
                    }
                    Err(error) => {
                        let marker = error.marker();
                        let place = Place {
                            line: marker.line().max(1),
                            column: marker.col() + 1,
                            width: 1,
                        };
                        let words = error.to_string();
                        // Where it is stands beside the line.
                        let end = [" at byte", " at char"]
                            .iter()
                            .filter_map(|mark| words.find(mark))
                            .min();
                        let words = &words[..end.unwrap_or(words.len())];
                        let message = format!("this is not YAML: {words}");
                        Err(Diagnostics(vec![at(
                            file,
                            text,
                            place,
                            "not-yaml",
                            message,
                            Some(
                                "look at the brackets, quotes and indentation here and on the \
                                 lines before"
                                    .to_owned(),
                            ),
                        )]))
                    }
                })
                .filter(|next| !matches!(next, Ok((Event::Comment(..), _)))),
        );
        let mut root = None;
        while let Some(next) = events.next() {
            let (event, place) = next?;
            match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    if root.is_some() {
                        return Err(self.fail(
                            place,
                            "second-document",
                            "a second document begins here: one file, one document",
                        ));
                    }
                }
                event => root = Some(self.node(event, place, &mut *events, 0)?),
            }
        }
        match root {
            Some(root) if !root.is_null() => Ok(root),
            _ => Err(Diagnostics::of_file(
                self.file,
                "empty",
                "the file is empty".to_owned(),
                Some("is this the right file? `phoenix schema` says what belongs into one"),
            )),
        }
    }

    fn fail(&self, place: Place, code: &'static str, message: &str) -> Diagnostics {
        Diagnostics(vec![at(
            self.file,
            self.text,
            place,
            code,
            message.to_owned(),
            None,
        )])
    }

    fn node(
        &mut self,
        event: Event<'t>,
        place: Place,
        events: &mut Events<'t>,
        depth: usize,
    ) -> Result<Node, Diagnostics> {
        if depth > DEPTH_MAX {
            return Err(self.fail(place, "too-deep", "this is nested too deeply"));
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => Kind::Scalar {
                text: text.into_owned(),
                plain: style == ScalarStyle::Plain,
            },
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, place) = self.next(events, place)?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, place, events, depth + 1)?);
                }
                Kind::List(items)
            }
            Event::MappingStart(..) => {
                let mut entries: Vec<(Key, Node)> = Vec::new();
                loop {
                    let (event, key_place) = self.next(events, place)?;
                    let text = match event {
                        Event::MappingEnd => break,
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return Err(self.fail(key_place, "bad-key", "a key has to be a word")),
                    };
                    let (event, value_place) = self.next(events, key_place)?;
                    let node = self.node(event, value_place, events, depth + 1)?;
                    if entries.iter().any(|(known, _)| known.text == text) {
                        self.keys.push((text.clone(), key_place));
                    }
                    entries.push((
                        Key {
                            text,
                            place: key_place,
                        },
                        node,
                    ));
                }
                // A map begins where its first key does: that is what people look at.
                let place = entries.first().map_or(place, |(key, _)| key.place);
                return Ok(Node {
                    place,
                    kind: Kind::Map(entries),
                });
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(self.fail(
                    place,
                    "alias",
                    "anchors and aliases are not read: write it out, or use `with:`",
                ));
            }
            _ => return Err(self.fail(place, "not-yaml", "this cannot stand here")),
        };
        Ok(Node { place, kind })
    }

    fn next(
        &self,
        events: &mut Events<'t>,
        place: Place,
    ) -> Result<(Event<'t>, Place), Diagnostics> {
        events
            .next()
            .unwrap_or_else(|| Err(self.fail(place, "not-yaml", "this is not closed")))
    }
}
