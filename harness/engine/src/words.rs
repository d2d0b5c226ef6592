//! Numbers as people read them.

use std::time::Duration;

pub use phoenix_evidence::words::error_chain;

/// A duration in its largest whole unit, or with one decimal: `24h`, `90s`, `1.5s`, `20ms`.
#[must_use]
pub fn duration(value: Duration) -> String {
    let ms = value.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms < 1000 => format!("{ms}ms"),
        _ if ms < 10_000 => format!("{:.1}s", value.as_secs_f64()),
        _ => {
            let s = value.as_secs();
            if s.is_multiple_of(86_400) && s >= 2 * 86_400 {
                format!("{}d", s / 86_400)
            } else if s.is_multiple_of(3600) {
                format!("{}h", s / 3600)
            } else if s.is_multiple_of(60) {
                format!("{}m", s / 60)
            } else {
                format!("{s}s")
            }
        }
    }
}

/// `1 canary`, `2 canaries`: a count with its noun.
#[must_use]
pub fn count(n: u64, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

/// The first bytes of a text for a proof: one line, at most `max` characters.
#[must_use]
pub fn first_bytes(text: &str, max: usize) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(max + 1)
        .collect();
    let line = line.trim();
    if line.chars().count() > max {
        let cut: String = line.chars().take(max).collect();
        format!("{cut}…")
    } else {
        line.to_owned()
    }
}
