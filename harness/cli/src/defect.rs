//! A panic is a defect of phoenix: it ends in its own exit code, never in that of a finding.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::error::Error;

/// Does `work`; a panic in it becomes an error that names the journal. What `work` was at is not
/// used afterwards.
pub(crate) fn caught<T>(journal: Option<&Path>, work: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Error::Internal {
        why: format!("a defect of phoenix: {}", words(panic.as_ref())),
        journal: journal.map(Path::to_owned),
    })
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it gave no reason")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::caught;

    #[test]
    fn a_defect_has_its_own_code_and_names_the_journal() {
        let journal = Path::new("runs/1/journal.jsonl");
        let error = caught(Some(journal), || -> u8 { panic!("what was not foreseen") })
            .expect_err("it panicked");
        assert_eq!(error.code(), 70);
        let words = error.words(false);
        assert!(words.contains("what was not foreseen"), "{words}");
        assert!(words.contains("runs/1/journal.jsonl"), "{words}");
    }

    #[test]
    fn what_does_not_panic_is_left_alone() {
        assert_eq!(caught(None, || 3).expect("no panic"), 3);
    }
}
