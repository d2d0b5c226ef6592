//! Shapes: what may stand where. One description serves the check of a file, with every error at
//! once, and the JSON schema by which an editor completes it.

use serde_json::{Value, json};

use crate::diagnostic::did_you_mean;
use crate::form::Form;
use crate::tree::{Kind, Node, Place, Source};

/// What may stand at a place.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// A whole number from 0.
    Number,
    /// `true` or `false`.
    Flag,
    /// A text of a form.
    Formed(&'static Form),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list, or a single one.
    List(Box<Shape>),
    /// A list of at least one, or a single one.
    Several(Box<Shape>),
    /// Names of the user's own, each with a value.
    Named(Box<Shape>),
    /// Names of a form, each with a value.
    NamedBy(&'static Form, Box<Shape>),
    /// These keys.
    Object(Vec<Field>),
    /// Exactly one of these keys, and any of the common ones beside it.
    OneOf {
        /// What the key is called in messages: `step`, `fault`.
        what: &'static str,
        /// The keys to choose from.
        choices: Vec<Field>,
        /// Keys that may stand beside the chosen one.
        beside: Vec<Field>,
        /// Words that may stand alone, without a value.
        bare: &'static [&'static str],
    },
    /// The first that fits by its form (text, list or map).
    Either(Vec<Shape>),
    /// Anything, passed on as it is.
    Anything,
}

/// A key.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it means: shown by editors.
    pub doc: &'static str,
    /// Its value.
    pub shape: Shape,
    /// It has to be there.
    pub required: bool,
}

/// A key that may be left out.
#[must_use]
pub fn optional(name: &'static str, doc: &'static str, shape: Shape) -> Field {
    Field {
        name,
        doc,
        shape,
        required: false,
    }
}

/// A key that has to be there.
#[must_use]
pub fn required(name: &'static str, doc: &'static str, shape: Shape) -> Field {
    Field {
        name,
        doc,
        shape,
        required: true,
    }
}

/// A list of a shape, or a single one.
#[must_use]
pub fn list(shape: Shape) -> Shape {
    Shape::List(Box::new(shape))
}

impl Shape {
    /// Holds a node against the shape; everything wrong is noted at the source.
    pub fn check(&self, node: &Node, source: &Source, what: &str) {
        let wrong = |expected: &str| {
            source.error(
                node.place,
                "wrong-type",
                format!("{what} has to be {expected}, and this is {}", form(node)),
                None,
            );
        };
        // A placeholder stands for whatever it is replaced by.
        let placeholder = node.text().is_some_and(|text| text.contains("${"));
        match self {
            Self::Anything => {}
            Self::Text => {
                if node.text().is_none() {
                    wrong("text");
                }
            }
            _ if placeholder => {}
            Self::Number => match node.text() {
                Some(text) if text.parse::<u32>().is_ok() => {}
                Some(text) if is_whole(text) => source.error(
                    node.place,
                    "out-of-range",
                    format!("{what} is a number out of range"),
                    Some(format!("a whole number from 0 to {} fits", u32::MAX)),
                ),
                _ => wrong("a whole number"),
            },
            Self::Flag => {
                if !matches!(node.text(), Some("true" | "false")) {
                    wrong("`true` or `false`");
                }
            }
            Self::Formed(form) => match node.text() {
                Some(text) => formed(form, text, node.place, source, what),
                None => wrong(form.name),
            },
            Self::Word(words) => match node.text() {
                Some(text) if words.contains(&text) => {}
                Some(text) => source.error(
                    node.place,
                    "unknown-word",
                    format!("{what} cannot be `{text}`"),
                    did_you_mean(text, words.iter().copied()),
                ),
                None => wrong("a word"),
            },
            Self::List(shape) | Self::Several(shape) => {
                if matches!(self, Self::Several(_)) && node.items().is_empty() {
                    wrong("at least one");
                }
                if matches!(node.kind, Kind::Map(_)) && !shape.takes_maps() {
                    wrong("a list");
                } else {
                    for item in node.items() {
                        shape.check(item, source, what);
                    }
                }
            }
            Self::Named(shape) | Self::NamedBy(_, shape) => match &node.kind {
                Kind::Map(entries) => {
                    for (key, value) in entries {
                        if let Self::NamedBy(form, _) = self {
                            formed(form, &key.text, key.place, source, what);
                        }
                        shape.check(value, source, &format!("`{}`", key.text));
                    }
                }
                _ => wrong("names with values"),
            },
            Self::Object(fields) => check_object(fields, node, source, what),
            Self::OneOf {
                what,
                choices,
                beside,
                bare,
            } => {
                check_one_of(what, choices, beside, bare, node, source);
            }
            Self::Either(shapes) => match shapes.iter().find(|shape| shape.takes(node)) {
                Some(shape) => shape.check(node, source, what),
                None => wrong(&either(shapes)),
            },
        }
    }

