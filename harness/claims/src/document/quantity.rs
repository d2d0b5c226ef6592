//! Values as people write them: `45+ min`, `< 15 min`, `~3 weeks`, `10–15 min`, `1h30`, `Partial`.

use serde::{Deserialize, Serialize};

/// How a number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparator {
    /// Exactly, or as near as people write it.
    Is,
    /// `<`, `under`.
    Below,
    /// `≤`, `at most`, `up to`.
    AtMost,
    /// `>`, `over`.
    Above,
    /// `≥`, `at least`, `45+`.
    AtLeast,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Things.
    Count,
    /// Parts of a hundred.
    Percent,
    /// Seconds; whatever the document wrote is converted. A day has 24 hours, a week 7 days and a
    /// month 30 days: efforts in working days are not told apart from calendar days.
    Seconds,
}

/// The readable part of a quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// A number, or a range of them (`low` = `high` where there is only one).
    Number {
        /// How it is meant.
        comparator: Comparator,
        /// Whether it is marked as rough (`~`, `about`).
        approximate: bool,
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
        /// What it counts.
        unit: Unit,
    },
    /// A word, in lower case. It has a rank only against the target of its own row.
    Word(String),
    /// Nothing.
    Missing,
}

/// A value with the text that it was read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// As written.
    pub text: String,
    /// As read.
    pub value: Value,
}

/// How far a rough number may be off and still be met, as a share of it.
const ROUGH: f64 = 0.1;

impl Quantity {
    /// Reads a value. Never fails: what is no number is a word.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim().to_owned();
        let value = if text.is_empty() || matches!(text.as_str(), "-" | "–" | "—" | "n/a" | "N/A")
        {
            Value::Missing
        } else {
            number(&text).unwrap_or_else(|| word(&text))
        };
        Self { text, value }
    }

    /// The unit of a number.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        match self.value {
            Value::Number { unit, .. } => Some(unit),
            Value::Word(_) | Value::Missing => None,
        }
    }

    /// The word, where it is one.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match &self.value {
            Value::Word(word) => Some(word),
            Value::Number { .. } | Value::Missing => None,
        }
    }

    /// The numbers that it allows, from and to, both included unless `Below` or `Above`.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        let Value::Number {
            comparator,
            approximate,
            low,
            high,
            ..
        } = self.value
        else {
            return None;
        };
        let slack = if approximate { ROUGH } else { 0.0 };
        let (low, high) = (low * (1.0 - slack), high * (1.0 + slack));
        Some(match comparator {
            Comparator::Is => (low, high),
            Comparator::Below | Comparator::AtMost => (0.0, high),
            Comparator::Above | Comparator::AtLeast => (low, f64::INFINITY),
        })
    }

    /// Whether a measured number is one that it allows.
    #[must_use]
    pub fn allows(&self, measured: f64) -> Option<bool> {
        let Value::Number { comparator, .. } = self.value else {
            return None;
        };
        let (low, high) = self.interval()?;
        Some(match comparator {
            Comparator::Below => measured < high,
            Comparator::Above => measured > low,
            Comparator::Is | Comparator::AtMost | Comparator::AtLeast => {
                measured >= low && measured <= high
            }
        })
    }
}

fn word(text: &str) -> Value {
    let word: String = text
        .chars()
        .skip_while(|c| !c.is_alphanumeric())
        .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '\''))
        .collect();
    if word.is_empty() {
        Value::Missing
    } else {
        Value::Word(word.to_lowercase())
    }
}

