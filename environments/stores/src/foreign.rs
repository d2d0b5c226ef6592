//! What the drivers have in common for recovery points that phoenix did not make.

use std::io::Read as _;
use std::path::Path;

use phoenix_engine::foreign::open;
use phoenix_engine::plan::Unit;
use phoenix_engine::words::count;

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
