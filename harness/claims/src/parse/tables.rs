//! Tables, told apart by the words of their header and the shape of their cells.

use super::blocks::{Inline, Row};
use super::sections::Draft;
use super::words::{AIM, NOW, has_word, says, severity, severity_word};
use super::{Source, fields};
use crate::document::{
    ClaimKind, Document, Effort, Field, NamedValue, Quantity, Says, Tense, Value, Warning,
};

/// What a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `status`: the column that says whether it works.
    Capabilities {
        status: usize,
    },
    /// `severity`: the column that says how bad.
    Gaps {
        severity: usize,
    },
    Criteria {
        current: usize,
        target: usize,
    },
    Risks {
        current: usize,
    },
    Efforts {
        effort: usize,
    },
    /// Nothing that this parser judges.
    Other,
}

/// Reads a table into the document.
pub(super) fn read(
    source: &Source<'_>,
    header: &Row,
    rows: &[Row],
    section: &str,
    document: &mut Document,
    drafts: &mut Vec<Draft>,
) {
    let heads: Vec<String> = header
        .cells
        .iter()
        .map(|cell| cell.trimmed().to_lowercase())
        .collect();
    let shape = shape(&heads, rows);
    if shape == Shape::Other {
        return;
    }
    for row in rows {
        let line = source.line(row.range.start);
        if row.written != header.cells.len() {
            let (what, help) = if row.written < header.cells.len() {
                (
                    "is missing cells",
                    "fill them in, or write `-` where there is nothing to say",
                )
            } else {
                (
                    "has more cells than its header",
                    "write `\\|` for a bar inside a cell",
                )
            };
            document.warnings.push(Warning {
                line,
                message: format!("this row {what}: {} of {}", row.written, header.cells.len()),
                help: help.to_owned(),
            });
        }
        let cell = |at: usize| row.cells.get(at).map(Inline::trimmed).unwrap_or_default();
        // The name stands in the first column that is not the one that decides.
        let decides = match shape {
            Shape::Capabilities { status } => status,
            Shape::Gaps { severity } => severity,
            _ => usize::MAX,
        };
        let named = usize::from(decides == 0);
        let title = cell(named);
        let span = source.span(row.range.start, row.range.end);
        if title.is_empty() {
            continue;
        }
        if let Shape::Efforts { effort } = shape {
            let total = has_word(&title, &["total", "sum", "all", "overall"]);
            let effort = Quantity::parse(&cell(effort));
            document.efforts.push(Effort {
                phase: title,
                effort,
                total,
                span,
            });
            continue;
        }
        let mut draft = Draft::new(kind(shape), title, span);
        draft.section = Some(section.to_owned()).filter(|section| !section.is_empty());
        draft.comments = row
            .cells
            .iter()
            .flat_map(|cell| cell.comments.clone())
            .collect();
        let notes = (0..heads.len())
            .filter(|at| *at != named && *at != decides)
            .map(cell)
            .filter(|text| !text.is_empty());
        draft.notes = notes.collect::<Vec<_>>().join("; ");
        match shape {
            Shape::Capabilities { status } => {
                let text = cell(status);
                draft.says = says(&text).unwrap_or(Says::Unknown);
                if draft.says == Says::Unknown {
                    document.warnings.push(Warning {
                        line,
                        message: format!("the status \"{text}\" is not understood"),
                        help: "write ✅, ❌ or ⚠️, or a word such as yes, no, partial".to_owned(),
                    });
                }
            }
            Shape::Gaps { severity: at } => {
                draft.says = Says::Broken;
                let text = cell(at);
                draft.severity = severity(&text)
                    .map(|(level, _)| level)
                    .or_else(|| severity_word(text.trim()));
                draft.fields = (0..heads.len())
                    .filter(|at| *at != named && *at != decides && !cell(*at).is_empty())
                    .map(|at| Field {
                        name: heads[at].clone(),
                        value: cell(at),
                        span,
                    })
                    .collect();
                draft.locations = draft
                    .fields
                    .iter()
                    .filter(|field| fields::is_location(&field.name))
                    .flat_map(|field| fields::locations(&field.value))
                    .collect();
            }
            Shape::Criteria { current, target } => {
                let current = Quantity::parse(&cell(current));
                let target = Quantity::parse(&cell(target));
                draft.says = criterion_says(&current, &target);
                draft.values = vec![
                    NamedValue {
                        name: "current".to_owned(),
                        quantity: current,
                    },
                    NamedValue {
                        name: "target".to_owned(),
                        quantity: target,
                    },
                ];
            }
            Shape::Risks { current } => {
                let text = cell(current);
                draft.says = says(&text)
                    .or_else(|| risk_word(&text))
                    .unwrap_or(Says::Unknown);
                draft.severity = severity(&text).map(|(level, _)| level);
            }
            Shape::Efforts { .. } | Shape::Other => {}
        }
        if has_word(section, AIM) && !matches!(shape, Shape::Criteria { .. } | Shape::Risks { .. })
        {
            draft.tense = Tense::Aim;
        }
        drafts.push(draft);
    }
}