/// Reads a number with all that may stand before and after it.
fn number(text: &str) -> Option<Value> {
    let lower = text.to_lowercase();
    let mut rest = lower
        .trim_start_matches(|c: char| !c.is_ascii() && !"≤≥≈<>~".contains(c))
        .trim();
    let mut comparator = Comparator::Is;
    let mut approximate = false;
    loop {
        let before = rest;
        for (mark, meaning) in BEFORE {
            if let Some(after) = rest.strip_prefix(mark)
                && (!mark.ends_with(char::is_alphabetic)
                    || after.starts_with(|c: char| c.is_whitespace() || c.is_ascii_digit()))
            {
                match meaning {
                    Some(found) => comparator = *found,
                    None => approximate = true,
                }
                rest = after.trim_start();
                break;
            }
        }
        if rest == before {
            break;
        }
    }
    let (first, after) = digits(rest)?;
    let mut rest = after;
    let mut plus = false;
    if let Some(after) = rest.strip_prefix('+') {
        plus = true;
        rest = after;
    }
    let (mut scale, mut after_unit) = unit(rest.trim_start()).unwrap_or((None, rest));
    let mut second = None;
    // A range: `10–15 min`, `10 min – 15 min`, `2 to 3 days`.
    let tail = after_unit.trim_start();
    let dashed = ["–", "—", "-", "to "]
        .iter()
        .find_map(|dash| tail.strip_prefix(dash));
    if let Some((number, after)) = dashed.and_then(|tail| digits(tail.trim_start())) {
        second = Some(number);
        let (found, after) = unit(after.trim_start()).unwrap_or((scale, after));
        scale = found;
        after_unit = after;
    }
    if let Some(after) = after_unit.trim_start().strip_prefix('+') {
        plus = true;
        after_unit = after;
    }
    let (unit_found, factor) = scale.unwrap_or((Unit::Count, 1.0));
    let mut low = first * factor;
    let mut high = second.map_or(low, |second| second * factor);
    // `1h30`, `1 h 30 min`, `2 min 5 s`: what follows a duration and is finer belongs to it.
    if unit_found == Unit::Seconds
        && second.is_none()
        && let Some((more, after)) = digits(after_unit.trim_start())
    {
        let finer = match unit(after.trim_start()) {
            Some((Some((Unit::Seconds, finer)), _)) if finer < factor => Some(finer),
            None if after.trim().is_empty() && factor >= 60.0 => Some(factor / 60.0),
            _ => None,
        };
        if let Some(finer) = finer {
            low += more * finer;
            high = low;
        }
    }
    if plus {
        comparator = Comparator::AtLeast;
    }
    if high < low {
        std::mem::swap(&mut low, &mut high);
    }
    Some(Value::Number {
        comparator,
        approximate,
        low,
        high,
        unit: unit_found,
    })
}

/// Marks that may stand before a number; `None` means that it is rough.
const BEFORE: &[(&str, Option<Comparator>)] = &[
    ("<=", Some(Comparator::AtMost)),
    (">=", Some(Comparator::AtLeast)),
    ("≤", Some(Comparator::AtMost)),
    ("≥", Some(Comparator::AtLeast)),
    ("<", Some(Comparator::Below)),
    (">", Some(Comparator::Above)),
    ("at most", Some(Comparator::AtMost)),
    ("up to", Some(Comparator::AtMost)),
    ("max", Some(Comparator::AtMost)),
    ("under", Some(Comparator::Below)),
    ("below", Some(Comparator::Below)),
    ("less than", Some(Comparator::Below)),
    ("at least", Some(Comparator::AtLeast)),
    ("min", Some(Comparator::AtLeast)),
    ("over", Some(Comparator::Above)),
    ("above", Some(Comparator::Above)),
    ("more than", Some(Comparator::Above)),
    ("~", None),
    ("≈", None),
    ("about", None),
    ("around", None),
    ("roughly", None),
    ("approx.", None),
    ("approx", None),
    ("ca.", None),
    ("circa", None),
];

