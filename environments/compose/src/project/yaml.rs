//! YAML as the tool prints it, read into JSON. Version 1 prints what a file shares by anchors as
//! anchors again, so aliases are followed here.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;
/// Most values that are read, aliases written out: no file of a person has as many.
const VALUES_MAX: usize = 500_000;

type Events<'t> =
    dyn Iterator<Item = Result<(Event<'t>, granit_parser::Span), granit_parser::ScanError>> + 't;

/// Reads one document.
///
/// # Errors
/// What is wrong, with its line; never what the text says there.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        events: Box::new(Parser::new_from_str(text)),
        anchors: BTreeMap::new(),
        values: 0,
        line: 1,
    };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Null),
            event => return reader.value(event, 0),
        }
    }
}

struct Reader<'t> {
    events: Box<Events<'t>>,
    /// Values by anchor, with how many values each is.
    anchors: BTreeMap<usize, (Value, usize)>,
    values: usize,
    /// Where the event that came last begins.
    line: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    self.line = span.start.line();
                    return Ok(event);
                }
                Some(Err(error)) => {
                    let line = error.marker().line();
                    return Err(match error.kind() {
                        ErrorKind::RecursionLimitExceeded => too_deep(line),
                        _ => format!("no YAML in line {line}"),
                    });
                }
                None => return Err("the document is not closed".to_owned()),
            }
        }
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(too_deep(self.line));
        }
        self.count(1)?;
        let before = self.values;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                (anchor, value)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.value(event, depth + 1)?),
                    }
                }
                (anchor, Value::Array(items))
            }
            Event::MappingStart(_, anchor, _) => {
                let mut entries = Map::new();
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => break,
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return Err(format!("a key that is no word in line {}", self.line)),
                    };
                    let event = self.next()?;
                    entries.insert(key, self.value(event, depth + 1)?);
                }
                (anchor, Value::Object(entries))
            }
            Event::Alias(anchor) => {
                let (value, size) = self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or("an alias inside what it stands for")?;
                self.count(size)?;
                return Ok(value);
            }
            _ => return Err("something that is no value".to_owned()),
        };
        if anchor != 0 {
            let size = self.values - before + 1;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    fn count(&mut self, more: usize) -> Result<(), String> {
        self.values += more;
        if self.values > VALUES_MAX {
            return Err(format!("more than {VALUES_MAX} values"));
        }
        Ok(())
    }
}

fn too_deep(line: usize) -> String {
    format!("nested deeper than {DEPTH_MAX} in line {line}")
}

/// A scalar without quotes. Both tools quote a text that looks like anything else.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => return Value::Null,
        "true" => return true.into(),
        "false" => return false.into(),
        _ => {}
    }
    // `1e3`, `0x1f`, `.5` and the like are left as texts: what they mean differs by the reader.
    let digits = text.strip_prefix('-').unwrap_or(text);
    let decimal = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
    if decimal {
        if let Ok(number) = text.parse::<i64>() {
            return number.into();
        }
        if let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::read;
    use serde_json::json;

    #[test]
    fn scalars_keep_what_they_are() {
        let text = "a: 1\nb: '1'\nc: 0.5\nd: true\ne: 'true'\nf:\ng: 1.2.3\nh: 1m30s\n";
        let wanted = json!({ "a": 1, "b": "1", "c": 0.5, "d": true, "e": "true", "f": null,
                             "g": "1.2.3", "h": "1m30s" });
        assert_eq!(read(text).unwrap(), wanted);
    }

    #[test]
    fn aliases_are_followed_but_not_without_end() {
        let shared = read("a: &id001 [1, 2]\nb: *id001\n").unwrap();
        assert_eq!(shared["b"], json!([1, 2]));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let of = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{of}]\n"));
        }
        assert!(read(&bomb).unwrap_err().contains("more than"));
    }
}
