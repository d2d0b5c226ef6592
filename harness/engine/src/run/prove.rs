//! What can be seen of a restored store without a ledger: how old its newest row is, and whether what
//! a scenario expects is in it. Values of rows and files go into the evidence as their digests.

use std::time::Duration;

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};

use super::results::{kind, proof, result};
use super::{Cycle, StepResult};
use crate::environment::DriverError;
use crate::plan::{Evident, FileIs, Step, Unit};
use crate::words::{self, count, first_bytes};

/// How far the clock of whoever wrote a row may be ahead.
const AHEAD: f64 = 300.0;
/// Parts of a sentence that are told.
const TOLD: usize = 6;

/// What was seen of one expectation.
struct Seen {
    outcome: Outcome,
    /// The name of what is wrong.
    failure: Option<&'static str>,
    /// One sentence.
    says: String,
    /// Age in seconds, of a newest row.
    age: Option<f64>,
}

impl Seen {
    fn pass(says: String) -> Self {
        Self {
            outcome: Outcome::Pass,
            failure: None,
            says,
            age: None,
        }
    }

    fn fail(failure: &'static str, says: String) -> Self {
        Self {
            outcome: Outcome::Fail,
            failure: Some(failure),
            says,
            age: None,
        }
    }

    fn unknown(says: String) -> Self {
        Self {
            outcome: Outcome::Unknown,
            failure: None,
            says,
            age: None,
        }
    }

    fn met(met: bool, failure: &'static str, says: String) -> Self {
        if met {
            Self::pass(says)
        } else {
            Self::fail(failure, says)
        }
    }
}