/// A decimal number at the start of a text, with what follows it.
fn digits(text: &str) -> Option<(f64, &str)> {
    let mut end = 0;
    let bytes = text.as_bytes();
    while end < bytes.len()
        && (bytes[end].is_ascii_digit()
            || (matches!(bytes[end], b'.' | b',')
                && end > 0
                && bytes.get(end + 1).is_some_and(u8::is_ascii_digit)))
    {
        end += 1;
    }
    if end == 0 {
        return None;
    }
    // `1,500` is a thousand and a half; `1,5` is one and a half.
    let written = &text[..end];
    let plain = match written.split_once(',') {
        Some((_, tail)) if tail.len() == 3 && !tail.contains(',') => written.replace(',', ""),
        Some(_) => written.replacen(',', ".", 1),
        None => written.to_owned(),
    };
    plain
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite())
        .map(|n| (n, &text[end..]))
}

type Scale = Option<(Unit, f64)>;

/// A unit at the start of a text (already in lower case), with what follows it.
fn unit(text: &str) -> Option<(Scale, &str)> {
    if let Some(after) = text.strip_prefix('%') {
        return Some((Some((Unit::Percent, 1.0)), after));
    }
    let end = text
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let seconds = match &text[..end] {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        "month" | "months" => 2_592_000.0,
        "percent" => return Some((Some((Unit::Percent, 1.0)), &text[end..])),
        _ => return None,
    };
    Some((Some((Unit::Seconds, seconds)), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Quantity::parse(text).value {
            Value::Number {
                comparator,
                approximate,
                low,
                high,
                unit,
            } => {
                let rough = if approximate { "~" } else { "" };
                format!("{comparator:?} {rough}{low}..{high} {unit:?}")
            }
            Value::Word(word) => format!("word {word}"),
            Value::Missing => "missing".to_owned(),
        }
    }

    #[test]
    fn reads_values_as_people_write_them() {
        let cases = [
            ("45+ min", "AtLeast 2700..2700 Seconds"),
            ("45 min+", "AtLeast 2700..2700 Seconds"),
            ("< 15 min", "Below 900..900 Seconds"),
            ("<15min", "Below 900..900 Seconds"),
            ("~15 minutes", "Is ~900..900 Seconds"),
            ("100%", "Is 100..100 Percent"),
            ("0 %", "Is 0..0 Percent"),
            ("3", "Is 3..3 Count"),
            ("0", "Is 0..0 Count"),
            ("2 (PAT, SES)", "Is 2..2 Count"),
            ("Partial", "word partial"),
            ("⚠️ Partial: EFS", "word partial"),
            ("✅ 12 min", "Is 720..720 Seconds"),
            ("No", "word no"),
            ("10–15 min", "Is 600..900 Seconds"),
            ("10-15 min", "Is 600..900 Seconds"),
            ("2 to 3 days", "Is 172800..259200 Seconds"),
            ("1h30", "Is 5400..5400 Seconds"),
            ("1 h 30 min", "Is 5400..5400 Seconds"),
            ("2 min 5 s", "Is 125..125 Seconds"),
            ("~3 weeks", "Is ~1814400..1814400 Seconds"),
            ("2 days setup", "Is 172800..172800 Seconds"),
            ("at most 24 h", "AtMost 86400..86400 Seconds"),
            ("≥ 99.9%", "AtLeast 99.9..99.9 Percent"),
            ("1,5 h", "Is 5400..5400 Seconds"),
            ("1,500", "Is 1500..1500 Count"),
            ("minimal", "word minimal"),
            ("", "missing"),
            ("–", "missing"),
            ("❌", "missing"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_rough_number_has_a_tenth_of_slack_and_a_strict_one_has_none() {
        assert_eq!(Quantity::parse("~15 min").allows(16.0 * 60.0), Some(true));
        assert_eq!(Quantity::parse("~15 min").allows(17.0 * 60.0), Some(false));
        assert_eq!(Quantity::parse("< 15 min").allows(900.0), Some(false));
        assert_eq!(Quantity::parse("≤ 15 min").allows(900.0), Some(true));
        assert_eq!(Quantity::parse("45+ min").allows(9_000.0), Some(true));
        assert_eq!(Quantity::parse("Partial").allows(0.5), None);
    }
}
