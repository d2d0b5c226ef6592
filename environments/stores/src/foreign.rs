//! What the drivers have in common for recovery points that phoenix did not make.

use std::io::Read as _;
use std::path::Path;

use phoenix_engine::foreign::open;
use phoenix_engine::plan::Unit;
use phoenix_engine::words::count;

use crate::server::Input;

/// How much of a file is read at a time.
pub(crate) const PIECE: usize = 256 << 10;

/// Reads a file to its end, unpacked.
pub(crate) fn pass(path: &Path, packed: bool, take: &mut dyn FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = open(path, packed)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        take(&buffer[..read]);
    }
}

/// What a tool of a server reads of a dump.
pub(crate) fn input(dump: &Path, packed: bool) -> Input<'_> {
    if packed {
        Input::Packed(dump)
    } else {
        Input::File(dump)
    }
}

/// Why a database that has tables takes no dump.
pub(crate) fn not_empty(tables: u64) -> String {
    format!(
        "it is not empty, it has {tables} tables; a dump is put into a fresh database: `destroy` and \
         `rebuild` have to come before"
    )
}

/// Why a dump whose end is missing is none; `says` is what its last line has to say.
pub(crate) fn not_whole(says: &str) -> String {
    format!("the dump is not whole: its last line is not that it {says}")
}

/// Why a dump is refused that makes or chooses a database of its own, by an option of its tool.
pub(crate) fn goes_elsewhere(other: &str, option: &str) -> String {
    format!(
        "the dump goes to the database '{other}', whatever it is loaded into: make it without {option}"
    )
}

/// Types of columns, by a server's own names.
pub(crate) struct Types<'t> {
    /// Those that have a moment by themselves.
    pub(crate) moments: &'t [&'t str],
    /// Those that count.
    pub(crate) numbers: &'t [&'t str],
}

impl Types<'_> {
    /// Whether the column of a table has moments by itself, and not numbers that count up to one.
    pub(crate) fn has_moments(
        &self,
        table: &str,
        column: &str,
        columns: &[(String, String)],
        unit: Option<Unit>,
    ) -> Result<bool, String> {
        let Some((_, kind)) = columns.iter().find(|(name, _)| name == column) else {
            let known: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!(
                "the table `{table}` has no column `{column}`; it has {}",
                known.join(", ")
            ));
        };
        let is_one_of = |types: &[&str]| types.contains(&kind.as_str());
        match unit {
            None if is_one_of(self.moments) => Ok(true),
            Some(_) if is_one_of(self.numbers) => Ok(false),
            None if is_one_of(self.numbers) => Err(format!(
                "the column `{table}.{column}` has numbers: say what they count, `unit: seconds` or \
                 `milliseconds`"
            )),
            _ => Err(format!(
                "the column `{table}.{column}` is of the type {kind}, and has no moments"
            )),
        }
    }
}

/// How much came.
pub(crate) fn words_of(tables: u64, rows: u64) -> String {
    format!(
        "{}, {}",
        count(tables, "table", "tables"),
        count(rows, "row", "rows")
    )
}

/// A moment in seconds since 1970, out of what a server answered. A number that is none is an error:
/// nothing is held against it.
pub(crate) fn moment(answer: Option<&str>, unit: Option<Unit>) -> Result<Option<f64>, String> {
    let Some(answer) = answer.filter(|answer| !answer.is_empty()) else {
        return Ok(None);
    };
    let number: f64 = answer
        .parse()
        .map_err(|_| format!("the server gave no number: {answer}"))?;
    let seconds = number / unit.map_or(1.0, Unit::in_a_second);
    if seconds.is_nan() {
        return Err("the newest moment is not a number".to_owned());
    }
    Ok(Some(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_number_or_nothing() {
        assert_eq!(moment(None, None), Ok(None));
        assert_eq!(moment(Some(""), None), Ok(None));
        assert_eq!(moment(Some("1.5"), None), Ok(Some(1.5)));
        assert_eq!(
            moment(Some("1500"), Some(Unit::Milliseconds)),
            Ok(Some(1.5))
        );
        assert_eq!(moment(Some("Infinity"), None), Ok(Some(f64::INFINITY)));
        assert!(moment(Some("NaN"), None).is_err());
        assert!(moment(Some("yesterday"), None).is_err());
    }
}