impl Cycle<'_> {
    pub(super) async fn prove(
        &self,
        step: &Step,
        expected: &[(String, Vec<Evident>)],
    ) -> StepResult {
        let mut said = Vec::new();
        for (store, expected) in expected {
            let (mut fresh, mut content) = (Vec::new(), Vec::new());
            for one in expected {
                let seen = self.see(store, one).await;
                if matches!(one, Evident::Newest { .. }) {
                    fresh.push(seen);
                } else {
                    content.push(seen);
                }
            }
            for (check, seen) in [(CheckKind::Freshness, fresh), (CheckKind::Content, content)] {
                if !seen.is_empty() {
                    said.push(self.conclude_seen(step, store, check, &seen));
                }
            }
        }
        Ok(said.join("; "))
    }

    fn conclude_seen(&self, step: &Step, store: &str, check: CheckKind, seen: &[Seen]) -> String {
        let worst = seen.iter().map(|one| one.outcome).max().unwrap_or_default();
        let known = |one: &&Seen| one.outcome != Outcome::Unknown;
        let examined = seen.iter().filter(known).count() as u64;
        // What is wrong comes first.
        let mut told: Vec<&Seen> = seen.iter().collect();
        told.sort_by_key(|one| std::cmp::Reverse(one.outcome));
        let mut parts: Vec<&str> = told.iter().map(|one| one.says.as_str()).collect();
        let more = parts.len().saturating_sub(TOLD);
        parts.truncate(TOLD);
        let mut summary = format!("{store}: {}", parts.join("; "));
        if more > 0 {
            summary.push_str(&format!("; and {more} more"));
        }
        let mut found = result(
            check,
            Subject::Store(store.to_owned()),
            worst,
            examined,
            first_bytes(&summary, 600),
        );
        for failure in seen.iter().filter_map(|one| one.failure) {
            match found
                .failures
                .iter_mut()
                .find(|(kind, _)| kind.0 == failure)
            {
                Some((_, n)) => *n += 1,
                None => found.failures.push((kind(failure), 1)),
            }
        }
        found.measured = seen.iter().filter_map(|one| one.age).max_by(f64::total_cmp);
        found.proofs = told
            .iter()
            .take(3)
            .map(|one| proof(&step.id, &format!("what is in {store}"), &one.says))
            .collect();
        self.state().results.push(found);
        let met = seen
            .iter()
            .filter(|one| one.outcome == Outcome::Pass)
            .count();
        let word = if check == CheckKind::Freshness {
            "fresh"
        } else {
            "as expected"
        };
        format!("{store}: {met} of {} {word}", seen.len())
    }

    async fn see(&self, store: &str, expected: &Evident) -> Seen {
        let not_loaded = self
            .state()
            .foreign
            .get(store)
            .filter(|foreign| !foreign.loaded)
            .map(|foreign| foreign.path.clone());
        if let Some(path) = not_loaded {
            return Seen::unknown(format!("{path} was not restored, so nothing was looked at"));
        }
        let seen = match expected {
            Evident::SameAs(label) => return self.same_as(store, label),
            Evident::Newest {
                table,
                column,
                unit,
                within,
                of,
            } => {
                self.newest(store, (table, column, *unit), *within, *of)
                    .await
            }
            Evident::Rows {
                table,
                at_least,
                at_most,
            } => self.rows(store, table, (*at_least, *at_most)).await,
            Evident::Value { query, value } => self.value(store, query, value).await,
            Evident::File { path, is } => self.file(store, path, is).await,
        };
        match seen {
            Ok(seen) => seen,
            // What the store refuses is not there. A store that cannot be asked says nothing.
            Err(error) => match self.environment.holds(store).await {
                Ok(_) => Seen::fail("not-there", error.why),
                Err(error) => Seen::unknown(error.to_string()),
            },
        }
    }

    async fn newest(
        &self,
        store: &str,
        (table, column, unit): (&str, &str, Option<Unit>),
        within: Duration,
        of: Option<jiff::Timestamp>,
    ) -> Result<Seen, DriverError> {
        let name = format!("{table}.{column}");
        let newest = self.environment.newest(store, table, column, unit).await?;
        let Some(newest) = newest else {
            let says = format!("no row has a {name}: there is no newest one");
            return Ok(Seen::fail("no-rows", says));
        };
        let (against, moment) = match of {
            Some(of) => (of, format!("before {of}")),
            None => (jiff::Timestamp::now(), "old".to_owned()),
        };
        #[expect(clippy::cast_precision_loss, reason = "microseconds fit 52 bits")]
        let age = against.as_microsecond() as f64 / 1e6 - newest;
        let limit = words::duration(within);
        let mut seen = if age > within.as_secs_f64() {
            let says = format!(
                "the newest {name} is {} {moment}, {limit} allowed",
                long(age)
            );
            Seen::fail("too-old", says)
        } else if age < -AHEAD {
            Seen::fail(
                "in-the-future",
                format!(
                    "the newest {name} is {} after the moment that it is held against: it tells no age",
                    long(-age)
                ),
            )
        } else {
            let says = format!(
                "the newest {name} is {} {moment}, {limit} allowed",
                long(age.max(0.0))
            );
            Seen::pass(says)
        };
        seen.age = Some(age);
        Ok(seen)
    }

    async fn rows(
        &self,
        store: &str,
        table: &str,
        (at_least, at_most): (u64, Option<u64>),
    ) -> Result<Seen, DriverError> {
        let rows = self.environment.rows(store, table).await?;
        let met = rows >= at_least && at_most.is_none_or(|most| rows <= most);
        let wanted = match at_most {
            Some(most) if most == at_least => format!("{most} expected"),
            Some(most) => format!("at most {most} expected"),
            None => format!("at least {at_least} expected"),
        };
        let says = format!("{table} has {}, {wanted}", count(rows, "row", "rows"));
        Ok(Seen::met(met, "wrong-count", says))
    }

    async fn value(&self, store: &str, query: &str, value: &str) -> Result<Seen, DriverError> {
        let found = self.environment.sql(store, query).await?;
        let asked = first_bytes(query, 80);
        Ok(match found.as_slice() {
            [only] if only == value => Seen::pass(format!("`{asked}` gives {}", shown(only))),
            [only] => Seen::fail(
                "wrong-value",
                format!("`{asked}` gives {}, {} expected", shown(only), shown(value)),
            ),
            rows => Seen::fail(
                "wrong-value",
                format!("`{asked}` gives {} rows where one is expected", rows.len()),
            ),
        })
    }

    async fn file(&self, store: &str, path: &str, is: &FileIs) -> Result<Seen, DriverError> {
        let Some(seen) = self.environment.file(store, path).await? else {
            return Ok(Seen::fail("not-there", format!("there is no {path}")));
        };
        let met = match is {
            FileIs::Sha256(wanted) => seen.sha256.eq_ignore_ascii_case(wanted),
            FileIs::Text(wanted) => {
                seen.bytes == wanted.len() as u64 && seen.start == wanted.as_bytes()
            }
        };
        let word = if met { "is" } else { "is not" };
        let says = format!(
            "{path} {word} the one that is expected ({} bytes, SHA-256 {})",
            seen.bytes,
            first_bytes(&seen.sha256, 16)
        );
        Ok(Seen::met(met, "wrong-content", says))
    }

    /// Both as they were before anything started on them.
    fn same_as(&self, store: &str, label: &str) -> Seen {
        let (mine, other) = {
            let state = self.state();
            let key = (label.to_owned(), store.to_owned());
            (
                state.foreign.get(store).cloned(),
                state.foreign_by_label.get(&key).cloned(),
            )
        };
        let (Some(mine), Some(other)) = (mine, other) else {
            return Seen::unknown(format!("nothing was restored as `{label}` to compare with"));
        };
        let (Some(now), Some(then)) = (&mine.fingerprint, &other.fingerprint) else {
            return Seen::unknown(format!(
                "{} and {} were not both restored, so nothing can be compared",
                mine.path, other.path
            ));
        };
        let differences = self.environment.compare(store, then, now);
        let equal = differences.is_empty() && then.digest == now.digest;
        if equal {
            let says = format!(
                "{} and {} restore the same, by the fingerprint of the whole store",
                mine.path, other.path
            );
            return Seen::pass(says);
        }
        let says = format!(
            "{} restores something else than {}: {}",
            mine.path,
            other.path,
            first_bytes(&differences.join(", "), 200)
        );
        Seen::fail("another-fingerprint", says)
    }
}