    fn takes_maps(&self) -> bool {
        match self {
            Self::Object(_)
            | Self::OneOf { .. }
            | Self::Named(_)
            | Self::NamedBy(..)
            | Self::Anything => true,
            Self::Either(shapes) => shapes.iter().any(Self::takes_maps),
            _ => false,
        }
    }

    /// Whether a node has the form of this shape, whatever is in it.
    fn takes(&self, node: &Node) -> bool {
        match (self, &node.kind) {
            (Self::Word(words), Kind::Scalar { text, .. }) => words.contains(&text.as_str()),
            (Self::OneOf { bare, .. }, Kind::Scalar { text, .. }) => bare.contains(&text.as_str()),
            (Self::Either(shapes), _) => shapes.iter().any(|shape| shape.takes(node)),
            (
                Self::Object(_) | Self::OneOf { .. } | Self::Named(_) | Self::NamedBy(..),
                Kind::Map(_),
            )
            | (Self::List(_) | Self::Several(_), Kind::List(_))
            | (Self::Anything, _) => true,
            (Self::Text | Self::Number | Self::Flag | Self::Formed(_), Kind::Scalar { .. }) => true,
            _ => false,
        }
    }

    /// The JSON schema of the shape.
    #[must_use]
    pub fn schema(&self) -> Value {
        match self {
            Self::Anything => json!({}),
            Self::Text => json!({"type": ["string", "number", "boolean"]}),
            Self::Number => json!({"type": ["integer", "string"], "minimum": 0}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Formed(form) => (form.schema)(),
            Self::Word(words) => json!({"enum": words}),
            Self::List(shape) => {
                let one = shape.schema();
                json!({"anyOf": [{"type": "array", "items": one.clone()}, one]})
            }
            Self::Several(shape) => {
                let one = shape.schema();
                json!({"anyOf": [{"type": "array", "items": one.clone(), "minItems": 1}, one]})
            }
            Self::Named(shape) => {
                json!({"type": "object", "additionalProperties": shape.schema()})
            }
            Self::NamedBy(form, shape) => json!({
                "type": "object",
                "propertyNames": (form.schema)(),
                "additionalProperties": shape.schema(),
            }),
            Self::Object(fields) => object_schema(fields, &[]),
            Self::OneOf {
                choices,
                beside,
                bare,
                ..
            } => {
                let mut forms: Vec<Value> = choices
                    .iter()
                    .map(|choice| {
                        let mut fields = vec![Field {
                            required: true,
                            ..choice.clone()
                        }];
                        fields.extend(beside.iter().cloned());
                        object_schema(&fields, &[])
                    })
                    .collect();
                if !bare.is_empty() {
                    forms.push(json!({"enum": bare}));
                }
                json!({"oneOf": forms})
            }
            Self::Either(shapes) => {
                json!({"anyOf": shapes.iter().map(Self::schema).collect::<Vec<_>>()})
            }
        }
    }
}

fn object_schema(fields: &[Field], extra_required: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = field.shape.schema();
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), field.doc.into());
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .chain(extra_required.iter().copied())
        .collect();
    let mut schema = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    });
    if let (false, Some(schema)) = (required.is_empty(), schema.as_object_mut()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn check_object(fields: &[Field], node: &Node, source: &Source, what: &str) {
    let Kind::Map(entries) = &node.kind else {
        let message = format!(
            "{what} has to be keys with values, and this is {}",
            form(node)
        );
        let names = fields
            .iter()
            .map(|field| field.name)
            .collect::<Vec<_>>()
            .join(", ");
        source.error(
            node.place,
            "wrong-type",
            message,
            Some(format!("its keys are {names}")),
        );
        return;
    };
    for (key, value) in entries {
        match fields.iter().find(|field| field.name == key.text) {
            Some(field) => field.shape.check(value, source, &format!("`{}`", key.text)),
            None => source.error(
                key.place,
                "unknown-key",
                format!("{what} has no key `{}`", key.text),
                did_you_mean(&key.text, fields.iter().map(|field| field.name)),
            ),
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if node.get(field.name).is_none() {
            source.error(
                node.place,
                "missing-key",
                format!("{what} needs a `{}`", field.name),
                Some(format!("{}: {}", field.name, field.doc)),
            );
        }
    }
}

fn check_one_of(
    what: &str,
    choices: &[Field],
    beside: &[Field],
    bare: &[&str],
    node: &Node,
    source: &Source,
) {
    let names = || {
        choices
            .iter()
            .map(|choice| choice.name)
            .chain(bare.iter().copied())
    };
    match &node.kind {
        Kind::Scalar { text, .. } => {
            if !bare.contains(&text.as_str()) {
                let known = choices.iter().any(|choice| choice.name == text);
                let help = if known {
                    Some(format!("`{text}` needs a value: `{text}: …`"))
                } else {
                    did_you_mean(text, names())
                };
                let message = format!("`{text}` is no {what}");
                source.error(node.place, code_of(what), message, help);
            }
        }
        Kind::List(_) => {
            source.error(
                node.place,
                "wrong-type",
                format!("a {what} cannot be a list"),
                None,
            );
        }
        Kind::Map(entries) => {
            let mut chosen = 0;
            for (key, value) in entries {
                if let Some(choice) = choices.iter().find(|choice| choice.name == key.text) {
                    chosen += 1;
                    if chosen > 1 {
                        let message = format!("one {what} at a time: `{}` is a second", key.text);
                        let help = "begin it with its own dash".to_owned();
                        source.error(key.place, "two-at-once", message, Some(help));
                    }
                    choice
                        .shape
                        .check(value, source, &format!("`{}`", key.text));
                } else if let Some(field) = beside.iter().find(|field| field.name == key.text) {
                    field.shape.check(value, source, &format!("`{}`", key.text));
                } else if let Some(choice) = entries
                    .iter()
                    .find_map(|(other, _)| choices.iter().find(|choice| choice.name == other.text))
                {
                    // The step is there; this is a word too many.
                    let message = format!("`{}` cannot stand beside `{}`", key.text, choice.name);
                    let fields = match &choice.shape {
                        Shape::Object(fields) => fields.as_slice(),
                        _ => &[],
                    };
                    let help = if fields.iter().any(|field| field.name == key.text) {
                        Some(format!(
                            "it goes inside: `{}: {{ {}: … }}`",
                            choice.name, key.text
                        ))
                    } else {
                        did_you_mean(&key.text, beside.iter().map(|field| field.name))
                    };
                    source.error(key.place, "unknown-key", message, help);
                } else {
                    let message = format!("`{}` is no {what}", key.text);
                    let help = did_you_mean(&key.text, names());
                    source.error(key.place, code_of(what), message, help);
                    chosen += 1;
                }
            }
            if chosen == 0 {
                let mut known: Vec<&str> = names().collect();
                let mut told = std::collections::BTreeSet::new();
                known.retain(|name| told.insert(*name));
                let help = Some(format!("choose one of {}", known.join(", ")));
                source.error(
                    node.place,
                    "missing-key",
                    format!("this names no {what}"),
                    help,
                );
            }
        }
    }
}

fn code_of(what: &str) -> &'static str {
    match what {
        "step" => "unknown-step",
        "fault" => "unknown-fault",
        "policy" => "unknown-policy",
        _ => "unknown-key",
    }
}

/// Holds a text against its form.
fn formed(form: &Form, text: &str, place: Place, source: &Source, what: &str) {
    if let Err(why) = (form.read)(text) {
        let message = format!("{what}: `{text}` is no {}", form.bare());
        source.error(place, form.code, message, Some(why));
    }
}

fn form(node: &Node) -> &'static str {
    match &node.kind {
        _ if node.is_null() => "empty",
        Kind::Scalar { .. } => "text",
        Kind::List(_) => "a list",
        Kind::Map(_) => "a map",
    }
}

/// Whether a text is a whole number of any size and sign.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn either(shapes: &[Shape]) -> String {
    let words: Vec<String> = shapes
        .iter()
        .map(|shape| match shape {
            Shape::Word(words) => format!("one of {}", words.join(", ")),
            Shape::List(_) | Shape::Several(_) => "a list".to_owned(),
            Shape::Object(_) | Shape::OneOf { .. } | Shape::Named(_) | Shape::NamedBy(..) => {
                "a map".to_owned()
            }
            Shape::Number => "a number".to_owned(),
            Shape::Formed(form) => form.name.to_owned(),
            _ => "text".to_owned(),
        })
        .collect();
    words.join(" or ")
}
