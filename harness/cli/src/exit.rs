//! Exit codes: what each means, and what several cycles come to as one number.

/// The exit codes, as `--help` tells them: of all commands together, of `run`, or of one that follows
/// the document alone.
macro_rules! codes {
    () => {
        $crate::exit::codes!(" (with --require recovery: or no recovery)")
    };
    ($and:literal) => {
        concat!(
            "Exit codes:\n   \
         0  no news: the document agrees with what was seen\n   \
         1  a finding: the document disagrees",
            $and,
            "\n   \
         2  a mistake in a file or an argument; nothing was burnt\n   \
         3  cannot tell: what was to be judged could not be\n  \
         70  a defect of phoenix, or evidence that could not be written"
        )
    };
}
pub(crate) use codes;

/// The code of a run of several cycles: a finding (1) before not knowing (3), since what was found
/// is certain whatever else stayed open. Nothing judged is not knowing, not success.
pub(crate) fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let codes: Vec<u8> = codes.into_iter().collect();
    if codes.contains(&1) {
        1
    } else if codes.is_empty() || codes.contains(&3) {
        3
    } else {
        codes.into_iter().max().unwrap_or(3)
    }
}

#[cfg(test)]
mod tests {
    use super::worst;

    #[test]
    fn a_finding_outranks_not_knowing() {
        assert_eq!(worst([3, 1]), 1);
        assert_eq!(worst([1, 3, 0]), 1);
    }

    #[test]
    fn not_knowing_outranks_success() {
        assert_eq!(worst([0, 3]), 3);
        assert_eq!(worst([0, 0]), 0);
    }

    #[test]
    fn nothing_judged_is_no_success() {
        assert_eq!(worst([]), 3);
    }
}