/// A value that this run did not write: as it is while it is a number, by its digest otherwise.
fn shown(value: &str) -> String {
    if value.len() <= 20 && value.parse::<f64>().is_ok() {
        return value.to_owned();
    }
    let digest = blake3::hash(value.as_bytes()).to_hex();
    format!("{} bytes with the digest {}", value.len(), &digest[..16])
}

/// A time in words, in its two largest units; beyond all calendars it is what it is.
fn long(seconds: f64) -> String {
    let Ok(time) = Duration::try_from_secs_f64(seconds.round()) else {
        return "for ever".to_owned();
    };
    let (s, both) = (time.as_secs(), |large, unit, small, other| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit}{small}{other}")
        }
    });
    match s {
        0..60 => format!("{s}s"),
        60..3600 => both(s / 60, "m", s % 60, "s"),
        3600..172_800 => both(s / 3600, "h", s % 3600 / 60, "m"),
        _ => both(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_two_units() {
        for (seconds, words) in [
            (0.2, "0s"),
            (61.0, "1m1s"),
            (93_600.0, "26h"),
            (93_900.0, "26h5m"),
            (400_000.0, "4d15h"),
            (f64::INFINITY, "for ever"),
        ] {
            assert_eq!(long(seconds), words);
        }
    }

    #[test]
    fn values_of_others_are_told_by_their_digests() {
        assert_eq!(shown("42"), "42");
        assert!(shown("alice@example.org").starts_with("17 bytes with the digest "));
    }
}
