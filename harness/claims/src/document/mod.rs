//! The typed model of a PHOENIX.md.

mod error;
mod quantity;
mod read;

use serde::{Deserialize, Serialize};

pub use error::DocumentError;
pub use quantity::{Comparator, Quantity, Unit, Value};
pub use read::BYTES_MAX;

use crate::mapping::Tie;

/// Where something stands in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Line of its first byte, from 1.
    pub line: u32,
    /// First byte, from 0, counted in the file as it is on disk (a byte order mark included).
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

/// What sort of statement a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A row of a table of what works.
    Capability,
    /// A gap, a blocker, a known failure.
    Gap,
    /// A row of the success criteria: a value of today and a target.
    Criterion,
    /// A row of the risk matrix.
    Risk,
    /// A line of an expected transcript that states an outcome.
    TranscriptLine,
}

/// What a claim says of the thing it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// It works.
    Works,
    /// It works in part.
    Partial,
    /// It does not work.
    Broken,
    /// The document does not say, or not in words that can be read.
    Unknown,
}

/// Whether a claim speaks of today or of what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tense {
    /// How things are.
    Now,
    /// How they shall be: a target is not broken by not being reached yet.
    Aim,
}

/// How much a gap matters to its authors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// 🔴, critical, blocker, P0.
    Critical,
    /// 🟠, high, major, P1.
    High,
    /// 🟡, medium, moderate, P2.
    Medium,
    /// 🟢, low, minor, P3.
    Low,
}

/// One `Key: value` of a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The key as written, without its colon.
    pub name: String,
    /// The value; lines of a value that goes on are joined by `\n`, their padding removed.
    pub value: String,
    /// From the key to the end of the value.
    pub span: Span,
}

/// A file that a claim names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The path as written. It may not exist.
    pub path: String,
    /// First and last line, from 1, where the claim gives them. They may have moved since.
    pub lines: Option<(u32, u32)>,
}

/// A value in a named column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedValue {
    /// `current`, `target`, or the column's own heading in lower case.
    pub name: String,
    /// The value.
    pub quantity: Quantity,
}

/// One statement that a run may confirm or contradict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// From `<!-- phoenix: id -->`, else a slug of the title; unique within the document.
    pub id: String,
    /// Whether `id` was written by a person.
    pub annotated: bool,
    /// What sort of statement it is.
    pub kind: ClaimKind,
    /// Its title as read: no markup, no annotation.
    pub title: String,
    /// Where it stands: the row, the line, or the heading with everything under it.
    pub span: Span,
    /// What it says.
    pub says: Says,
    /// Of when it speaks.
    pub tense: Tense,
    /// Its own severity, or the one of the heading above it.
    pub severity: Option<Severity>,
    /// Theme of the heading above it, such as `data loss`.
    pub theme: Option<String>,
    /// The heading that it stands under.
    pub section: Option<String>,
    /// Notes cell of a row, and prose under a gap.
    pub notes: String,
    /// Fields of a gap, in order.
    pub fields: Vec<Field>,
    /// Files that it names.
    pub locations: Vec<Location>,
    /// Values that it states.
    pub values: Vec<NamedValue>,
    /// Ties that stand in comments beside it.
    pub ties: Vec<Tie>,
    /// Digest of the claim's own text, hexadecimal: tells whether it was reworded since.
    pub digest: String,
}

impl Claim {
    /// Value of a field, by its name without regard to case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value.as_str())
    }

    /// A stated value, by its column's name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Quantity> {
        self.values
            .iter()
            .find(|value| value.name == name)
            .map(|value| &value.quantity)
    }
}

/// A percentage in a heading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusPercent {
    /// From 0 to 100.
    pub percent: f64,
    /// The heading.
    pub span: Span,
}

/// A fenced transcript with outcomes in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The heading above it.
    pub title: String,
    /// Of when it speaks.
    pub tense: Tense,
    /// Its commands, in order.
    pub commands: Vec<String>,
    /// Ids of the claims that its outcome lines make.
    pub outcomes: Vec<String>,
    /// The line that sums it up, where there is one.
    pub total: Option<String>,
    /// How long it says the whole takes.
    pub duration: Option<Quantity>,
    /// The fence.
    pub span: Span,
}

/// An item of a task list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its text.
    pub text: String,
    /// Whether its box is ticked.
    pub done: bool,
    /// Where it stands.
    pub span: Span,
}

/// A heading of the implementation plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    /// Level of its heading, 1 to 6.
    pub level: u8,
    /// Its title.
    pub title: String,
    /// Its heading.
    pub span: Span,
}

/// A row of the table of efforts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// What it is the effort of.
    pub phase: String,
    /// How much.
    pub effort: Quantity,
    /// Whether the row is a sum of the others.
    pub total: bool,
    /// The row.
    pub span: Span,
}

/// A link of the references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its text.
    pub text: String,
    /// Its target as written.
    pub target: String,
    /// Where it stands.
    pub span: Span,
}

/// Something odd that did not stop the parser, and that its author would want to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Line, from 1.
    pub line: u32,
    /// What is odd.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// A parsed PHOENIX.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the file's bytes, hexadecimal.
    pub digest: String,
    /// The first heading of level 1.
    pub title: Option<String>,
    /// The readiness that it claims.
    pub status_percent: Option<StatusPercent>,
    /// Everything that it claims, in the order of the file.
    pub claims: Vec<Claim>,
    /// Its transcripts.
    pub transcripts: Vec<Transcript>,
    /// Its plan.
    pub plan: Vec<PlanItem>,
    /// Its efforts.
    pub efforts: Vec<Effort>,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Its references.
    pub references: Vec<Reference>,
    /// What looked odd, by line.
    pub warnings: Vec<Warning>,
}

impl Document {
    /// The claims of one kind, in order.
    pub fn claims_of(&self, kind: ClaimKind) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(move |claim| claim.kind == kind)
    }

    /// The claim with this id.
    #[must_use]
    pub fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }
}