fn kind(shape: Shape) -> ClaimKind {
    match shape {
        Shape::Gaps { .. } => ClaimKind::Gap,
        Shape::Criteria { .. } => ClaimKind::Criterion,
        Shape::Risks { .. } => ClaimKind::Risk,
        Shape::Capabilities { .. } | Shape::Efforts { .. } | Shape::Other => ClaimKind::Capability,
    }
}

fn shape(heads: &[String], rows: &[Row]) -> Shape {
    let column = |words: &[&str]| heads.iter().position(|head| has_word(head, words));
    // A column whose filled cells mostly answer a question.
    let mostly = |test: &dyn Fn(&str) -> bool| {
        (0..heads.len()).find(|at| {
            let cells = rows
                .iter()
                .filter_map(|row| row.cells.get(*at))
                .map(Inline::trimmed);
            let filled: Vec<_> = cells.filter(|cell| !cell.is_empty()).collect();
            !filled.is_empty() && filled.iter().filter(|cell| test(cell)).count() * 2 > filled.len()
        })
    };
    if heads
        .iter()
        .any(|head| has_word(head, &["risk", "likelihood", "threat"]))
    {
        let current = heads
            .iter()
            .position(|head| has_word(head, NOW))
            .or_else(|| (1..heads.len()).find(|at| has_word(&heads[*at], &["risk", "likelihood"])));
        return current.map_or(Shape::Other, |current| Shape::Risks { current });
    }
    // The first column has the names, whatever it is called: `Objective | Target | Today`.
    let after_names = |words| (1..heads.len()).find(|at| has_word(&heads[*at], words));
    if let (Some(current), Some(target)) = (after_names(NOW), after_names(AIM))
        && current != target
    {
        return Shape::Criteria { current, target };
    }
    let effort = ["effort", "estimate", "duration"];
    if let Some(effort) = column(&effort)
        && effort > 0
        && column(&[
            "phase",
            "step",
            "item",
            "work",
            "stage",
            "milestone",
            "task",
        ]) == Some(0)
    {
        return Shape::Efforts { effort };
    }
    if let Some(severity) = column(&["severity", "priority", "sev", "prio"]) {
        return Shape::Gaps { severity };
    }
    let status = [
        "status", "state", "works", "working", "ok", "ready", "result", "proven",
    ];
    let named = (0..heads.len())
        .find(|at| has_word(&heads[*at], &status))
        .filter(|at| {
            // A column called so is one even where no cell of it can be read: that gets a warning.
            let plain = has_word(&heads[*at], &["status", "works", "working"]);
            // `State` may be a thing that is kept; then no cell of it answers yes or no.
            plain
                || rows
                    .iter()
                    .filter_map(|row| row.cells.get(*at))
                    .any(|cell| says(&cell.text).is_some())
        });
    named
        .or_else(|| mostly(&|cell| says(cell).is_some()))
        .filter(|_| heads.len() > 1)
        .map_or(Shape::Other, |status| Shape::Capabilities { status })
}

/// A row whose value of today is its target says that it works; `partial` says in part.
fn criterion_says(current: &Quantity, target: &Quantity) -> Says {
    match (&current.value, &target.value) {
        (Value::Missing, _) | (_, Value::Missing) => says(&current.text)
            .filter(|_| !target.text.is_empty())
            .unwrap_or(Says::Unknown),
        (Value::Word(now), Value::Word(wanted)) if now == wanted => Says::Works,
        (Value::Word(now), _) => match says(now) {
            Some(Says::Partial) => Says::Partial,
            _ => Says::Broken,
        },
        (Value::Number { .. }, Value::Number { .. }) => match meets(current, target) {
            Some(true) => Says::Works,
            Some(false) => Says::Broken,
            None => Says::Unknown,
        },
        (Value::Number { .. }, Value::Word(_)) => Says::Broken,
    }
}

/// Whether every number that `current` allows is one that `target` allows.
fn meets(current: &Quantity, target: &Quantity) -> Option<bool> {
    let nothing = |q: &Quantity| q.interval().is_some_and(|(_, high)| high == 0.0);
    if current.unit() != target.unit() && !nothing(current) && !nothing(target) {
        return None;
    }
    let (low, high) = current.interval()?;
    let end = if high.is_finite() {
        target.allows(high)?
    } else {
        target.allows(f64::MAX)?
    };
    Some(target.allows(low)? && end)
}

/// A risk in words.
fn risk_word(text: &str) -> Option<Says> {
    let first = text
        .split(|c: char| !c.is_alphanumeric())
        .find(|word| !word.is_empty())?;
    match first.to_lowercase().as_str() {
        "high" | "critical" | "severe" | "certain" => Some(Says::Broken),
        "medium" | "moderate" => Some(Says::Partial),
        "low" | "minimal" | "negligible" => Some(Says::Works),
        _ => None,
    }
}
