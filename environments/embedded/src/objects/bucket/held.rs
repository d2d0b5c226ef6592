//! Bytes of versions that were removed, kept while somebody copies them.

use std::fs;

use super::{Bucket, free};

/// Data files that nothing refers to any more, kept while somebody copies them.
#[derive(Debug, Default)]
pub(super) struct Held {
    by: usize,
    files: Vec<String>,
}

/// Keeps the bytes of removed versions until it is dropped.
pub(in crate::objects) struct Hold<'a>(&'a Bucket);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Bucket {
    /// Keeps the bytes of versions that are removed from now on.
    pub(in crate::objects) fn hold(&self) -> Hold<'_> {
        self.keep_removed();
        Hold(self)
    }

    pub(in crate::objects) fn keep_removed(&self) {
        free(self.held.lock()).by += 1;
    }

    pub(in crate::objects) fn release(&self) {
        let mut held = free(self.held.lock());
        held.by = held.by.saturating_sub(1);
        if held.by == 0 {
            let files = std::mem::take(&mut held.files);
            drop(held);
            self.unlink(&files);
        }
    }

    pub(super) fn discard(&self, mut files: Vec<String>) {
        let mut held = free(self.held.lock());
        if held.by > 0 {
            held.files.append(&mut files);
        }
        drop(held);
        self.unlink(&files);
    }

    /// Bytes that nothing refers to: what cannot be removed now is no harm.
    fn unlink(&self, files: &[String]) {
        for file in files {
            let _gone = fs::remove_file(self.folder.join("data").join(file));
        }
    }
}
