//! What is wrong with a file: where, what, and what would be right.

use std::fmt::Write as _;

use serde::Serialize;

/// Whether a file can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, and it is probably not what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Whether the file can be used.
    pub severity: Severity,
    /// A stable word for it: `unknown-key`.
    pub code: &'static str,
    /// The file, as it was given.
    pub file: String,
    /// Line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// How many characters it covers.
    pub width: usize,
    /// The line itself.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// All that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Whether the file cannot be used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Adds those of another file.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Drops what was told before: files that are read under several profiles tell their mistakes
    /// each time.
    pub fn once(&mut self) {
        let mut told: Vec<Diagnostic> = Vec::new();
        for diagnostic in std::mem::take(&mut self.0) {
            if !told.contains(&diagnostic) {
                told.push(diagnostic);
            }
        }
        self.0 = told;
    }

    /// One diagnostic about a whole file.
    #[must_use]
    pub fn of_file(file: &str, code: &'static str, message: String, help: Option<&str>) -> Self {
        Self(vec![Diagnostic {
            severity: Severity::Error,
            code,
            file: file.to_owned(),
            line: 0,
            column: 0,
            width: 0,
            text: String::new(),
            message,
            help: help.map(str::to_owned),
        }])
    }

    /// As people read it: each with its line and a mark under what it is about.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour {
                format!("\u{1b}[{code}m{text}\u{1b}[0m")
            } else {
                text.to_owned()
            }
        };
        let mut out = String::new();
        for diagnostic in &self.0 {
            let (word, ink) = match diagnostic.severity {
                Severity::Error => ("error", "1;31"),
                Severity::Warning => ("warning", "1;33"),
            };
            let head = paint(ink, &format!("{word}[{}]", diagnostic.code));
            let _infallible = writeln!(out, "{head}: {}", diagnostic.message);
            if diagnostic.line == 0 {
                let _infallible = writeln!(out, " --> {}", diagnostic.file);
            } else {
                let number = diagnostic.line.to_string();
                let gutter = " ".repeat(number.len());
                let _infallible = writeln!(
                    out,
                    "{gutter}--> {}:{}:{}",
                    diagnostic.file, diagnostic.line, diagnostic.column
                );
                let mark = paint(ink, &"^".repeat(diagnostic.width.max(1)));
                let _infallible = writeln!(out, "{gutter} |");
                let _infallible = writeln!(out, "{number} | {}", diagnostic.text);
                let before = " ".repeat(diagnostic.column.saturating_sub(1));
                let _infallible = writeln!(out, "{gutter} | {before}{mark}");
            }
            if let Some(help) = &diagnostic.help {
                let _infallible = writeln!(out, "  = {}: {help}", paint("1", "help"));
            }
            out.push('\n');
        }
        out
    }
}

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// What an unknown name was probably meant to be, or all names when none is near.
#[must_use]
pub fn did_you_mean<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    // A name that several shapes know is told once.
    let mut names: Vec<&str> = names.into_iter().collect();
    let mut told = std::collections::BTreeSet::new();
    names.retain(|name| told.insert(*name));
    let folded = name.replace('-', "_").to_lowercase();
    let nearest = names
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&folded, &known.replace('-', "_").to_lowercase()),
                *known,
            )
        })
        .min();
    match nearest {
        None => None,
        Some((distance, known)) if distance <= 2.max(known.len() / 4) => {
            Some(format!("did you mean `{known}`?"))
        }
        Some(_) => {
            let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("known here: {}", list.join(", ")))
        }
    }
}
